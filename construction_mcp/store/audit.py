"""The audit log: append-only, each row hashed over its content and the row before, so that tampering shows."""

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from construction_mcp.core.json import write_json
from construction_mcp.store.columns import json_text, time_text
from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import load

_sql = load("audit")

ORIGIN = "0" * 64
Outcome = Literal["done", "failed", "uncertain", "declined"]


@dataclass(frozen=True, slots=True)
class Entry:
    """Who did what to what, and how it ended."""

    principal: str
    action: str
    outcome: Outcome
    summary: str
    targets: Sequence[str] = ()
    intent_id: str | None = None


def append(tx: Tx, entry: Entry, now: datetime) -> None:
    """Add an entry in the transaction that records what it tells."""
    last = tx.one(_sql.last)
    columns = {
        "sequence": 1 if last is None else last["sequence"] + 1,
        "at": time_text(now),
        "principal": entry.principal,
        "action": entry.action,
        "outcome": entry.outcome,
        "summary": entry.summary,
        "targets": json_text(list(entry.targets)),
        "intent_id": entry.intent_id,
        "previous": ORIGIN if last is None else last["hash"],
    }
    tx.run(_sql.append, **columns, hash=_hash(columns))


def first_break(rows: Iterable[Mapping[str, Any] | sqlite3.Row]) -> int | None:
    """The sequence at which the chain does not hold (changed, removed or reordered); None when it holds."""
    previous = ORIGIN
    for expected, row in enumerate(rows, start=1):
        columns = {name: row[name] for name in row.keys() if name != "hash"}  # noqa: SIM118 - a Row iterates its values
        if row["sequence"] != expected or row["previous"] != previous or row["hash"] != _hash(columns):
            return expected
        previous = row["hash"]
    return None


def _hash(columns: dict[str, object]) -> str:
    return hashlib.sha256(write_json(columns).encode()).hexdigest()
