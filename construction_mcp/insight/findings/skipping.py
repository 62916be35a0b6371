"""Conditions that have not been true in any of the latest runs."""

from collections.abc import Iterator, Mapping
from typing import Any

from construction_mcp.insight.advice import Call
from construction_mcp.insight.findings import rewriting
from construction_mcp.insight.findings.finding import Case, Finding, cut, grown, observe, text
from construction_mcp.store.evidence import Odd

_EQUAL_RUNS_MIN = 3  # fewer skips of one step say nothing


def found(case: Case) -> Iterator[Finding]:
    """One for each step that every run of the active version skipped for the same reason."""
    ended = [run.id for run in case.evidence.runs if run.status == "completed" and _is_present(case, run.version)]
    by_step: dict[tuple[str, str], dict[str, Odd]] = {}
    for step in case.evidence.steps:
        expression = (step.because or {}).get("expression")
        if step.status == "skipped" and expression and step.execution_id in ended:
            by_step.setdefault((step.key, str(expression)), {})[step.execution_id] = step
    for (key, expression), skipped in by_step.items():
        if len(ended) < _EQUAL_RUNS_MIN or len(skipped) < len(ended):
            continue
        values = (skipped[ended[0]].because or {}).get("values")
        seen = [f"{key} was skipped in each of the latest {len(ended)} runs.", f"Last seen: {text(values)}"]
        cause = f"The condition of {key} was never true: {cut(expression)}"
        fix = "Compare the values it met with what it asks for; where they are as they should be, nothing is wrong."
        met = [one.because["values"] for one in skipped.values() if one.because and one.because.get("values")]
        call = _corrected(case, key, expression, met) or observe(ended[0], "see what the condition met")
        yield Finding("CONDITION_NEVER_TRUE", "warning", grown(len(ended)), seen, cause, fix, call)


def _is_present(case: Case, version: int | None) -> bool:
    return version is None or version == case.evidence.place.active_version


def _corrected(case: Case, key: str, expression: str, met: list[Mapping[str, Any]]) -> Call | None:
    """The condition with what looks misspelt replaced by what was there."""
    action = rewriting.action_of(case.draft, key)
    if action is None or action.condition != expression:
        return None
    better = rewriting.with_equals_corrected(expression, lambda path: [one.get(path) for one in met])
    if better == expression:
        return None
    arguments = {"workflow_id": case.id, "key": key, "action": {**action.written(), "condition": better}}
    return Call("update_workflow_action", arguments, f"ask for what was there: {better}")
