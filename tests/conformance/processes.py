"""The server as its users start it: a process of its own, on a data directory of its own."""

import contextlib
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

FIXTURES = "conformance_fixtures"
_SOURCE = Path(__file__).with_name("fixture_toolset")
_READY_S = 60
_END_S = 15

# -P: the installed package is judged where there is one, not the checkout this happens to run in.
SERVER = (sys.executable, "-P", "-m", "construction_mcp")


class NotServing(Exception):
    """The server did not say where it listens."""


def install_fixtures(site: Path) -> Path:
    """Install the fixture toolset as its own distribution, so that it is found by its entry point."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*command, "--target", str(site), str(_SOURCE)], check=True, timeout=300)
    return site


def environment(*sites: Path) -> dict[str, str]:
    """This process's environment without its own settings of the server, and with `sites` importable."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CONSTRUCTION_MCP_", "PROCORE_"))}
    paths = [*map(str, sites), *filter(None, [kept.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(paths)}


@contextlib.contextmanager
def serving(data_dir: Path, *flags: str, env: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """`serve` on a free port; its JSON line with the addresses.

    Raises:
        NotServing: it ended, or said nothing for a minute.
    """
    command = [*SERVER, "serve", "--port", "0", "--json", "--data-dir", str(data_dir), *flags]
    with (data_dir.parent / f"{data_dir.name}.log").open("w+b") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=dict(env))
        try:
            yield _addresses(process, log.name)
        finally:
            process.terminate()
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _addresses(process: subprocess.Popen[bytes], log: str) -> dict[str, Any]:
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], _READY_S)
    line = process.stdout.readline() if readable else b""
    if not line:
        raise NotServing(Path(log).read_text(encoding="utf-8", errors="replace")[-2000:])
    addresses: dict[str, Any] = json.loads(line)
    return addresses


def ask_stdio(data_dir: Path, frames: Sequence[Mapping[str, Any]], *flags: str, env: Mapping[str, str]) -> list[Any]:
    """Pipe frames through a stdio server, as a shell script would; every frame it answered."""
    sent = "".join(json.dumps(frame) + "\n" for frame in frames)
    command = [*SERVER, "--data-dir", str(data_dir), *flags]
    done = subprocess.run(command, input=sent, capture_output=True, text=True, env=dict(env), timeout=60, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]
