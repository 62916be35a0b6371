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
