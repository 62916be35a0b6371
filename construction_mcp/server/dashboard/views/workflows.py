"""Workflows in a table with how they beat, and one of them whole."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from construction_mcp.insight.stuck import Stuck
from construction_mcp.server.dashboard.charts import sparkline
from construction_mcp.server.dashboard.layout import PATH, quiet, region, row, said, table
from construction_mcp.server.dashboard.markup import Html, el, joined
from construction_mcp.server.dashboard.views.runs import run_table
from construction_mcp.server.dashboard.words import ABSENT, STARTS, chip, counted, when
from construction_mcp.store.execution_reads import Line
from construction_mcp.store.overview import Beat, Pulse, Pulses
from construction_mcp.store.versions import WorkflowStatus

_HEADS = ("Workflow", "State", "Latest runs", "Starts by", "Next")
_REASONS = {
    "FAILED_IN_A_ROW": "It failed too often in a row and was stopped. Mend what made it fail, then resume it.",
    "WORKFLOW_ENVIRONMENT_MISMATCH": "It was deployed for another environment or company. Deploy it again here.",
}


def pulse_table(pulses: Sequence[Pulse], now: datetime) -> Html:
    """One row each: name, state, sparkline, what starts it, and when next."""
    return table("Workflows", _HEADS, [_row(one, now) for one in pulses])


def _row(pulse: Pulse, now: datetime) -> Html:
    starts = STARTS.get(pulse.trigger_type or "", pulse.trigger_type or ABSENT)
    return row(
        _HEADS,
        el("a", said(pulse.name), href=f"{PATH}/workflows/{pulse.id}"),
        chip(pulse.status),
        sparkline(pulse.beats, "Runs"),
        starts,
        when(pulse.due_at, now) if pulse.status == "active" else ABSENT,
    )


def workflows_page(found: Pulses, text: str, now: datetime) -> Html:
    """All of them, by pages, with a search."""
    search = el(
        "form",
        el("label", "Name or description", el("input", type="search", name="q", value=text, maxlength=200)),
        el("button", "Search", class_="no"),
        method="get",
        action=f"{PATH}/workflows",
        class_="search",
        role="search",
    )
    rows = (
        pulse_table(found.items, now) if found.items else quiet("No workflow has that text." if text else "None yet.")
    )
    return joined(
        el("div", el("h1", "Workflows"), class_="head"), search, region("list", rows, _next(found, text), class_="card")
    )


def _next(found: Pulses, text: str) -> Html | None:
    if found.next_position is None:
        return None
    at, workflow_id = found.next_position
    query = urlencode({"q": text, "at": at, "after": workflow_id})
    return el("p", el("a", "Older ones", href=f"{PATH}/workflows?{query}"), class_="more")


def workflow_page(
    status: WorkflowStatus, beats: Sequence[Beat], stuck: Sequence[Stuck], runs: Sequence[Line], now: datetime
) -> Html:
    """One workflow: what it is, how it beats, what is under way, and its latest runs."""
    title = el(
        "div",
        el("h1", said(status.name)),
        chip(status.status),
        el("span", f"version {status.active_version}" if status.active_version else "never deployed", class_="muted"),
        class_="head",
    )
    why = _REASONS.get(status.status_reason or "")
    alert = el("p", why, class_="alert") if why else None
    left = (
        region("health", _health(status, beats, now), label="Health", class_="card"),
        region("open", _open(stuck, now), label="Under way", class_="card") if stuck else None,
        region("runs", _runs(status, runs, now), label="Latest runs", class_="card"),
    )
    right = (
        region("facts", _facts(status, now), label="What it is", class_="card"),
        el("section", el("h2", "What it does", id="does"), _actions(status), class_="card", aria_labelledby="does"),
    )
    columns = el("div", el("div", *left, class_="stack"), el("div", *right, class_="stack"), class_="columns")
    return joined(title, region("state", alert, tag="div"), columns)


def _health(status: WorkflowStatus, beats: Sequence[Beat], now: datetime) -> Html:
    health = status.health
    if not beats:
        return quiet("It has not run yet.")
    ended = health.completed + health.failed
    rate = (
        ""
        if health.success_rate is None
        else f"{health.success_rate:.0%} of the last {counted(ended, 'run')} went well. "
    )
    return joined(
        sparkline(beats, "Runs"),
        el("p", rate, "The latest began ", when(health.last_run_at, now), ".", class_="small more"),
        el("p", "A higher bar took longer, in powers of ten; a dot below marks a failure.", class_="small muted"),
    )


def _open(stuck: Sequence[Stuck], now: datetime) -> Html:
    return el(
        "ul",
        [
            el(
                "li",
                el(
                    "div",
                    el("a", el("code", one.execution_id), href=f"{PATH}/runs/{one.execution_id}"),
                    el("span", chip(one.status), " ", el("span", when(one.started_at, now), class_="muted small")),
                    class_="line",
                ),
                el("p", said(one.explanation), class_="small"),
            )
            for one in stuck
        ],
        class_="entries",
    )


def _runs(status: WorkflowStatus, runs: Sequence[Line], now: datetime) -> Html:
    if not runs:
        return quiet("None yet.")
    more = el("p", el("a", "All of its runs", href=f"{PATH}/runs?{urlencode({'workflow': status.id})}"), class_="more")
    return joined(run_table(runs, {}, now), more)


def _facts(status: WorkflowStatus, now: datetime) -> Html:
    facts: tuple[tuple[str, Html | str], ...] = (
        ("Id", el("code", status.id)),
        ("Starts by", _trigger(status.trigger)),
        ("Next", when(status.due_at, now) if status.status == "active" else ABSENT),
        ("Environment", status.environment),
        ("Project", str(status.project_id) if status.project_id else ABSENT),
        ("Runs as", said(status.run_as) if status.run_as else ABSENT),
        ("Deployed", when(status.deployed_at, now)),
        ("Changed", when(status.updated_at, now)),
    )
    about = el("p", said(status.description), class_="small") if status.description else None
    return joined(about, el("dl", [(el("dt", name), el("dd", value)) for name, value in facts], class_="facts small"))


def _trigger(trigger: Mapping[str, Any] | None) -> Html | str:
    if not trigger:
        return "nothing yet"
    kind = str(trigger.get("type", ""))
    if kind == "schedule":
        return joined(
            "schedule ", el("code", str(trigger.get("cron", ""))), " ", said(str(trigger.get("timezone") or ""))
        )
    if kind in ("webhook", "poll"):
        names = ", ".join(str(one) for one in trigger.get("resources") or ())
        return joined(STARTS[kind], " ", said(names or str(trigger.get("source") or "")))
    return STARTS.get(kind, kind)


def _actions(status: WorkflowStatus) -> Html:
    if not status.actions:
        return quiet("Nothing yet.")
    entries = [
        el(
            "li",
            el("div", el("code", str(one["key"])), el("span", str(one["type"]), class_="muted small"), class_="line"),
        )
        for one in status.actions
    ]
    return joined(
        el("ol", entries, class_="entries small"), el("p", counted(len(entries), "action"), class_="muted small more")
    )
