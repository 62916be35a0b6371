"""A workspace that has run for long: as many executions as wanted, copied from one that was accepted as any other."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

from construction_mcp.bootstrap import House
from construction_mcp.store.columns import time_text
from construction_mcp.store.database import Database
from construction_mcp.store.executions import NewExecution, enqueue
from construction_mcp.store.workflows import Draft, Workflows

WORKFLOWS, ACTIONS = 10, 20
FAILED_EVERY = 7
ERROR = json.dumps({"code": "PROCORE_UNAVAILABLE", "message": "m" * 200})
OWNER = "local:0"


async def filled(house: House, executions: int) -> list[str]:
    """The ids of ten workflows that have run so often together, a second apart until now; every seventh failed."""
    workflows = await house.services.get(Workflows)
    database = await house.services.get(Database)
    actions = [{"key": f"note_{place}", "type": "notify.log", "config": {"text": "x"}} for place in range(ACTIONS)]
    drafts = [Draft(f"Workflow {place}", "simulator", OWNER) for place in range(WORKFLOWS)]
    ids = [(await workflows.create(draft, actions)).id for draft in drafts]
    now = house.clock.now()
    trigger = {"type": "manual", "at": now.isoformat(), "input": {}}
    new = NewExecution(ids[0], 1, "0" * 64, trigger, "simulator", None, None, OWNER, OWNER)
    pattern = (await database.write(lambda tx: enqueue(tx, new, now), durable=True)).id
    with closing(sqlite3.connect(house.settings.database_file)) as connection, connection:
        _copy(connection, pattern, ids, executions, now)
    return ids


def _copy(connection: sqlite3.Connection, pattern: str, ids: list[str], executions: int, now: datetime) -> None:
    connection.row_factory = sqlite3.Row
    row = dict(connection.execute("SELECT * FROM executions WHERE id = ?", (pattern,)).fetchone())
    connection.execute("DELETE FROM executions WHERE id = ?", (pattern,))
    names = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    since = now - timedelta(seconds=executions + 1)
    connection.executemany(f"INSERT INTO executions ({names}) VALUES ({values})", _rows(row, ids, executions, since))


def _rows(row: dict[str, Any], ids: list[str], executions: int, since: datetime) -> Iterator[dict[str, Any]]:
    for place in range(executions):
        failed = place % FAILED_EVERY == 0
        began = since + timedelta(seconds=place)
        yield row | {
            "id": f"exe_{place}",
            "workflow_id": ids[place % WORKFLOWS],
            "status": "failed" if failed else "completed",
            "started_at": time_text(began),
            "completed_at": time_text(began + timedelta(seconds=1)),
            "duration_ms": 1000.0 + place % 500,
            "error": ERROR if failed else None,
        }
