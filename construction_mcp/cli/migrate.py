"""`construction-mcp migrate`: bring the database to this version's schema, with a backup first."""

import argparse
import asyncio
from typing import TYPE_CHECKING

from construction_mcp.cli import exclusively, show

if TYPE_CHECKING:
    from construction_mcp.core.launch import Launch
    from construction_mcp.store.migrate import Migrated

HELP = "Bring the database to this version's schema; a copy is made first."
EXAMPLES = """\
  construction-mcp migrate
"""


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """None beyond the common ones."""


def run(args: argparse.Namespace) -> int:
    with exclusively(args) as launch:
        done = asyncio.run(_open(launch))
    backup = None if done.backup is None else str(done.backup)
    text = f"schema {done.before} -> {done.after}" if done.before != done.after else f"already at schema {done.after}"
    kept = f"\nthe database as it was: {backup}" if backup else ""
    show(args, {"before": done.before, "after": done.after, "backup": backup}, text + kept)
    return 0


async def _open(launch: "Launch") -> "Migrated":
    from construction_mcp.core.config import load_settings
    from construction_mcp.store.database import Database

    settings = load_settings(launch)
    database = await Database.open(settings.database_file, limits=settings.limits)
    await database.close()
    return database.migrated
