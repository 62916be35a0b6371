"""What people are asked: the inbox, and one question with what exactly will happen, to be decided by a click."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from construction_mcp.insight.following import Following
from construction_mcp.notify.message import one_line
from construction_mcp.server.approval_form import written
from construction_mcp.server.dashboard.layout import PATH, quiet, region, said
from construction_mcp.server.dashboard.markup import Html, el, joined
from construction_mcp.server.dashboard.words import chip, counted, when
from construction_mcp.store.approvals import COMMENT_CHARS_MAX, Approval
from construction_mcp.store.overview import Origin

_GIST_CHARS_MAX = 90
_EFFECTS = {"write": "changes Procore", "notify": "tells people"}
_HOW = {
    "form": "in a form of their client",
    "code": "with a code",
    "link": "by the link in their mail",
    "terminal": "in a terminal",
    "dashboard": "on this dashboard",
}


@dataclass(frozen=True, slots=True)
class Question:
    """One approval and what its reader may do. behind: what goes on after a yes; key: of the form, bound to the digest.

    hindrance: why its reader cannot decide it, None when they can.
    """

    approval: Approval
    origin: Origin | None
    behind: Sequence[Following]
    key: str
    hindrance: str | None


def inbox_page(
    mine: Sequence[Approval],
    others: Sequence[Approval],
    ended: Sequence[Approval],
    origins: Mapping[str, Origin],
    now: datetime,
) -> Html:
    """What waits for the reader, what waits for others, and what was decided lately."""
    parts = (
        region(
            "mine", _entries(mine, origins, now, "Nothing waits for you."), label="For you to decide", class_="card"
        ),
        region("others", _entries(others, origins, now, ""), label="For others to decide", class_="card")
        if others
        else None,
        region("ended", _entries(ended, origins, now, "None yet."), label="Decided lately", class_="card"),
    )
    return joined(el("div", el("h1", "Approvals"), class_="head"), el("div", *parts, class_="stack"))


def _entries(asked: Sequence[Approval], origins: Mapping[str, Origin], now: datetime, none: str) -> Html:
    if not asked:
        return quiet(none)
    return el("ul", [inbox_entry(one, origins, now) for one in asked], class_="entries")


def inbox_entry(one: Approval, origins: Mapping[str, Origin], now: datetime) -> Html:
    """A line of the inbox: what is asked, by what, and until when."""
    origin = origins.get(one.execution_id or "")
    asker = joined("by ", said(origin.workflow_name)) if origin else joined("a call of ", said(one.requested_by))
    until = joined("closes ", when(one.expires_at, now)) if one.status == "pending" else chip(one.status)
    return el(
        "li",
        el("div", el("a", said(one.summary), href=f"{PATH}/approvals/{one.id}"), class_="line"),
        _gist(one),
        el("div", el("span", asker), el("span", until), class_="line small muted"),
    )


def _gist(one: Approval) -> Html | None:
    """The first of what is shown, on one line: questions of one workflow are often worded alike."""
    for name, value in one.shown.items():
        return el("p", said(f"{name}: {one_line(written(value), _GIST_CHARS_MAX)}"), class_="small")
    return None


def question_page(question: Question, now: datetime) -> Html:
    """What is asked, what happens after a yes, and the form that decides exactly this."""
    approval = question.approval
    title = el("div", el("h1", said(approval.summary)), chip(approval.status), class_="head")
    is_open = approval.status == "pending" and approval.expires_at > now
    shown = {
        name: value
        for name, value in approval.shown.items()
        if name not in approval.editable or not is_open or question.hindrance
    }
    decide = _form(question) if is_open and question.hindrance is None else _outcome(question, now)
    left = (
        el(
            "section",
            el("h2", "What is decided", id="decided"),
            _values(shown),
            class_="card",
            aria_labelledby="decided",
        )
        if shown
        else None,
        el("section", decide, class_="card", aria_label="Decision"),
    )
    right = (
        el("section", el("h2", "After a yes", id="after"), _behind(question), class_="card", aria_labelledby="after"),
        el("section", el("h2", "About it", id="about"), _about(question, now), class_="card", aria_labelledby="about"),
    )
    return joined(
        title, el("div", el("div", *left, class_="stack"), el("div", *right, class_="stack"), class_="columns")
    )


def _values(values: Mapping[str, Any]) -> Html:
    rows = [(el("dt", said(name)), el("dd", written(one), dir="auto")) for name, one in values.items()]
    return el("dl", rows, class_="shown")


def _form(question: Question) -> Html:
    approval = question.approval
    inputs = [_input(number, name, approval.shown.get(name)) for number, name in enumerate(approval.editable)]
    return el(
        "form",
        el("input", type="hidden", name="key", value=question.key),
        el("input", type="hidden", name="digest", value=approval.digest),
        el("fieldset", el("legend", "You may change"), inputs) if inputs else None,
        el("label", "Comment (optional)", el("textarea", name="comment", maxlength=COMMENT_CHARS_MAX, rows=2)),
        el(
            "div",
            el("button", "Approve", name="decision", value="approve"),
            el("button", "Reject", name="decision", value="reject", class_="no"),
            class_="row",
        ),
        el("p", "It counts for exactly what is shown here, and cannot be taken back.", class_="small muted"),
        method="post",
        action=f"{PATH}/approvals/{approval.id}",
        accept_charset="utf-8",
        class_="decide",
    )


def _input(number: int, name: str, value: Any) -> Html:
    field = f"edit_{number}"
    if isinstance(value, bool):
        choices = [
            el("option", "yes" if one else "no", value=json.dumps(one), selected=one is value) for one in (True, False)
        ]
        return el("label", said(name), el("select", choices, name=field))
    if isinstance(value, int | float):
        return el("label", said(name), el("input", name=field, type="number", step="any", value=written(value)))
    # A line feed right after the tag is the browser's to swallow, so one of the text's own survives.
    return el("label", said(name), el("textarea", "\n" + written(value), name=field, dir="auto"))


def _outcome(question: Question, now: datetime) -> Html:
    approval = question.approval
    if approval.status == "pending" and approval.expires_at > now:
        return el("p", question.hindrance)
    if approval.status in ("pending", "expired"):
        return el("p", "Nobody decided in time.")
    if approval.status == "cancelled":
        return el("p", "The workflow was stopped, so nothing is asked any more.")
    how = _HOW.get(approval.decided_how or "", "")
    changed = {name: approval.changed[name] for name in approval.editable if name in approval.changed}
    said_no_more = joined(
        el(
            "p",
            approval.status.capitalize(),
            " by ",
            said(approval.decided_by or ""),
            f" {how} ",
            when(approval.decided_at, now),
            ".",
        ),
        el("p", "Comment: ", said(approval.comment)) if approval.comment else None,
    )
    return joined(said_no_more, (el("h3", "As changed"), _values(changed)) if changed else None)


def _behind(question: Question) -> Html:
    if question.approval.execution_id is None:
        return el("p", "The call of ", said(question.approval.requested_by), " is carried out once, exactly as shown.")
    if not question.behind:
        return quiet("Nothing outside this workspace: its other steps read or compute.")
    entries = [
        el(
            "li",
            el(
                "div",
                el("code", one.key),
                el("span", _EFFECTS.get(one.effect, one.effect), class_="muted small"),
                class_="line",
            ),
            el("p", one.type, class_="small"),
            el(
                "dl",
                [(el("dt", name), el("dd", value, dir="auto")) for name, value in one.settings.items()],
                class_="facts small",
            ),
        )
        for one in question.behind
    ]
    note = "Settings as the workflow writes them; what stands in {{ }} is filled in as it runs."
    return joined(
        el(
            "p",
            counted(len(entries), "step"),
            " with an effect may follow, each under its own condition:",
            class_="small",
        ),
        el("ol", entries, class_="entries more"),
        el("p", note, class_="small muted more"),
    )


def _about(question: Question, now: datetime) -> Html:
    approval, origin = question.approval, question.origin
    facts: list[tuple[str, Html | str]] = [
        ("Approval", el("code", approval.id)),
        ("Asked", when(approval.created_at, now)),
        ("Closes", when(approval.expires_at, now)),
        ("Asked of", said(", ".join(approval.approvers)) if approval.approvers else "whoever approves here"),
        ("Asked for", said(approval.requested_by)),
    ]
    if origin is not None:
        facts += [
            ("Workflow", el("a", said(origin.workflow_name), href=f"{PATH}/workflows/{origin.workflow_id}")),
            ("Run", el("a", el("code", str(approval.execution_id)), href=f"{PATH}/runs/{approval.execution_id}")),
        ]
        if origin.mode != "live":
            facts.append(("Test", "Nothing is sent, whatever is decided."))
    return el("dl", [(el("dt", key), el("dd", value)) for key, value in facts], class_="facts small")
