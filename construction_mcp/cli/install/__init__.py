"""`construction-mcp install <client>`: let an AI client start this server."""

import argparse
import os

from construction_mcp.cli import show

CLIENT_IDS = ("claude-desktop", "claude-code", "cursor", "vscode")

HELP = "Add this server to an AI client's configuration."
EXAMPLES = """\
  construction-mcp install claude-desktop --dry-run    show the change, write nothing
  construction-mcp install claude-desktop
  construction-mcp install vscode --read-only          a client that may only look
  construction-mcp install cursor --data-dir ~/jobs    its own workspace
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("client", choices=CLIENT_IDS, help="which client")
    parser.add_argument("--dry-run", action="store_true", help="show the change and write nothing")
    parser.add_argument("--force", action="store_true", help="replace an entry of the same name that is not ours")


def run(args: argparse.Namespace) -> int:
    from construction_mcp.cli.install import entry, files
    from construction_mcp.cli.install.clients import CLIENTS, config_files

    client = CLIENTS[args.client]
    command = entry.own_command()
    wanted = entry.entry_of(client, command, entry.passed_on(args))
    # Every file is judged before the first is written: a refusal leaves them all alone.
    changes = [files.plan_install(client, path, wanted, force=args.force) for path in config_files(client)]
    warnings = entry.warnings(command, os.environ)
    done, lines = [], []
    for change in changes:
        status = "unchanged" if change.is_empty else "would change" if args.dry_run else "changed"
        backup = None
        if status == "changed":
            backup = files.perform_install(change)
        done.append({"path": str(change.path), "status": status, "diff": change.diff(), "backup": backup})
        lines += [change.diff() or f"{change.path} has this entry already.\n"]
        lines += [f"The file as it was: {backup}\n"] if backup else []
    lines += [f"Note: {warning}\n" for warning in warnings]
    lines.append(_next_step(client.title, client.then, dry_run=args.dry_run))
    answer = {"client": client.id, "entry": wanted, "files": done, "warnings": warnings, "dry_run": args.dry_run}
    show(args, answer, "\n".join(lines))
    return 0


def _next_step(title: str, then: str, *, dry_run: bool) -> str:
    if dry_run:
        return "Nothing was written. Repeat without --dry-run to write it."
    return f"{title} has the entry. {then}\n`construction-mcp uninstall` undoes this."
