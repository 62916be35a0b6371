"""The doctor on what starts the server: AI clients and the platform's service."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from construction_mcp.cli.doctor.findings import Finding
from construction_mcp.cli.install import jsonc
from construction_mcp.cli.install.clients import CLIENTS, Client, config_files, is_present
from construction_mcp.cli.install.entry import NAME, is_ours
from construction_mcp.core.errors import Invalid

SECTION = "What starts it"


def starters(args: argparse.Namespace) -> Iterator[Finding]:
    """One line for each client and one for the service."""
    for client in CLIENTS.values():
        yield _client(client)
    yield _service(args)


def _client(client: Client) -> Finding:
    install = f"construction-mcp install {client.id}"
    if not is_present(client):
        return Finding(SECTION, client.title, "absent", "not found on this machine")
    commands = []
    for path in config_files(client):
        try:
            command = _command_in(client, path)
        except (Invalid, OSError, UnicodeDecodeError) as problem:
            said = problem.message if isinstance(problem, Invalid) else "it cannot be read"
            return Finding(SECTION, client.title, "broken", f"{path}: {said}", "Correct the file; it is the client's.")
        commands += [command] if command else []
    if not commands:
        return Finding(SECTION, client.title, "absent", "found, but it does not know this server", install)
    gone = [command for command in commands if not Path(command).exists()]
    if gone:
        return Finding(SECTION, client.title, "broken", f"starts {gone[0]}, which is not there any more", install)
    return Finding(SECTION, client.title, "ok", f"starts {commands[0]}")


def _command_in(client: Client, path: Path) -> str | None:
    """The command of our entry in one config file."""
    if not path.exists():
        return None
    text = path.read_text("utf-8-sig")
    servers = jsonc.read(text, comments=client.comments).data.get(client.section)
    entry = servers.get(NAME) if isinstance(servers, dict) else None
    return str(entry["command"]) if is_ours(entry) and entry is not None else None


def _service(args: argparse.Namespace) -> Finding:
    from construction_mcp.cli.service import plan_for
    from construction_mcp.cli.service.plan import succeeds

    plan = plan_for(sys.platform, args)
    if not plan.file.exists():
        return Finding(
            SECTION, "service", "absent", "serve does not start at logon", "construction-mcp service install"
        )
    running, said = succeeds(plan.status)
    if running:
        return Finding(SECTION, "service", "ok", f"running ({plan.manager})")
    return Finding(
        SECTION, "service", "broken", f"installed but not running: {said}", "construction-mcp service status"
    )
