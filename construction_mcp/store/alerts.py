"""What owners have to hear: kept with what it tells of, told later, several of one workflow in one mail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from construction_mcp.core.ids import new_id
from construction_mcp.store.columns import json_text, optional_time_from, time_from, time_text
from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import load

_sql = load("alerts")

Kind = Literal["failed", "needs_review", "reconnect", "missed", "quarantined", "stopped"]
BADNESS: Mapping[str, Literal["warning", "error", "critical"]] = {
    "missed": "warning",
    "failed": "error",
    "reconnect": "error",
    "quarantined": "error",
    "stopped": "critical",
    "needs_review": "critical",
}
"""How bad each kind is; what is unknown is an error."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing to tell. `workflow_id`, `name` and `owner` are None for what concerns no workflow."""

    id: str
    workflow_id: str | None
    kind: str
    text: str
    created_at: datetime
    name: str | None
    owner: str | None
    environment: str | None


class Told(NamedTuple):
    """An alert as the health report shows it; `told_at` None while it waits."""

    workflow_id: str | None
    kind: str
    text: str
    created_at: datetime
    told_at: datetime | None


def raise_alert(
    tx: Tx, workflow_id: str | None, kind: Kind, text: str, now: datetime, *, unless_since: datetime | None = None
) -> None:
    """Keep something to tell the workflow's owner; not where one of the kind was kept after `unless_since`."""
    if unless_since is not None:
        place = {"workflow_id": workflow_id, "kind": kind, "since": time_text(unless_since)}
        if tx.value(_sql.newer, **place) is not None:
            return
    tx.run(_sql.insert, id=new_id("alr"), workflow_id=workflow_id, kind=kind, text=text, now=time_text(now))


def untold(tx: Tx, told_since: datetime, most: int) -> list[Alert]:
    """What may be told now, oldest first: nothing of a workflow that was told of after `told_since`."""
    rows = tx.all(_sql.untold, told_since=time_text(told_since), most=most)
    return [Alert(**{**dict(row), "created_at": time_from(row["created_at"])}) for row in rows]


def first_told_since(tx: Tx, told_since: datetime) -> datetime | None:
    """The earliest telling after `told_since` that something waits behind."""
    return optional_time_from(tx.value(_sql.first_told_since, told_since=time_text(told_since)))


def mark_told(tx: Tx, ids: Sequence[str], now: datetime) -> None:
    """These have been told, or logged where there is nobody to mail to."""
    tx.run(_sql.mark_told, ids=json_text(list(ids)), now=time_text(now))


def count_untold(tx: Tx) -> int:
    """How many wait to be told."""
    return int(tx.value(_sql.count_untold))


def newest(tx: Tx, most: int) -> list[Told]:
    """The latest, newest first."""
    rows = tx.all(_sql.newest, most=most)
    times = [(time_from(row["created_at"]), optional_time_from(row["told_at"])) for row in rows]
    return [Told(row["workflow_id"], row["kind"], row["text"], *both) for row, both in zip(rows, times, strict=True)]
