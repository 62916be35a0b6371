"""The audit log: append-only, each row hashed over its content and the row before, so that tampering shows."""

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from construction_mcp.core.json import write_json
from construction_mcp.store.columns import json_text, optional_time_text, time_text
from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import load

_sql = load("audit")

ORIGIN = "0" * 64
_AFTER_ALL = 2**62  # above any sequence
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


@dataclass(frozen=True, slots=True)
class Filters:
    """Which entries to show. about: `workflow:<id>` or another target, with what lies below it."""

    since: datetime | None = None
    until: datetime | None = None
    actor: str | None = None
    kind: str | None = None
    about: str | None = None


def page(tx: Tx, only: Filters, most: int, before: int | None = None) -> list[Mapping[str, Any]]:
    """Entries below a sequence, newest first."""
    where = {
        "since": optional_time_text(only.since),
        "until": optional_time_text(only.until),
        "actor": only.actor,
        "kind": only.kind,
        "about": only.about,
    }
    rows = tx.all(_sql.page, before=_AFTER_ALL if before is None else before, most=most, **where)
    return [dict(row) for row in rows]


def part(tx: Tx, after: int, most: int) -> list[Mapping[str, Any]]:
    """Entries above a sequence in their order, as they are chained."""
    return [dict(row) for row in tx.all(_sql.part, after=after, most=most)]


class Chain(NamedTuple):
    """How many entries there are, the hash of the last, and where the chain does not hold; None where it does."""

    entries: int
    last_hash: str
    first_break: int | None


def verify(tx: Tx) -> Chain:
    """Read all of it and compute it again."""
    return chained(tx.all(_sql.chain), tx.one(_sql.end))


def chained(rows: Sequence[sqlite3.Row], end: sqlite3.Row | None) -> Chain:
    """As `verify`, of rows that were read otherwise. end: where the chain has to end; None for an empty one.

    What is gone at the end breaks it where the first missing entry was.
    """
    last = rows[-1]["hash"] if rows else ORIGIN
    broken = first_break(rows)
    ends_at = (end["sequence"], end["hash"]) if end is not None else (0, ORIGIN)
    if broken is None and ends_at != (len(rows), last):
        broken = len(rows) + 1 if ends_at[0] > len(rows) else len(rows)
    return Chain(len(rows), last, broken)


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
