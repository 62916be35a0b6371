"""Action types are found by name, one family at a time, ours before anybody else's."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from construction_mcp.actions.catalogue import Catalogue
from construction_mcp.core.nearest import nearest

OUTSIDE = """
from construction_mcp.actions.action import ActionType, Config
class Pour(Config):
    pass
TYPES = (ActionType("{name}", Pour, effect="pure", doc="Pour.", output={{"type": "object"}}),)
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a module on the path that claims a family, as pip would leave it."""
    monkeypatch.syspath_prepend(tmp_path)

    def installed(module: str, family: str, code: str) -> None:
        (tmp_path / f"{module}.py").write_text(code)
        metadata = tmp_path / f"{module}-1.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1\n")
        (metadata / "entry_points.txt").write_text(f"[construction_mcp.actions]\n{family} = {module}\n")
        monkeypatch.delitem(sys.modules, module, raising=False)

    return installed


def families_loaded_by(code: str) -> list[str]:
    """The families that a fresh process has imported after `code` ran."""
    script = (
        f"import sys\nfrom construction_mcp.actions.catalogue import Catalogue\n{code}\n"
        "ours = {name: one for name, one in sys.modules.items() if name.startswith('construction_mcp.actions.')}\n"
        "print(*(name for name, one in ours.items() if hasattr(one, 'TYPES')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_asking_for_one_type_imports_one_family() -> None:
    loaded = families_loaded_by("assert Catalogue().get('procore.rfi.list')")

    assert loaded == ["construction_mcp.actions.procore.rfi"]


def test_making_a_catalogue_imports_none() -> None:
    assert families_loaded_by("Catalogue().get('nothing.of.the.kind')") == []


def test_every_type_is_listed_sorted_and_found_under_its_name() -> None:
    catalogue = Catalogue()

    names = catalogue.names()

    assert list(names) == sorted(set(names))
    assert [found.name for name in names if (found := catalogue.get(name))] == list(names)
    assert {"procore.rfi.list", "procore.request", "procore.change_event.list"} <= set(names)


@pytest.mark.parametrize(
    "name", ["", ".", "procore", "procore.rfi", "procore.rfi.", "procore.kinds.list", "action.get", "../os", "x" * 5000]
)
def test_what_is_no_type_is_none_and_no_error(name: str) -> None:
    assert Catalogue().get(name) is None


def test_a_misspelt_name_has_the_right_one_nearest() -> None:
    names = Catalogue().names()

    assert nearest("procore.rfis.list", names)[0] == "procore.rfi.list"
    assert nearest("procore.punchitem.create", names)[0] == "procore.punch_item.create"


def test_a_type_describes_itself_with_its_config_and_what_it_gives() -> None:
    described = Catalogue().describe("procore.rfi.reply")

    assert described is not None
    assert described["effect"] == "write"
    assert set(described["config"]["required"]) == {"rfi_id", "body"}
    assert "body" in described["output"]["properties"]["item"]["properties"]
    assert Catalogue().describe("procore.rfi.replay") is None


def test_an_outside_package_adds_a_family_and_is_imported_when_it_is_asked_for(install: Install) -> None:
    install("pour_actions", "concrete", OUTSIDE.format(name="concrete.pour"))
    catalogue = Catalogue()

    catalogue.get("procore.rfi.list")
    unasked = "pour_actions" in sys.modules

    assert not unasked
    assert catalogue.get("concrete.pour") is not None
    assert "concrete.pour" in catalogue.names()
    assert catalogue.problems == []


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("", "has no attribute 'TYPES'"),
        ("TYPES = ('concrete.pour',)", "holds str, which is no ActionType"),
        (OUTSIDE.format(name="steel.erect"), "steel.erect does not belong to the family concrete"),
    ],
)
def test_a_broken_package_is_told_and_hides_nothing_of_ours(install: Install, code: str, why: str) -> None:
    install("broken_actions", "concrete", code)
    catalogue = Catalogue()

    names = catalogue.names()

    assert "procore.rfi.list" in names
    assert catalogue.get("concrete.pour") is None
    (broken,) = catalogue.problems
    assert (broken.family, broken.module) == ("concrete", "broken_actions")
    assert why in broken.why


@pytest.mark.parametrize("family", ["procore", "procore.rfi", "procore.equipment"])
def test_a_package_that_claims_a_family_of_ours_is_refused(install: Install, family: str) -> None:
    install("greedy_actions", family, OUTSIDE.format(name=f"{family}.list"))
    catalogue = Catalogue()

    catalogue.names()

    assert "greedy_actions" not in sys.modules
    assert catalogue.get("procore.equipment.list") is None
    assert [(one.module, one.why) for one in catalogue.problems] == [
        ("greedy_actions", f"{family} is provided by construction-mcp itself.")
    ]


def test_of_two_packages_with_one_family_the_first_by_name_has_it(install: Install) -> None:
    install("b_actions", "concrete", OUTSIDE.format(name="concrete.cure"))
    install("a_actions", "concrete", OUTSIDE.format(name="concrete.pour"))
    catalogue = Catalogue()

    assert catalogue.get("concrete.pour") is not None
    assert catalogue.get("concrete.cure") is None
    assert [(one.module, one.why) for one in catalogue.problems] == [
        ("b_actions", "concrete is provided by a_actions.")
    ]
