"""The tool that carries a person's decision. It asks the person, or takes a code that only a person was shown."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from construction_mcp.core.clock import Clock
from construction_mcp.core.errors import Invalid, NeedsApproval
from construction_mcp.core.json import write_json
from construction_mcp.core.ports import Answer, Ask
from construction_mcp.core.toolset import tool
from construction_mcp.core.types import Principal, Role
from construction_mcp.engine.approvals import Approvals, Said, may_decide, not_yours
from construction_mcp.notify.message import cleaned
from construction_mcp.store.approvals import Approval, changed, checked_edits, require_open

QUESTION = "decide"
_LISTED_MAX = 25
_MESSAGE_CHARS_MAX = 8000


@dataclass(frozen=True, slots=True)
class Asked:
    """One approval: what is asked, of whom, and what was decided."""

    id: str
    status: str
    summary: str
    shown: Mapping[str, Any]
    editable: list[str]
    digest: str
    requested_by: str
    approvers: list[str]
    expires_at: datetime
    execution_id: str | None = None
    step: str | None = None
    decided_by: str | None = None
    decided_how: str | None = None
    edits: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """The approvals that are pending for the caller, or the one that was decided on."""

    status: Literal["listed", "approved", "rejected", "declined"]
    approvals: list[Asked]


@tool(effect="workspace", listed=True, role=Role.APPROVER)
async def decide_approval(
    approval_id: Annotated[str | None, Field(min_length=1, max_length=40), "Without it, lists what is pending"] = None,
    decision: Annotated[
        str | None, Field(pattern="^(approve|reject)$"), "What the person said: approve or reject"
    ] = None,
    edits: Annotated[dict[str, Any] | None, "Changed editable values, by name, for the person to see"] = None,
    comment: Annotated[str | None, Field(max_length=4000), "A word from the person"] = None,
    code: Annotated[str | None, Field(min_length=8, max_length=20), "From the approver's mail or the terminal"] = None,
    *,
    approvals: Approvals,
    principal: Principal,
    ask: Ask,
    clock: Clock,
) -> Decided:
    """List pending approvals, or put one to the person, who decides in a form or by code; never decide yourself."""
    if approval_id is None:
        pending = await approvals.pending_for(principal, _LISTED_MAX)
        return Decided("listed", [_asked(one) for one in pending])
    approval = await approvals.get(approval_id)
    require_open(approval, clock.now())
    if code is not None:
        if decision is None or edits:
            raise Invalid("A code goes with a decision and without edits: whoever was shown it saw none.")
        choice: Literal["approve", "reject"] = "approve" if decision == "approve" else "reject"
        said = Said(approval.id, approval.digest, choice, None, comment)
        return _decided(await approvals.decide_by_code(said, principal, code))
    if not may_decide(approval, principal):
        raise not_yours(approval, "It is not yours to decide.")
    if not ask.can_form:
        raise _person_required(approval)
    return await _by_form(approvals, approval, principal, ask, checked_edits(approval, edits or {}), comment)


async def _by_form(
    approvals: Approvals,
    approval: Approval,
    principal: Principal,
    ask: Ask,
    proposed: Mapping[str, Any],
    comment: str | None,
) -> Decided:
    """The person's answer to exactly this; on 2026-07-28 it comes with a second call, and its state says to what."""
    before = ask.state
    state = write_json({"id": approval.id, "digest": approval.digest, "proposed": dict(proposed)})
    answer = await ask.form(QUESTION, question(approval, proposed), form(approval, proposed), state=state)
    if before is not None and before != state:
        raise changed(approval)
    content = answer.content or {}
    choice = content.get("decision")
    if answer.action != "accept" or choice not in ("approve", "reject"):
        return Decided("declined", [_asked(approval)])
    edits = _edited(approval, proposed, answer) if choice == "approve" else {}
    said = Said(approval.id, approval.digest, choice, edits, str(content.get("comment") or comment or "") or None)
    return _decided(await approvals.decide(said, principal, "form"))


def question(approval: Approval, proposed: Mapping[str, Any]) -> str:
    """What the person reads: what is asked, what it is about, and what the assistant would change in it.

    Raises:
        NeedsApproval: APPROVAL_PERSON_REQUIRED; it is too long for a form, and a part of it is not what is decided on.
    """
    lines = [approval.summary, "", *(f"{name}: {_text(value)}" for name, value in approval.shown.items())]
    if proposed:
        lines += ["", "Your assistant would change:", *(f"{name}: {_text(value)}" for name, value in proposed.items())]
    message = str(cleaned("\n".join(lines)))
    if len(message) > _MESSAGE_CHARS_MAX:
        raise _person_required(approval)
    return message


def form(approval: Approval, proposed: Mapping[str, Any]) -> dict[str, Any]:
    """A choice, the editable values that a form can hold, and a comment."""
    fields: dict[str, Any] = {
        "decision": {"type": "string", "title": "Decision", "enum": ["approve", "reject"]},
    }
    for number, name in enumerate(approval.editable):
        value = proposed.get(name, approval.shown.get(name))
        kind = _kind(value)
        if kind is not None:
            fields[_field(number)] = {"type": kind, "title": name[:100], "default": value}
    fields["comment"] = {"type": "string", "title": "Comment"}
    return {"type": "object", "properties": fields, "required": ["decision"]}


def _edited(approval: Approval, proposed: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
    """What the person left of what was proposed, and what they changed themselves."""
    edits = dict(proposed)
    for number, name in enumerate(approval.editable):
        field = _field(number)
        if answer.content is not None and field in answer.content:
            edits[name] = answer.content[field]
    return edits


def _field(number: int) -> str:
    return f"edit_{number + 1}"  # names of what is shown may be anything, `decision` too


def _kind(value: Any) -> str | None:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _asked(approval: Approval) -> Asked:
    return Asked(
        id=approval.id,
        status=approval.status,
        summary=approval.summary,
        shown=approval.shown,
        editable=list(approval.editable),
        digest=approval.digest,
        requested_by=approval.requested_by,
        approvers=list(approval.approvers),
        expires_at=approval.expires_at,
        execution_id=approval.execution_id,
        step=approval.step,
        decided_by=approval.decided_by,
        decided_how=approval.decided_how,
        edits=approval.edits if approval.status == "approved" and approval.editable else None,
    )


def _decided(approval: Approval) -> Decided:
    return Decided("approved" if approval.status == "approved" else "rejected", [_asked(approval)])


def _person_required(approval: Approval) -> NeedsApproval:
    return NeedsApproval(
        "A person has to decide this, and this client cannot show them all of it.",
        code="APPROVAL_PERSON_REQUIRED",
        hint=(
            "Ask the person for the code in their mail and call again with it and their decision, or let them run "
            f"`construction-mcp approvals show {approval.id}`."
        ),
        details={"approval_id": approval.id},
    )
