"""`construction-mcp restore`: put a backup back, in standby."""

import argparse
from dataclasses import asdict
from pathlib import Path

from construction_mcp.cli import exclusively, show

HELP = "Put a backup into the data directory, in standby until `take-over`."
EXAMPLES = """\
  construction-mcp restore /backups/2026-03-02 --data-dir ./copy
  construction-mcp restore /backups/2026-03-02 --force   replaces the workspace, keeps the old files beside it
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", help="a directory made by `construction-mcp backup`")
    parser.add_argument("--force", action="store_true", help="replace the workspace that is there")


def run(args: argparse.Namespace) -> int:
    from construction_mcp.core.clock import SystemClock
    from construction_mcp.core.config import load_settings
    from construction_mcp.store.backup import restore

    with exclusively(args) as launch:
        source = Path(args.source).expanduser()
        manifest = restore(source, load_settings(launch), now=SystemClock().now(), force=args.force)
    next_step = "It is in standby: reads only. `construction-mcp take-over` makes it the live one."
    show(args, {"data_dir": launch.data_dir, **asdict(manifest)}, f"restored to {launch.data_dir}\n{next_step}")
    return 0
