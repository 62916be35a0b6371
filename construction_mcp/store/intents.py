"""Outside effects: what was about to be done, durable before it is sent, and what became of it."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime
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
        now = self._clock.now()
        return await self._database.write(lambda tx: intend(tx, intent, now), durable=True)

    async def finish(
        self, intent_id: str, intent: Intent, state: Literal["done", "failed", "uncertain"], outcome: Any
    ) -> None:
        """Record the outcome and its audit row in one transaction; a second outcome is ignored."""
        now = self._clock.now()
        await self._database.write(lambda tx: finish(tx, intent_id, intent, state, outcome, now), durable=True)

    async def decline(self, intent: Intent) -> None:
        """Record that a person said no; nothing was sent, and asking again may be answered differently."""
        now = self._clock.now()
        entry = audit.Entry(intent.principal, intent.tool, "declined", intent.summary, intent.targets)
        await self._database.write(lambda tx: audit.append(tx, entry, now))


def is_known(tx: Tx, principal: str, tool: str, key: str) -> bool:
    """Whether there is an intent under this key, whatever became of it."""
    return tx.one(_sql.find, principal=principal, tool=tool, key=key) is not None


def intend(tx: Tx, intent: Intent, now: datetime) -> tuple[Recorded, bool]:
    """As `Intents.intend`, in a transaction that keeps more."""
    place = {"principal": intent.principal, "tool": intent.tool, "key": intent.key}
    row = tx.one(_sql.find, **place)
    if row is not None:
        return _recorded(row), False
    intent_id = new_id("int")
    columns = {"digest": intent.digest, "summary": intent.summary, "now": time_text(now)}
    tx.run(_sql.intend, id=intent_id, **place, **columns, **_described(intent))
    return Recorded(intent_id, intent.digest, "intended", None), True


def intend_again(tx: Tx, intent: Intent, recorded: Recorded, now: datetime) -> Recorded:
    """Make an intent whose effect did certainly not happen, or may safely happen twice, open again."""
    columns = {"digest": intent.digest, "summary": intent.summary, "now": time_text(now)}
    tx.run(_sql.intend_again, id=recorded.id, **columns, **_described(intent))
    return Recorded(recorded.id, intent.digest, "intended", None)


def finish(
    tx: Tx,
    intent_id: str,
    intent: Intent,
    state: Literal["done", "failed", "uncertain"],
    outcome: Any,
    now: datetime,
) -> None:
    """As `Intents.finish`, in a transaction that keeps more."""
    if tx.run(_sql.finish, id=intent_id, state=state, outcome=json_text(outcome), now=time_text(now)):
        targets = [*intent.targets, *intent.within]
        entry = audit.Entry(intent.principal, intent.tool, state, intent.summary, targets, intent_id)
        audit.append(tx, entry, now)


def rule_out(tx: Tx, principal: str, tool: str, key: str, now: datetime) -> None:
    """A person found that it did not happen: it may be sent again under the same key."""
    tx.run(_sql.rule_out, principal=principal, tool=tool, key=key, now=time_text(now))


def outcomes_since(tx: Tx, tool: str, since: datetime) -> list[Any]:
    """What effects of one kind gave that are known to have happened: an unknown one is not among them."""
    return [json.loads(row["outcome"]) for row in tx.all(_sql.outcomes_since, tool=tool, since=time_text(since))]


def touched(tx: Tx, principal: str, effects: Sequence[tuple[str, str]]) -> list[tuple[str, Sequence[tuple[str, str]]]]:
    """What the effects of these tools and keys reached, by key; those that certainly did not happen are left out."""
    rows = tx.all(_sql.touched, principal=principal, effects=json_text(effects))
    return [(row["key"], [(kind, target) for kind, target in json.loads(row["touches"])]) for row in rows]


def _described(intent: Intent) -> dict[str, Any]:
    touches = json_text(list(intent.touches)) if intent.touches else None
    return {"shown": json_text(intent.shown), "targets": json_text(list(intent.targets)), "touches": touches}


def _recorded(row: sqlite3.Row) -> Recorded:
    outcome = None if row["outcome"] is None else json.loads(row["outcome"])
    return Recorded(row["id"], row["digest"], row["state"], outcome)
