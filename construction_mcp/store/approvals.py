"""Questions to people and their answers: asked once, decided once, and for exactly what was shown.

Functions that take a `Tx` are for transactions that keep more than this: a step that parks, a decision and its audit.
"""

import hashlib
import hmac
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from construction_mcp.core.errors import Conflict, Invalid, NeedsApproval, NotFound
from construction_mcp.core.ids import new_id
from construction_mcp.core.json import write_json
from construction_mcp.store import audit
from construction_mcp.store.columns import json_text, optional_time_from, optional_time_text, time_from, time_text
from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import load

_sql = load("approvals")

Status = Literal["pending", "approved", "rejected", "expired", "cancelled"]
Answer = Literal["approve", "reject"]
How = Literal["form", "code", "link", "terminal", "dashboard"]
OnExpiry = Literal["reject", "fail", "escalate"]

SWEEP_MAX = 100  # approvals in one transaction of a sweep
EDITS_BYTES_MAX = 65_536
COMMENT_CHARS_MAX = 4_000

_STATUS: dict[Answer, Status] = {"approve": "approved", "reject": "rejected"}
_AFTER_ALL = "9999"  # later than any time in text order


@dataclass(frozen=True, slots=True)
class NewApproval:
    """A question. `shown` is what they decide about, by name; `editable` are the names they may change.

    execution_id, step: None and the tool's name for a tool called under the policy `approve`; `call` is the digest of
        who calls it with what.
    approvers: mail addresses and users of this server; nobody means whoever has the role.
    """

    execution_id: str | None
    step: str
    summary: str
    shown: Mapping[str, Any]
    digest: str
    requested_by: str
    approvers: tuple[str, ...]
    expires_at: datetime
    item: int = -1
    editable: tuple[str, ...] = ()
    on_expiry: OnExpiry = "reject"
    escalate_to: tuple[str, ...] | None = None
    remind_at: datetime | None = None
    call: str | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """A question as it is kept, and the answer to it. `changed`: what the approver edited before saying yes."""

    id: str
    execution_id: str | None
    call: str | None
    step: str | None
    item: int
    status: Status
    summary: str
    shown: Mapping[str, Any]
    editable: tuple[str, ...]
    digest: str
    requested_by: str
    approvers: tuple[str, ...]
    wrong_codes: int
    created_at: datetime
    expires_at: datetime
    on_expiry: OnExpiry
    escalate_to: tuple[str, ...] | None
    remind_at: datetime | None
    told_at: datetime | None
    decided_at: datetime | None
    decided_by: str | None
    decided_how: How | None
    changed: Mapping[str, Any]
    comment: str | None

    @property
    def edits(self) -> dict[str, Any]:
        """Every editable value as it was decided on, changed or not."""
        return {name: self.changed.get(name, self.shown.get(name)) for name in self.editable}


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer: to what (`digest` of what the person saw), by whom and how."""

    approval_id: str
    digest: str
    answer: Answer
    by: str
    how: How
    edits: Mapping[str, Any] | None = None
    comment: str | None = None


class Link(NamedTuple):
    """What a link leads to, and whose it is."""

    approval_id: str
    approver: str


def digest_of(summary: str, shown: Mapping[str, Any]) -> str:
    """What a decision holds for."""
    return hashlib.sha256(write_json({"summary": summary, "shown": dict(shown)}).encode()).hexdigest()


def request(tx: Tx, new: NewApproval, now: datetime) -> str:
    """Ask, in the transaction that parks who asks; the approval's id.

    A step that asks the same again finds its question, answered or not. What has changed meanwhile is another
    question: the former one goes, with its links and whatever was answered to it.
    """
    if new.execution_id is not None:
        known = of_step(tx, new.execution_id, new.step, new.item)
        if known is not None and hmac.compare_digest(known.digest, new.digest):
            return known.id
        if known is not None:
            tx.run(_sql.forget, id=known.id)
    if new.call is not None:
        tx.run(_sql.void_call, call=new.call, now=time_text(now))
    approval_id = new_id("apr")
    tx.run(
        _sql.insert,
        id=approval_id,
        execution_id=new.execution_id,
        call=new.call,
        step=new.step,
        item=new.item,
        summary=new.summary,
        shown=json_text(dict(new.shown)),
        editable=json_text(list(new.editable)),
        digest=new.digest,
        requested_by=new.requested_by,
        approvers=json_text(list(new.approvers)),
        now=time_text(now),
        expires_at=time_text(new.expires_at),
        on_expiry=new.on_expiry,
        escalate_to=None if new.escalate_to is None else json_text(list(new.escalate_to)),
        remind_at=optional_time_text(new.remind_at),
    )
    return approval_id


def of_step(tx: Tx, execution_id: str, step: str, item: int = -1) -> Approval | None:
    """What a step asked, if it did."""
    row = tx.one(_sql.of_step, execution_id=execution_id, step=step, item=item)
    return None if row is None else _approval(row)


def of_call(tx: Tx, call: str, now: datetime) -> Approval | None:
    """What was asked last for this call of a tool, answered or not, until its time is over."""
    row = tx.one(_sql.of_call, call=call, now=time_text(now))
    return None if row is None else _approval(row)


def get(tx: Tx, approval_id: str) -> Approval:
    """Raises:
    NotFound: APPROVAL_NOT_FOUND.
    """
    row = tx.one(_sql.by_id, id=approval_id)
    if row is None:
        raise NotFound("No such approval.", code="APPROVAL_NOT_FOUND", details={"approval_id": approval_id})
    return _approval(row)


def page(tx: Tx, status: Status | None, most: int, before: tuple[str, str] | None = None) -> list[Approval]:
    """Newest first, of one status or all; `before` is the `position` of the last one seen."""
    at, approval_id = before or (_AFTER_ALL, "")
    where = {"before": at, "before_id": approval_id, "most": most}
    rows = tx.all(_sql.page, **where) if status is None else tx.all(_sql.page_by_status, status=status, **where)
    return [_approval(row) for row in rows]


def position(approval: Approval) -> tuple[str, str]:
    """Where a page that ends with it continues."""
    return time_text(approval.created_at), approval.id


def decide(tx: Tx, decision: Decision, now: datetime) -> Approval:
    """Answer, once and with its audit entry; a later answer is refused and changes nothing.

    Raises:
        NotFound: APPROVAL_NOT_FOUND. Conflict: APPROVAL_DECIDED before, APPROVAL_CHANGED since it was looked at.
        NeedsApproval: APPROVAL_EXPIRED. Invalid: an edit of what may not be edited, or of another type.
    """
    approval = get(tx, decision.approval_id)
    require_open(approval, now)
    shown = digest_of(approval.summary, approval.shown)  # the row's own column could tell of what it showed before
    if not (hmac.compare_digest(decision.digest, shown) and hmac.compare_digest(approval.digest, shown)):
        raise changed(approval)
    changed_values = checked_edits(approval, decision.edits or {}) if decision.answer == "approve" else {}
    if decision.comment is not None and len(decision.comment) > COMMENT_CHARS_MAX:
        raise Invalid(f"The comment is longer than {COMMENT_CHARS_MAX} characters.", code="VALIDATION_TOO_LARGE")
    won = tx.run(
        _sql.decide,
        id=approval.id,
        digest=shown,
        status=_STATUS[decision.answer],
        now=time_text(now),
        by=decision.by,
        how=decision.how,
        edits=json_text(changed_values) if changed_values else None,
        comment=decision.comment or None,
    )
    assert won == 1, "nobody else writes inside this transaction"
    _note(tx, approval, decision, changed_values, now)
    return get(tx, approval.id)


def cancel_of(tx: Tx, execution_ids: Sequence[str], now: datetime) -> int:
    """Ask no more for executions that are over; how many questions were open."""
    return tx.run(_sql.cancel_of, execution_ids=json_text(execution_ids), now=time_text(now))


def expire_due(tx: Tx, now: datetime) -> list[Approval]:
    """End what nobody answered in time, or ask the next; as they are now, at most SWEEP_MAX of them."""
    swept = []
    for approval in (_approval(row) for row in tx.all(_sql.due, now=time_text(now), most=SWEEP_MAX)):
        if approval.on_expiry == "escalate":
            assert approval.escalate_to is not None
            again = now + (approval.expires_at - approval.created_at)
            tx.run(_sql.escalate, id=approval.id, expires_at=time_text(again))
            tx.run(_sql.void_links, id=approval.id)
            outcome = f"nobody answered; {', '.join(approval.escalate_to)} asked"
        else:
            tx.run(_sql.expire, id=approval.id, now=time_text(now))
            outcome = "nobody answered in time"
        summary = f"approval {approval.id}: {outcome}"
        audit.append(tx, audit.Entry("clock", "approval.expire", "done", summary, _targets(approval)), now)
        swept.append(get(tx, approval.id))
    return swept


def untold(tx: Tx) -> list[Approval]:
    """Whose approvers nobody has told yet, oldest first, at most SWEEP_MAX."""
    return [_approval(row) for row in tx.all(_sql.untold, most=SWEEP_MAX)]


def to_remind(tx: Tx, now: datetime) -> list[Approval]:
    """Whose approvers are to be asked again now, at most SWEEP_MAX."""
    return [_approval(row) for row in tx.all(_sql.to_remind, now=time_text(now), most=SWEEP_MAX)]


def told(tx: Tx, approval: Approval, now: datetime) -> None:
    """The approvers of this round were told; a reminder that was due is spent."""
    tx.run(_sql.told, id=approval.id, expires_at=time_text(approval.expires_at), now=time_text(now))


def next_due(tx: Tx) -> datetime | None:
    """When something expires or is to be reminded of next."""
    times = [at for query in (_sql.next_expiry, _sql.next_reminder) if (at := tx.value(query)) is not None]
    return time_from(min(times)) if times else None


def count_wrong_code(tx: Tx, approval_id: str) -> None:
    """A guess that missed; it stays counted across restarts."""
    tx.run(_sql.count_wrong_code, id=approval_id)


def add_link(tx: Tx, token: str, link: Link) -> None:
    """Keep a link by the hash of its token."""
    tx.run(_sql.insert_link, token_hash=_token_hash(token), approval_id=link.approval_id, approver=link.approver)


def link_of(tx: Tx, token: str) -> Link | None:
    """What a token leads to; None when it was spent or never made."""
    row = tx.one(_sql.link, token_hash=_token_hash(token))
    return None if row is None else Link(row["approval_id"], row["approver"])


def checked_edits(approval: Approval, edits: Mapping[str, Any]) -> dict[str, Any]:
    """What differs from what was shown, of names that may be edited.

    Raises:
        Invalid: another name, another type of value, or too much.
    """
    if refused := sorted(set(edits) - set(approval.editable)):
        names = ", ".join(approval.editable) or "nothing"
        raise Invalid(f"{', '.join(refused)} cannot be edited here; {names} can.", details={"refused": refused})
    if len(json_text(dict(edits)).encode()) > EDITS_BYTES_MAX:
        raise Invalid(f"The edits are larger than {EDITS_BYTES_MAX} bytes.", code="VALIDATION_TOO_LARGE")
    for name, value in edits.items():
        before = approval.shown.get(name)
        if before is not None and _kind(value) is not _kind(before):
            raise Invalid(f"{name} is a {_kind(before).__name__}; the edit is a {_kind(value).__name__}.")
    return {name: value for name, value in edits.items() if value != approval.shown.get(name)}


def changed(approval: Approval) -> Conflict:
    """For a decision about something else than what would happen now."""
    return Conflict(
        "What was shown is not what would happen now; nothing was decided.",
        code="APPROVAL_CHANGED",
        details={"approval_id": approval.id},
    )


def require_open(approval: Approval, now: datetime) -> None:
    """Raises:
    NeedsApproval: APPROVAL_EXPIRED. Conflict: APPROVAL_DECIDED.
    """
    if approval.status == "expired" or (approval.status == "pending" and approval.expires_at <= now):
        raise NeedsApproval(
            "Nobody decided in time; this approval is over.",
            code="APPROVAL_EXPIRED",
            details={"approval_id": approval.id, "expired_at": approval.expires_at.isoformat()},
        )
    if approval.status != "pending":
        who = {"by": approval.decided_by, "how": approval.decided_how} if approval.decided_by else {}
        raise Conflict(
            "The execution was cancelled." if approval.status == "cancelled" else f"It was {approval.status} before.",
            code="APPROVAL_DECIDED",
            details={"approval_id": approval.id, "status": approval.status, **who},
        )


def _note(tx: Tx, approval: Approval, decision: Decision, edits: Mapping[str, Any], now: datetime) -> None:
    words = f"approval {approval.id} {_STATUS[decision.answer]} by {decision.how}"
    if edits:
        words += f", edited: {', '.join(sorted(edits))}"
    outcome: audit.Outcome = "done" if decision.answer == "approve" else "declined"
    audit.append(tx, audit.Entry(decision.by, "approval.decide", outcome, words, _targets(approval)), now)


def _targets(approval: Approval) -> Sequence[str]:
    return [approval.id] if approval.execution_id is None else [approval.id, approval.execution_id]


def _kind(value: Any) -> type:
    """The JSON type, for which 1 and 1.5 are both numbers and true is not."""
    return float if isinstance(value, int | float) and not isinstance(value, bool) else type(value)


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()  # 256 random bits: nothing to guess


def _approval(row: sqlite3.Row) -> Approval:
    shape = dict(row)
    shape["changed"] = json.loads(shape.pop("edits") or "{}")
    shape["shown"] = json.loads(shape["shown"])
    for name in ("editable", "approvers", "escalate_to"):
        shape[name] = None if shape[name] is None else tuple(json.loads(shape[name]))
    for name in ("created_at", "expires_at"):
        shape[name] = time_from(shape[name])
    for name in ("remind_at", "told_at", "decided_at"):
        shape[name] = optional_time_from(shape[name])
    return Approval(**shape)
