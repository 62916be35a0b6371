"""The front answers within milliseconds because it imports nothing but the standard library, and little of that."""

import subprocess
import sys

from tests.stdio_process import ROOT

HEAVY = {
    "asyncio",
    "dataclasses",
    "inspect",
    "logging",
    "pathlib",
    "ssl",
    "subprocess",
    "importlib.metadata",
    "tomllib",
}
PROBE = """
import sys
before = set(sys.modules)
import construction_mcp.__main__, construction_mcp.core.launch, construction_mcp.front.run
print("\\n".join(sorted(set(sys.modules) - before)))
"""


def test_the_front_imports_only_the_light_part_of_the_standard_library() -> None:
    """-S keeps site-packages, and what its .pth files import, out of the picture."""
    made = subprocess.run(
        [sys.executable, "-S", "-c", PROBE], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, check=True
    )
    names = set(made.stdout.decode().split())
    foreign = {name for name in names if name.split(".")[0] not in {*sys.stdlib_module_names, "construction_mcp"}}

    assert "construction_mcp.front.static" in names
    assert foreign == set()
    assert names & HEAVY == set()
    assert {name.split(".")[1] for name in names if name.startswith("construction_mcp.")} <= {
        "core",
        "front",
        "__main__",
    }


def test_what_serve_alone_needs_is_loaded_by_no_stdio_process() -> None:
    """Exposition and exporters cost a fifth of a second and more; a desktop client has no use for them."""
    probe = (
        "import sys, construction_mcp.server.stdio, construction_mcp.server.app, construction_mcp.engine.embedded\n"
        "print([name for name in ('prometheus_client', 'opentelemetry.sdk', 'requests') if name in sys.modules])"
    )
    made = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, check=True)

    assert made.stdout.decode().strip() == "[]"
