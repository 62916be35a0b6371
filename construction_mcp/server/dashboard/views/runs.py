"""Executions in a table, and one of them through time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from construction_mcp.core.catalogue import CATALOGUE
from construction_mcp.core.json import write_json
from construction_mcp.insight.executions import Execution, Moment, StepShown
from construction_mcp.notify.message import shortened
from construction_mcp.server.dashboard.charts import span_bar
from construction_mcp.server.dashboard.layout import PATH, quiet, region, row, said, table
from construction_mcp.server.dashboard.markup import Html, el, joined
from construction_mcp.server.dashboard.words import ABSENT, chip, clock_time, duration, when
from construction_mcp.store.execution_reads import STATUSES, Line

_HEADS = ("Run", "Workflow", "State", "Began", "Took", "Started by")
_OWN_HEADS = ("Run", "State", "Began", "Took", "Started by")
_STEP_HEADS = ("Step", "State", "Tries", "When", "Took")
_WHY_CHARS_MAX = 300


@dataclass(frozen=True, slots=True)
class RunFilter:
    """What of the runs is listed; an empty text is any."""

    status: str = ""
    workflow_id: str = ""


def run_table(runs: Sequence[Line], names: Mapping[str, str], now: datetime) -> Html:
    """Newest first. Without `names` they are all of one workflow, which the page names."""
    heads = _HEADS if names else _OWN_HEADS
    return table("Runs", heads, [_line(one, names, heads, now) for one in runs])


def _line(one: Line, names: Mapping[str, str], heads: tuple[str, ...], now: datetime) -> Html:
    test = el("span", " test", class_="muted small") if one.mode != "live" else None
    workflow = el("a", said(names.get(one.workflow_id, one.workflow_id)), href=f"{PATH}/workflows/{one.workflow_id}")
    code = el("span", el("code", one.error_code), class_="small wrap") if one.error_code else None
    return row(
        heads,
        joined(el("a", el("code", one.id), href=f"{PATH}/runs/{one.id}"), test),
        *((el("span", workflow, class_="wrap"),) if names else ()),
        joined(chip(one.status), " ", code),
        when(one.started_at, now),
        duration(one.duration_ms),
        one.trigger_type or ABSENT,
    )


def runs_page(
    runs: Sequence[Line], names: Mapping[str, str], only: RunFilter, more: tuple[str, str] | None, now: datetime
) -> Html:
    """A page of runs with a filter by state."""
    options = [
        el("option", status.replace("_", " ") if status else "any", value=status, selected=status == only.status)
        for status in ("", *STATUSES)
    ]
    choose = el(
        "form",
        el("label", "State", el("select", options, name="status")),
        el("input", type="hidden", name="workflow", value=only.workflow_id) if only.workflow_id else None,
        el("button", "Show", class_="no"),
        method="get",
        action=f"{PATH}/runs",
        class_="search",
    )
    name = names.get(only.workflow_id) if only.workflow_id else None
    of = (el("a", said(name), href=f"{PATH}/workflows/{only.workflow_id}"),) if name else ()
    body = run_table(runs, names, now) if runs else quiet("None like that.")
    return joined(
        el("div", el("h1", "Runs"), *of, class_="head"),
        choose,
        region("list", body, _older(only, more), class_="card"),
    )


def _older(only: RunFilter, more: tuple[str, str] | None) -> Html | None:
    if more is None:
        return None
    at, execution_id = more
    query = {"status": only.status, "workflow": only.workflow_id, "at": at, "before": execution_id}
    chosen = urlencode({name: value for name, value in query.items() if value})
    return el("p", el("a", "Older ones", href=f"{PATH}/runs?{chosen}"), class_="more")


def run_page(run: Execution, moments: Sequence[Moment], name: str, now: datetime) -> Html:
    """One execution: where it stands, its steps as bars over its time, and everything that happened, in order."""
    test = el("span", "a test: nothing was sent", class_="muted") if run.mode != "live" else None
    title = el("div", el("h1", said(name)), test, class_="head")
    steps = _steps(run, now) if run.steps else quiet("No step has begun.")
    return joined(
        title,
        el(
            "div",
            el(
                "div",
                region("steps", steps, label="Steps", class_="card"),
                region("moments", _moments(run, moments), label="What happened", class_="card"),
                class_="stack",
            ),
            el("div", region("stands", _stands(run, now), label="Where it stands", class_="card"), class_="stack"),
            class_="columns",
        ),
    )


def _stands(run: Execution, now: datetime) -> Html:
    version = f"version {run.version}" if run.version else "the draft"
    facts: list[tuple[str, Html | str]] = [
        ("State", chip(run.status)),
        ("Run", el("code", run.id)),
        ("Workflow", el("a", version, href=f"{PATH}/workflows/{run.workflow_id}")),
        ("Started by", str(run.trigger.get("type", ""))),
        ("Began", when(run.started_at, now)),
        ("Ended", when(run.completed_at, now)),
        ("Took", duration(run.duration_ms)),
    ]
    waits = run.waiting_for
    if waits is not None:
        facts += [
            ("Waits for", said(waits.what)),
            ("Moved by", said(waits.who)),
            ("Since", when(waits.since, now)),
            ("Next timer", when(waits.next_timer_at, now)),
        ]
    return joined(
        el("dl", [(el("dt", key), el("dd", value)) for key, value in facts], class_="facts small"),
        _error(run.error),
    )


def _error(error: Mapping[str, object] | None) -> Html | None:
    if not error:
        return None
    code = str(error.get("code", ""))
    entry = CATALOGUE.get(code)
    fix = el("p", el("strong", "Fix: "), entry.remedy) if entry else None
    return el(
        "div", el("p", el("code", code)), el("p", said(str(error.get("message", "")))), fix, class_="alert small more"
    )


def _steps(run: Execution, now: datetime) -> Html:
    end = run.completed_at or now
    return table("Steps", _STEP_HEADS, [_step(step, run.started_at, end) for step in run.steps], "gantt")


def _step(step: StepShown, start: datetime, end: datetime) -> Html:
    key = step.key if step.item is None else f"{step.key}[{step.item}]"
    ended = end if step.duration_ms is None else _later(step, end)
    bar = None if step.status == "skipped" else span_bar(step.started_at, ended, start, end, step.status)
    return row(
        _STEP_HEADS,
        joined(el("code", key), el("br"), el("span", step.type, class_="muted small"), _why(step)),
        chip(step.status),
        str(step.attempts) if step.status != "skipped" else ABSENT,
        bar,
        duration(step.duration_ms),
    )


def _later(step: StepShown, end: datetime) -> datetime:
    return min(step.started_at + timedelta(milliseconds=step.duration_ms or 0.0), end)


def _why(step: StepShown) -> Html | None:
    """What a step's state is about: its error, what it waits for, or why it was skipped."""
    if step.error:
        text = f"{step.error.get('code', '')}: {step.error.get('message', '')}"
    elif step.waiting_for is not None:
        text = f"Waits for {step.waiting_for.what}: {step.waiting_for.who}"
    elif step.skipped_because:
        values = write_json(step.skipped_because.get("values"))
        text = f"{step.skipped_because.get('expression', '')} was not true with {values}"
    else:
        return None
    return el("p", said(shortened(text, _WHY_CHARS_MAX)), class_="small")


def _moments(run: Execution, moments: Sequence[Moment]) -> Html:
    return el("ol", [_moment(one, run.started_at) for one in moments], class_="moments small")


def _moment(one: Moment, start: datetime) -> Html:
    step = (el("code", one.step), " ") if one.step else ()
    return el("li", clock_time(one.at, start), el("p", *step, said(one.text)))
