"""The entry a client gets: the absolute command of this installation, the chosen flags, and no secret."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PureWindowsPath
from typing import Any

from construction_mcp.cli.doctor.variables import set_here
from construction_mcp.cli.install.clients import Client

NAME = "construction-mcp"
START_TIMEOUT_S = 30.0  # a first start compiles bytecode; a virus scanner may read every file


def own_command(executable: str = sys.executable, platform: str = sys.platform) -> list[str]:
    """How to start this installation from anywhere: its console script, else its interpreter with the module.

    -P keeps the client's working directory off the import path, where a file could pass for one of our modules.
    """
    script = Path(executable).with_name(f"{NAME}.exe" if platform == "win32" else NAME)
    return [str(script)] if script.is_file() else [executable, "-P", "-m", "construction_mcp"]


def entry_of(client: Client, command: Sequence[str], flags: Sequence[str]) -> dict[str, Any]:
    """The server entry in the client's shape."""
    kind = {"type": "stdio"} if client.typed else {}
    return {**kind, "command": command[0], "args": [*command[1:], *flags]}


def is_ours(entry: Any) -> bool:
    """Whether an entry starts construction-mcp, from this installation or another."""
    if not isinstance(entry, Mapping):
        return False
    command, args = entry.get("command"), entry.get("args", [])
    if not isinstance(command, str) or not isinstance(args, list):
        return False
    by_module = "-m" in args[:-1] and args[args.index("-m") + 1] == "construction_mcp"
    return PureWindowsPath(command).stem == NAME or by_module  # a Windows path splits at both slashes


def passed_on(args: Any) -> list[str]:
    """The common flags given on this command line, as the client will pass them; paths made absolute."""
    flags: list[str] = []
    for flag, value in (("--data-dir", args.data_dir), ("--config", args.config_file)):
        flags += [flag, str(Path(value).expanduser().absolute())] if value else []
    for flag, value in (("--toolsets", args.toolsets), ("--environment", args.environment)):
        flags += [flag, value] if value else []
    return [*flags, "--read-only"] if args.read_only else flags


def warnings(command: Sequence[str], environ: Mapping[str, str], prefix: str = sys.base_prefix) -> list[str]:
    """What may keep the entry from working once a client starts it."""
    found = []
    if not _starts(command):
        found.append(f"{' '.join(command)} does not start by itself; install the package into this Python first.")
    unseen = set_here(environ)
    if unseen:
        found.append(
            f"Set here, but a client started from the desktop will not see them: {', '.join(unseen)}. "
            "Pass flags, or put them into a file and pass --config."
        )
    if "WindowsApps" in prefix:
        found.append(
            "This Python comes from the Microsoft Store, which redirects what it writes under AppData, so the client "
            "may not see this change. Use the Python from python.org."
        )
    return found


def _starts(command: Sequence[str]) -> bool:
    """Whether the command works without this shell's PYTHONPATH and working directory, as a client would run it."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        done = subprocess.run(  # noqa: S603 - our own absolute command, no shell
            [*command, "--version"],
            env=environ,
            cwd=tempfile.gettempdir(),
            capture_output=True,
            timeout=START_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
