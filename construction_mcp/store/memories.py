"""What workflows remember from one run to the next."""

import json
from typing import Any

from construction_mcp.core.clock import Clock
from construction_mcp.store.columns import json_text, time_text
from construction_mcp.store.database import Database
from construction_mcp.store.queries import load

_sql = load("memories")


class Memories:
    """The values of one data directory, by workflow and name."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def recall(self, workflow_id: str, name: str) -> tuple[bool, Any]:
        """Whether something is stored under the name, and what."""
        place = {"workflow_id": workflow_id, "name": name}
        text = await self._database.read(lambda tx: tx.value(_sql.recall, **place))
        return (False, None) if text is None else (True, json.loads(text))

    async def remember(self, workflow_id: str, name: str, value: Any) -> None:
        """Store it durably; None forgets it."""
        place = {"workflow_id": workflow_id, "name": name}
        if value is None:
            await self._database.write(lambda tx: tx.run(_sql.forget, **place), durable=True)
            return
        columns = {"value": json_text(value), "now": time_text(self._clock.now())}
        await self._database.write(lambda tx: tx.run(_sql.remember, **place, **columns), durable=True)
