"""`construction-mcp uninstall`: take this server out of the clients again."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from construction_mcp.cli import launch_of, show
from construction_mcp.cli.install import CLIENT_IDS

if TYPE_CHECKING:
    from construction_mcp.cli.install.files import Change

HELP = "Undo what install did: in one client, or in all of them."
EXAMPLES = """\
  construction-mcp uninstall --dry-run        show what would go
  construction-mcp uninstall                  from every client
  construction-mcp uninstall claude-desktop   from one
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("client", nargs="?", choices=CLIENT_IDS, help="which client; all unless given")
    parser.add_argument("--dry-run", action="store_true", help="show the change and write nothing")


def run(args: argparse.Namespace) -> int:
    from construction_mcp.cli.install import files
    from construction_mcp.cli.install.clients import CLIENTS, config_files

    clients = [CLIENTS[args.client]] if args.client else list(CLIENTS.values())
    planned = [files.plan_uninstall(client, path) for client in clients for path in config_files(client)]
    changes = [change for change in planned if not change.is_empty]
    for change in changes if not args.dry_run else ():
        files.perform_uninstall(change)
    done = [{"path": str(change.path), "deleted": change.after is None, "diff": change.diff()} for change in changes]
    show(args, {"files": done, "dry_run": args.dry_run}, _text(args, changes))
    return 0


def _text(args: argparse.Namespace, changes: "Sequence[Change]") -> str:
    if not changes:
        return "No client starts construction-mcp; nothing to undo."
    lines = [change.diff() for change in changes]
    if args.dry_run:
        return "\n".join([*lines, "Nothing was written. Repeat without --dry-run to write it."])
    workspace = launch_of(args).data_dir
    return "\n".join(
        [
            *lines,
            *([f"The workflows stay in {workspace}."] if Path(workspace).exists() else []),
            "If `construction-mcp service install` was used: `construction-mcp service remove` undoes that.",
        ]
    )
