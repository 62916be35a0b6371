"""Outside effects: what was about to be done, durable before it is sent, and what became of it."""

import json
import sqlite3
from typing import Any, Literal

from construction_mcp.core.clock import Clock
from construction_mcp.core.effects import Intent, Recorded
from construction_mcp.core.ids import new_id
from construction_mcp.store import audit
from construction_mcp.store.columns import json_text, time_text
from construction_mcp.store.database import Database
from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import load

_sql = load("intents")


class Intents:
    """The ledger of outside effects."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def find(self, principal: str, tool: str, key: str) -> Recorded | None:
        """What became of this key so far."""
        row = await self._database.read(lambda tx: tx.one(_sql.find, principal=principal, tool=tool, key=key))
        return None if row is None else _recorded(row)

    async def intend(self, intent: Intent) -> tuple[Recorded, bool]:
        """Record the intent durably; `(what is recorded, whether it was new)`. Only a new one may be performed."""
        intent_id, now = new_id("int"), time_text(self._clock.now())

        def write(tx: Tx) -> tuple[Recorded, bool]:
            place = {"principal": intent.principal, "tool": intent.tool, "key": intent.key}
            row = tx.one(_sql.find, **place)
            if row is not None:
                return _recorded(row), False
            columns = {"digest": intent.digest, "summary": intent.summary}
            shown, targets = json_text(intent.shown), json_text(list(intent.targets))
            tx.run(_sql.intend, id=intent_id, **place, **columns, shown=shown, targets=targets, now=now)
            return Recorded(intent_id, intent.digest, "intended", None), True

        return await self._database.write(write, durable=True)

    async def finish(
        self, intent_id: str, intent: Intent, state: Literal["done", "failed", "uncertain"], outcome: Any
    ) -> None:
        """Record the outcome and its audit row in one transaction; a second outcome is ignored."""
        now = self._clock.now()

        def write(tx: Tx) -> None:
            if tx.run(_sql.finish, id=intent_id, state=state, outcome=json_text(outcome), now=time_text(now)):
                entry = audit.Entry(intent.principal, intent.tool, state, intent.summary, intent.targets, intent_id)
                audit.append(tx, entry, now)

        await self._database.write(write, durable=True)

    async def decline(self, intent: Intent) -> None:
        """Record that a person said no; nothing was sent, and asking again may be answered differently."""
        now = self._clock.now()
        entry = audit.Entry(intent.principal, intent.tool, "declined", intent.summary, intent.targets)
        await self._database.write(lambda tx: audit.append(tx, entry, now))


def _recorded(row: sqlite3.Row) -> Recorded:
    outcome = None if row["outcome"] is None else json.loads(row["outcome"])
    return Recorded(row["id"], row["digest"], row["state"], outcome)
