"""How many commits a chain of steps takes, alone in its database: `python -m tests.perf.bench_commits --json`.

Budget (PRODUCT.md section 9): at most N + 1 for N steps. Accepting the start is a commit of its own before that (of a
delivery, or of whoever asked for the run) and is not counted; `accepting` tells it.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

from construction_mcp.core.clock import SystemClock
from construction_mcp.core.config import Settings
from construction_mcp.store.database import Database
from tests.engine.plant import build, chain, plan, running

LENGTHS = (10, 50, 100)
ACCEPTING = 1


async def measure(folder: Path) -> list[dict[str, int]]:
    found = []
    settings = Settings(folder)
    database = await Database.open(settings.database_file)
    try:
        async with running(build(database, SystemClock(), settings)) as plant:
            for steps in LENGTHS:
                made = plan(*chain(steps))
                new = plant.new(await plant.deploy(made), made)
                before = database.stats()["commits"]
                accepted = await plant.engine.start(new)
                assert await plant.engine.ended(accepted.id, 30.0)
                commits = database.stats()["commits"] - before - ACCEPTING
                found.append({"steps": steps, "commits": commits, "accepting": ACCEPTING})
    finally:
        await database.close()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one line")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(measure(Path(folder)))
    print(json.dumps({"rows": rows}, indent=None if args.json else 2))
    return 0 if all(row["commits"] <= row["steps"] + 1 for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
