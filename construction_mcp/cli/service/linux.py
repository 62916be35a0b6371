"""systemd --user: starts at logon, restarts after a crash. Source: systemd.service(5), systemd.syntax(7)."""

from collections.abc import Sequence
from pathlib import Path

from platformdirs.unix import Unix

from construction_mcp.cli.service.plan import Plan

UNIT = "construction-mcp.service"


def plan(command: Sequence[str]) -> Plan:
    """The user unit and the systemctl calls around it."""
    systemctl = ("systemctl", "--user")
    return Plan(
        manager="systemd --user",
        file=Path(Unix().user_config_dir) / "systemd" / "user" / UNIT,
        text=unit_text(command),
        encoding="utf-8",
        reach=(*systemctl, "show-environment"),
        start=((*systemctl, "daemon-reload"), (*systemctl, "enable", "--now", UNIT)),
        stop=((*systemctl, "disable", "--now", UNIT),),
        after_remove=((*systemctl, "daemon-reload"),),
        status=(*systemctl, "is-active", UNIT),
        hint="It starts at your next logon too. To run without anybody logged on: loginctl enable-linger",
    )


def unit_text(command: Sequence[str]) -> str:
    """The unit file. It holds no secret: settings come from flags or the file that --config names."""
    return f"""\
[Unit]
Description=construction-mcp, automations on Procore

[Service]
Type=exec
ExecStart={" ".join(map(_quoted, command))}
Restart=on-failure
RestartSec=5
# serve drains within 10 s of SIGTERM
TimeoutStopSec=15
UMask=0077
NoNewPrivileges=yes

[Install]
WantedBy=default.target
"""


def _quoted(word: str) -> str:
    """One word of ExecStart: % and $ would be replaced, backslash and quote would be read as marks."""
    for mark, written in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        word = word.replace(mark, written)
    return f'"{word}"'
