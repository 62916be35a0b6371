"""Run every check against real server processes and print one table: `python -m tests.conformance.run [part ...]`.

Parts: suite, clients, linters; all of them unless named. Needs npm and a network for the first run; what it installs
stays in `CONSTRUCTION_MCP_CHECKS_CACHE` (a folder below the user's cache unless set).
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.conformance.clients import inspector
from tests.conformance.instruments import Instruments, MissingTool, cache_folder, install
from tests.conformance.linters import linters
from tests.conformance.processes import FIXTURES, SERVER, environment, install_fixtures, serving
from tests.conformance.report import Row, Verdict, judged, table
from tests.conformance.suite import generic, mcpcheck, scored

PARTS = ("suite", "clients", "linters")


def main() -> int:
    """0 when every check passed, 1 when one failed, 2 when a judge could not be installed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="what to run")
    parts = parser.parse_args().parts or PARTS
    try:
        instruments = install(cache_folder())
    except MissingTool as problem:
        print(problem, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        return table(list(_rows(parts, instruments, Path(folder))))


def _rows(parts: tuple[str, ...], instruments: Instruments, folder: Path) -> Iterator[Row]:
    plain = environment()
    if "suite" in parts:
        yield from _with_fixtures(instruments, folder)
    if "suite" in parts or "clients" in parts:
        with serving(folder / "plain", "--no-auth", env=plain) as addresses:
            if "suite" in parts:
                yield from generic(instruments, addresses["mcp"], folder)
                yield mcpcheck(instruments, addresses["mcp"])
            if "clients" in parts:
                yield from inspector(instruments, addresses, folder / "stdio", plain)
    if "linters" in parts:
        yield from linters(instruments, folder / "linters", folder, plain)


def _with_fixtures(instruments: Instruments, folder: Path) -> Iterator[Row]:
    env = environment(install_fixtures(folder / "site"))
    yield judged("fixture manifest is fresh", lambda: _fresh(env))
    with serving(folder / "fixtures", "--no-auth", "--toolsets", FIXTURES, env=env) as addresses:
        yield from scored(instruments, addresses["mcp"], folder)


def _fresh(env: dict[str, str]) -> Verdict:
    command = [*SERVER, "tools", "build", FIXTURES, "--check"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode == 0, (done.stdout + done.stderr).strip()[-200:]


if __name__ == "__main__":
    sys.exit(main())
