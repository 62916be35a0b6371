"""`construction-mcp audit`: what was done here by whom, out of the workspace and checked."""

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from construction_mcp.cli import run_on_directory, show
from construction_mcp.core.json import write_json

HELP = "Export the log of every change, decision and deployment, or check that nobody altered it."
EXAMPLES = """\
  construction-mcp audit export      one JSON line per entry, each with the hash of the one before
  construction-mcp audit verify      exit 1 where an entry was changed, removed or moved
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["export", "verify"])


def run(args: argparse.Namespace) -> int:
    if args.action == "export":
        for entry in _entries(args):
            sys.stdout.write(write_json(entry) + "\n")
        return 0
    chain = run_on_directory(args, "audit.verify", {})
    said = f"{chain['entries']} entries, the last with hash {chain['last_hash']}"
    broken = chain["first_break"]
    show(args, chain, f"{said}: whole" if broken is None else f"{said}: altered from entry {broken} on")
    return 0 if broken is None else 1


def _entries(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    after = 0
    while True:
        entries = run_on_directory(args, "audit.part", {"after": after})["entries"]
        yield from entries
        if not entries:
            return
        after = entries[-1]["sequence"]
