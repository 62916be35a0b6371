"""A launchd agent: starts at logon, restarts after a crash. Source: launchd.plist(5), launchctl(1)."""

import os
import plistlib
from collections.abc import Sequence
from pathlib import Path

from platformdirs.macos import MacOS

from construction_mcp.cli.service.plan import Plan

LABEL = "construction-mcp.serve"


def plan(command: Sequence[str]) -> Plan:
    """The agent's property list and the launchctl calls around it."""
    domain = f"gui/{os.getuid()}"
    file = Path.home() / "Library" / "LaunchAgents" / f"{LABEL}.plist"
    return Plan(
        manager="launchd",
        file=file,
        text=plist_text(command),
        encoding="utf-8",
        reach=("launchctl", "print", domain),
        start=(("launchctl", "bootstrap", domain, str(file)),),
        stop=(("launchctl", "bootout", f"{domain}/{LABEL}"),),
        status=("launchctl", "print", f"{domain}/{LABEL}"),
        hint=f"Its log is {_log()}",
    )


def plist_text(command: Sequence[str]) -> str:
    """The property list. It holds no secret: settings come from flags or the file that --config names."""
    agent = {
        "Label": LABEL,
        "ProgramArguments": list(command),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ExitTimeOut": 15,  # serve drains within 10 s of SIGTERM
        "Umask": 0o077,
        "ProcessType": "Background",
        "StandardErrorPath": str(_log()),
        "StandardOutPath": "/dev/null",
    }
    return plistlib.dumps(agent).decode("utf-8")


def _log() -> Path:
    return Path(MacOS("construction-mcp", appauthor=False).user_log_dir) / "serve.log"
