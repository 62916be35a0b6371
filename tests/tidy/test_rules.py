"""Every rule on the whole house, and every rule on a sample that breaks it."""

from collections.abc import Callable, Iterator

import pytest

from tests.tidy import code, imports, text
from tests.tidy.source import Source, python_sources, text_sources

Rule = Callable[[Source], Iterator[str]]

# rule -> samples that break it, as (path, text)
PYTHON_RULES: dict[Rule, list[tuple[str, str]]] = {
    imports.wrong_floor: [
        ("construction_mcp/core/x.py", "from construction_mcp.store.users import Users"),
        ("construction_mcp/core/x.py", "from construction_mcp import bootstrap"),
        ("construction_mcp/store/x.py", "def f():\n    import construction_mcp.server.app"),
        ("construction_mcp/registry/x.py", "if TYPE_CHECKING:\n    from ..server.app import Face"),
        ("construction_mcp/store/x.py", "from construction_mcp.net.egress import Guard"),
        ("construction_mcp/front/x.py", "def f():\n    from construction_mcp.server import stdio"),
        ("construction_mcp/attic/x.py", ""),
    ],
    imports.sdk_outside_server: [
        ("construction_mcp/registry/x.py", "from mcp import types"),
        ("construction_mcp/core/x.py", "def f():\n    import mcp_types"),
    ],
    imports.toolset_imports_toolset: [
        ("construction_mcp/toolsets/a/tools.py", "from construction_mcp.toolsets.b import tools"),
        ("construction_mcp/toolsets/a/tools.py", "from ..b.tools import f"),
    ],
    imports.egress_outside_net: [
        ("construction_mcp/toolsets/a/tools.py", "import httpx"),
        ("construction_mcp/core/x.py", "from urllib.request import urlopen"),
        ("construction_mcp/core/x.py", "import http.client"),
    ],
    code.long_function: [("construction_mcp/core/x.py", "def f():\n" + "    a = 1\n" * 60)],
    code.nameless_module: [
        ("construction_mcp/core/utils.py", ""),
        ("construction_mcp/core/json_helpers.py", ""),
        ("construction_mcp/common/x.py", ""),
    ],
    code.sql_in_python: [
        ("construction_mcp/toolsets/a/tools.py", 'q = "SELECT id FROM users"'),
        ("construction_mcp/core/x.py", 'q = f"DELETE FROM {table}"'),
        ("construction_mcp/core/x.py", 'q = """\n  insert into users VALUES (1)"""'),
    ],
    code.forgotten_task: [
        ("construction_mcp/server/x.py", "asyncio.create_task(f())"),
        ("construction_mcp/server/x.py", "asyncio.get_running_loop().create_task(f())"),
        ("construction_mcp/server/x.py", "self._loop.create_task(f())"),
    ],
    code.secret_compared_plainly: [
        ("construction_mcp/server/x.py", "ok = given == self.token"),
        ("construction_mcp/server/x.py", "if body_signature != expected: pass"),
    ],
}
TEXT_RULES: dict[Rule, list[tuple[str, str]]] = {
    text.machine_path: [("README.md", "see /wor" + "k/x"), ("a.toml", 'path = "/home/jan' + 'e/code"')],
    text.registry_host: [("README.md", "https://pyp" + "i.org/simple"), ("a.sh", "pip --inde" + "x-url x")],
    imports.mocked: [
        ("tests/store/test_x.py", "from unittest.mock import Mock"),
        ("tests/store/test_x.py", "from unittest import mock"),
    ],
    text.excuse_without_reason: [
        ("construction_mcp/core/x.py", "import os  # noqa"),
        ("construction_mcp/core/x.py", "import os  # noqa: F401"),
        ("construction_mcp/core/x.py", "a = b  # type: ignore  # because"),
        ("construction_mcp/core/x.py", "a = b  # type: ignore[misc]"),
    ],
}


@pytest.mark.parametrize("rule", PYTHON_RULES, ids=lambda rule: rule.__name__)
def test_no_module_breaks(rule):
    assert [problem for source in python_sources() for problem in rule(source)] == []


@pytest.mark.parametrize("rule", TEXT_RULES, ids=lambda rule: rule.__name__)
def test_no_file_breaks(rule):
    assert [problem for source in text_sources() for problem in rule(source)] == []


@pytest.mark.parametrize(
    ("rule", "path", "sample"),
    [(rule, *sample) for rule, samples in {**PYTHON_RULES, **TEXT_RULES}.items() for sample in samples],
)
def test_a_seeded_bad_sample_is_caught(rule, path, sample):
    assert list(rule(Source(path, sample))) != []


def test_the_rules_look_at_the_whole_package():
    rooms = {source.room for source in python_sources()}

    assert {"core", "registry", "server", "cli", "toolsets", "bootstrap"} <= rooms


def test_a_good_sample_passes_every_rule():
    good = '"""Promise."""\n\nfrom construction_mcp.core.errors import Invalid  # noqa: F401 - shown to tests\n'

    problems = [
        problem
        for rule in {**PYTHON_RULES, **TEXT_RULES}
        for problem in rule(Source("construction_mcp/store/x.py", good))
    ]

    assert problems == []
