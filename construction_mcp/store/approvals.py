"""Questions to people, and what they decided."""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from construction_mcp.core.ids import new_id
from construction_mcp.core.json import write_json
from construction_mcp.store.columns import json_text, optional_time_text, time_from, time_text
from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import load

_sql = load("approvals")


@dataclass(frozen=True, slots=True)
class NewApproval:
    execution_id: str | None
    step: str | None
    item: int
    summary: str
    shown: Mapping[str, Any]
    editable: tuple[str, ...]
    digest: str
    requested_by: str
    approvers: tuple[str, ...]
    expires_at: datetime
    on_expiry: Literal["reject", "fail", "escalate"]
    escalate_to: tuple[str, ...] | None = None
    remind_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    id: str
    status: str
    shown: Mapping[str, Any]
    editable: tuple[str, ...]
    digest: str
    approvers: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    on_expiry: str
    decided_by: str | None
    edits: Mapping[str, Any] | None
    comment: str | None


def digest_of(summary: str, shown: Mapping[str, Any]) -> str:
    return hashlib.sha256(write_json({"summary": summary, "shown": dict(shown)}).encode()).hexdigest()


def request(tx: Tx, new: NewApproval, now: datetime) -> str:
    aid = new_id("apr")
    tx.run(
        _sql.request,
        id=aid,
        execution_id=new.execution_id,
        step=new.step,
        item=new.item,
        summary=new.summary,
        shown=json_text(dict(new.shown)),
        editable=json_text(list(new.editable)),
        digest=new.digest,
        requested_by=new.requested_by,
        approvers=json_text(list(new.approvers)),
        code_hash="x",
        now=time_text(now),
        expires_at=time_text(new.expires_at),
        on_expiry=new.on_expiry,
        escalate_to=None if new.escalate_to is None else json_text(list(new.escalate_to)),
        remind_at=optional_time_text(new.remind_at),
    )
    return aid


def of_step(tx: Tx, execution_id: str, step: str, item: int) -> Approval | None:
    row = tx.one(_sql.of_step, execution_id=execution_id, step=step, item=item)
    return None if row is None else _approval(row)


def cancel_of(tx: Tx, execution_id: str, now: datetime) -> None:
    tx.run(_sql.cancel_of, execution_id=execution_id, now=time_text(now))


def _approval(row: sqlite3.Row) -> Approval:
    return Approval(
        row["id"],
        row["status"],
        json.loads(row["shown"]),
        tuple(json.loads(row["editable"])),
        row["digest"],
        tuple(json.loads(row["approvers"])),
        time_from(row["created_at"]),
        time_from(row["expires_at"]),
        row["on_expiry"],
        row["decided_by"],
        None if row["edits"] is None else json.loads(row["edits"]),
        row["comment"],
    )
