"""What other packages add and get wrong is told where people look, and takes nothing else down."""

import sys
from pathlib import Path

import pytest

from construction_mcp.registry.catalog import View
from tests.flows.office import office_at

pytestmark = pytest.mark.anyio

PLUGINS = Path(__file__).parent.parent / "plugins"
ALL = View(("all",))


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """An action package that cannot be imported, and a template package with a file that is none."""
    monkeypatch.syspath_prepend(str(PLUGINS))
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    (folder / "sad_actions.py").write_text("raise RuntimeError('no licence in /home/somebody')")
    metadata = folder / "sad_actions-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: sad_actions\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[construction_mcp.actions]\nconcrete = sad_actions\n")
    monkeypatch.delitem(sys.modules, "sad_actions", raising=False)


async def test_health_names_them_and_keeps_their_own_words_to_this_machine(broken, tmp_path, clock):
    async with office_at(tmp_path, clock, view=ALL) as office:
        health = await office.call("get_system_health")
        guided = await office.call("get_workflow_guidance", goal="mail pm@x.com the overdue RFIs each Monday at 9 UTC")

    said = [reason["message"] for reason in health["reasons"]]
    assert health["status"] == "degraded"
    assert "The actions concrete of sad_actions cannot be used." in said
    assert "The template half_done of another package cannot be used." in said
    assert all("construction-mcp doctor" in reason["fix"] for reason in health["reasons"])
    assert "licence" not in str(health)
    assert guided["steps"]


async def test_without_any_health_has_nothing_to_say(tmp_path, clock):
    async with office_at(tmp_path, clock, view=ALL) as office:
        health = await office.call("get_system_health")

    assert (health["status"], health["reasons"]) == ("healthy", [])
