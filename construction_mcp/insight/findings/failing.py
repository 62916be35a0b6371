"""What runs met, by code; the step's own error rather than that a step failed.

What a newer version than the one that failed may have mended is told as a warning, until a run shows it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from construction_mcp.insight.advice import Call
from construction_mcp.insight.findings import rewriting
from construction_mcp.insight.findings.account import allowed
from construction_mcp.insight.findings.finding import Case, Finding, again, catalogued, cut, deploy, observe, share
from construction_mcp.store.evidence import Odd, Run

_NOT_ERRORS = (None, "EXECUTION_CANCELLED", "EXECUTION_NEEDS_REVIEW")
_TIME_FACTOR = 4  # a step that was too slow gets this much more time, once
_STEP_TIMEOUT_S, _STEP_TIMEOUT_MAX_S = 600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class Failure:
    """One code, with the newest run and step that met it; `step` is None where the run itself did."""

    code: str
    execution_id: str
    step: Odd | None
    lines: Mapping[str, str]

    @property
    def details(self) -> Mapping[str, Any]:
        found = ((self.step.error if self.step else None) or {}).get("details")
        return found if isinstance(found, Mapping) else {}

    @property
    def request(self) -> str:
        """The request that was refused, as `GET /rest/v1.0/me`."""
        return str(self.details.get("request", ""))

    @property
    def type(self) -> str:
        return self.step.type if self.step is not None else ""


Mend = Callable[[Case, Failure], Call | None]


def found(case: Case) -> Iterator[Finding]:
    """One finding for each code, the newest first."""
    latest = next((run.id for run in case.evidence.runs if run.status != "queued"), None)
    open_ids = {run.id for run in case.evidence.open_runs}
    versions = {run.id: run.version for run in case.runs}
    for one in _failures(case):
        newest_version = versions.get(one.execution_id)
        is_stale = newest_version is not None and newest_version != case.evidence.place.active_version
        is_present = latest in one.lines or not open_ids.isdisjoint(one.lines)
        seen = [f"{len(one.lines)} of the latest {len(case.runs)} runs met it.", *one.lines.values()]
        confidence = share(case, set(one.lines))
        call = again(case, one.execution_id) if is_stale else _mending(case, one)
        made = catalogued(one.code, "error" if is_present and not is_stale else "warning", confidence, seen, call)
        yield _said(case, one, made)


def met(step: Odd) -> str:
    """Where and what, in a line."""
    error = step.error or {}
    return cut(f"{step.execution_id}, step {step.key}: {error.get('message', step.status)}{_procore_says(error)}")


def _procore_says(error: Mapping[str, Any]) -> str:
    details = error.get("details")
    said = details.get("procore_says") if isinstance(details, Mapping) else None
    return f" Procore says: {'; '.join(map(str, said))}" if said else ""


def _failures(case: Case) -> list[Failure]:
    by_code: dict[str, Failure] = {}
    lines: dict[str, dict[str, str]] = {}
    for run in case.runs:
        for said, line, step in _errors_of(run, case.evidence.steps):
            code = _kind_of(case, said, step)
            lines.setdefault(code, {}).setdefault(run.id, line)
            by_code.setdefault(code, Failure(code, run.id, step, lines[code]))
    return list(by_code.values())


def _errors_of(run: Run, steps: Sequence[Odd]) -> Iterator[tuple[str, str, Odd | None]]:
    own = [step for step in steps if step.execution_id == run.id and step.status in ("failed", "waiting")]
    told = [(str(step.error["code"]), met(step), step) for step in own if step.error and step.error.get("code")]
    yield from told
    if not told and run.error and run.error.get("code") not in _NOT_ERRORS:
        yield str(run.error["code"]), cut(f"{run.id}: {run.error.get('message', '')}"), None


def _kind_of(case: Case, code: str, step: Odd | None) -> str:
    """The code, told apart by what Procore says now and by how the same version did before."""
    place, live = case.evidence.place, case.live
    if code in ("PROCORE_NOT_FOUND", "PROCORE_FORBIDDEN") and step is not None:
        if place.project_id is not None and live.projects is not None and place.project_id not in live.projects:
            return "PROJECT_NOT_VISIBLE"
        if live.switched.get((case.tool_of(step.type) or "").lower()) is False:
            return "PROCORE_TOOL_OFF"
    if code in ("EXECUTION_EXPRESSION_FAILED", "EXECUTION_EXPRESSION_NULL") and step is not None:
        version = next((run.version for run in case.runs if run.id == step.execution_id), None)
        if any(run.status == "completed" and run.version == version for run in case.evidence.runs):
            return "RECORD_SHAPE_CHANGED"
    return code


def _mending(case: Case, one: Failure) -> Call:
    mend = _MENDS.get(one.code)
    call = mend(case, one) if mend is not None else None
    return call or _back(case) or observe(one.execution_id, "see the step, what it met and what was said")


def _back(case: Case) -> Call | None:
    """The version before that went well, where there is one: what was changed since is what fails."""
    version = case.evidence.place.good_version
    if version is None:
        return None
    arguments = {"workflow_id": case.id, "action": "rollback", "to_version": version}
    return Call("rollback_workflow", arguments, f"version {version} went well: let it run until the draft is mended")


def _reconnect(_case: Case, _one: Failure) -> Call:
    return Call("connect_procore", {"again": True}, "sign in again, as the person it runs as")


def _allowed(case: Case, one: Failure) -> Call:
    return allowed(case, one.code, one.execution_id, one.type, one.request)


def _another_record(case: Case, one: Failure) -> Call:
    """Where the account reads others of the kind and this one is still not there, the person names another."""
    action = rewriting.action_of(case.draft, one.step.key) if one.step else None
    is_gone = case.live.asked_again.get(one.request) == "PROCORE_NOT_FOUND"
    is_readable = case.live.unreadable.get(case.tool_of(one.type) or "", "unknown") is None
    number = one.request.rpartition("/")[2]
    config = dict(action.config or {}) if action is not None else {}
    named = [name for name, value in config.items() if name != "project_id" and str(value) == number]
    if action is None or not (is_gone and is_readable and named):
        return _allowed(case, one)
    written = {**action.written(), "config": {**config, named[0]: "<the id of the record that is meant instead>"}}
    arguments = {"workflow_id": case.id, "key": action.key, "action": written}
    return Call("update_workflow_action", arguments, "name the record that is meant instead, as the person says")


def _again(case: Case, one: Failure) -> Call:
    return again(case, one.execution_id)


def _another_project(case: Case, _one: Failure) -> Call:
    known = "; ".join(f"{number} {name}" for number, name in list((case.live.projects or {}).items())[:10])
    arguments = {"workflow_id": case.id, "project_id": f"<the project's id; the account sees {known}>"}
    return Call("update_workflow", arguments, "name the project it is about, as the person says")


def _expression(case: Case, one: Failure) -> Call | None:
    """What to use where a value is absent, written into the action, where it then compiles."""
    expression = one.details.get("expression")
    action = rewriting.action_of(case.draft, one.step.key) if one.step else None
    if not isinstance(expression, str) or action is None or case.draft is None or case.is_edited:
        return None
    for otherwise in ('""', "0", "[]", "null"):
        written = rewriting.with_default(action.written(), expression, otherwise)
        if written != action.written() and case.compiles(rewriting.with_action(case.draft, action.key, written)):
            why = f"say what to write where it is absent, here {otherwise}; correct it where that is not meant"
            arguments = {"workflow_id": case.id, "key": action.key, "action": written}
            return Call("update_workflow_action", arguments, why)
    return None


def _more_time(case: Case, one: Failure) -> Call | None:
    action = rewriting.action_of(case.draft, one.step.key) if one.step else None
    if action is None:
        return None
    timeout_s = min((action.timeout_s or _STEP_TIMEOUT_S) * _TIME_FACTOR, _STEP_TIMEOUT_MAX_S)
    written = {**action.written(), "timeout_s": timeout_s}
    arguments = {"workflow_id": case.id, "key": action.key, "action": written}
    return Call("update_workflow_action", arguments, "give it more time")


def _other_values(case: Case, one: Failure) -> Call | None:
    """Procore refused what was sent: the version before, or the action with what is to be corrected."""
    action = rewriting.action_of(case.draft, one.step.key) if one.step else None
    if _back(case) is not None or action is None:
        return None
    written = action.written()
    arguments = {"workflow_id": case.id, "key": action.key, "action": written}
    return Call("update_workflow_action", arguments, "first correct in it what Procore names in the evidence")


def _other_recipient(case: Case, one: Failure) -> Call | None:
    """The addresses it writes to, each to be said again by the person who knows them."""
    action = rewriting.action_of(case.draft, one.step.key) if one.step else None
    to = (action.config or {}).get("to") if action is not None else None
    if action is None or _back(case) is not None:
        return None
    if isinstance(to, str) and to.startswith("{{ vars."):
        name = to.removeprefix("{{ vars.").removesuffix(" }}")
        variables = {key: one.written() for key, one in ((case.draft and case.draft.variables) or {}).items()}
        if name in variables:
            variables[name] = {**variables[name], "value": "<an address that takes mail>"}
            return Call("update_workflow", {"workflow_id": case.id, "variables": variables}, "name who takes the mail")
    written = {**action.written(), "config": {**(action.config or {}), "to": "<an address that takes mail>"}}
    arguments = {"workflow_id": case.id, "key": action.key, "action": written}
    return Call("update_workflow_action", arguments, "name who takes the mail")


def _sent(_case: Case, _one: Failure) -> Call:
    return Call("list_notifications", {}, "see what was sent")


def _deploy(case: Case, _one: Failure) -> Call:
    return deploy(case, "let it run here")


_MENDS: Mapping[str, Mend] = {
    "PROCORE_NOT_CONNECTED": _reconnect,
    "AUTH_RECONNECT": _reconnect,
    "PROCORE_FORBIDDEN": _allowed,
    "PROCORE_NOT_FOUND": _another_record,
    "PROCORE_APP_NOT_CONNECTED": _allowed,
    "PROCORE_TOOL_OFF": _allowed,
    "PROJECT_NOT_VISIBLE": _another_project,
    "PROCORE_RATE_LIMITED": _again,
    "PROCORE_TIMEOUT": _again,
    "PROCORE_UNAVAILABLE": _again,
    "PROCORE_BAD_ANSWER": _again,
    "PROCORE_BUDGET_SPENT": _again,
    "PROCORE_INVALID": _other_values,
    "EXECUTION_EXPRESSION_FAILED": _expression,
    "EXECUTION_EXPRESSION_NULL": _expression,
    "RECORD_SHAPE_CHANGED": _expression,
    "EXECUTION_STEP_TIMEOUT": _more_time,
    "EXECUTION_QUARANTINED": _again,
    "EXECUTION_CONSENT_EXCEEDED": _again,
    "APPROVAL_EXPIRED": _again,
    "WORKFLOW_ENVIRONMENT_MISMATCH": _deploy,
    "NOTIFY_UNAVAILABLE": _again,
    "NOTIFY_REFUSED": _other_recipient,
    "NOTIFY_OUTCOME_UNKNOWN": _sent,
    "NOTIFY_CREDENTIALS": _again,
    "NOTIFY_NOT_CONFIGURED": _again,
    "NOTIFY_INSECURE": _again,
    "SYSTEM_EGRESS_REFUSED": _again,
}
"""The call for each code; for what only a person outside mends it is the call for afterwards, and `_SAID` says so."""


def _said(case: Case, one: Failure, made: Finding) -> Finding:
    """Cause and fix in words of the case, where the catalogue cannot know it."""
    host = one.details.get("host")
    words: Mapping[str, tuple[str, str]] = {
        "PROJECT_NOT_VISIBLE": (
            f"The account does not see project {case.evidence.place.project_id} any more.",
            "Name another project, or have the account put on that one again.",
        ),
        "PROCORE_TOOL_OFF": (
            f"The project has Procore's tool {case.tool_of(one.type)} switched off.",
            "A project admin switches it on under the project's settings; then run it again.",
        ),
        "RECORD_SHAPE_CHANGED": (
            "The same version went well before: what it reads has another shape now.",
            "Say what to write where a value is absent, or read what is there instead.",
        ),
        "SYSTEM_EGRESS_REFUSED": (
            f"This server may not reach {host or 'that host'}: no setting names it.",
            f"The operator adds {host or 'it'} to CONSTRUCTION_MCP_EGRESS_ALLOW and restarts; then run it again.",
        ),
    }
    if one.code not in words:
        return made
    cause, fix = words[one.code]
    return replace(made, cause=cause, fix=fix)
