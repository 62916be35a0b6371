"""`construction-mcp backup`: a verified copy of the workspace while it runs."""

import argparse
from pathlib import Path

from construction_mcp.cli import run_on_directory, show

HELP = "Copy the workspace into a new directory, also while it is in use."
EXAMPLES = """\
  construction-mcp backup /backups/2026-03-02
  construction-mcp backup /backups/full --with-keys   keep such a copy like a password
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", help="a new or empty directory")
    parser.add_argument("--with-keys", action="store_true", help="include the key that opens stored tokens")


def run(args: argparse.Namespace) -> int:
    target = str(Path(args.target).expanduser().resolve())  # the owner may run in another directory
    answer = run_on_directory(args, "backup", {"target": target, "with_keys": args.with_keys})
    keys = "with its key" if args.with_keys else "without its key; keep that apart"
    show(args, answer, f"copied to {target}, {keys}")
    return 0
