"""`construction-mcp disconnect`: revoke the Procore account of the person at this machine and forget it."""

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from construction_mcp.cli import run_on_directory, show

HELP = "Revoke and forget the connected Procore account."
EXAMPLES = """\
  construction-mcp disconnect          shows what stops, then asks
  construction-mcp disconnect --yes
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> int:
    if not args.yes:
        preview = run_on_directory(args, "disconnect", {"confirmed": False})
        if args.json or not sys.stdin.isatty():
            show(args, preview, f"{_stops(preview)}Nothing was done. Repeat with --yes.")
            return 1
        print(_stops(preview), end="")
        if input("Disconnect? [y/N] ").strip().lower() not in ("y", "yes"):
            return 1
    answer = run_on_directory(args, "disconnect", {"confirmed": True})
    revoked = "" if answer["revoked"] else " Procore did not confirm the revocation; its token ends within 90 minutes."
    show(args, answer, f"{_stops(answer)}Disconnected.{revoked}")
    return 0


def _stops(answer: Mapping[str, Any]) -> str:
    names = "".join(f"  {workflow['name']} ({workflow['status']})\n" for workflow in answer["workflows"])
    return f"Workflows that act through this account and cannot run without it:\n{names}" if names else ""
