"""What only shows beside the facts: projects, permissions, people, channels, the host and the rate budget."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from construction_mcp.actions.action import Need, Unbounded, project_fields
from construction_mcp.core.nearest import nearest
from construction_mcp.workflow.facts import Facts
from construction_mcp.workflow.problems import Problem, error, warning
from construction_mcp.workflow.steps import Step

_LEVELS = ("none", "read_only", "standard", "admin")
_VARIABLE = re.compile(r"\{\{\s*vars\.(\w+)\s*\}\}")
_HEAVY_SHARE = 0.6  # of the hourly window (PRODUCT.md section 4.3)


def project_problems(project_id: int | None, steps: Mapping[str, Step], facts: Facts) -> Iterator[Problem]:
    """Projects that are missing, or that the workflow's connection does not see."""
    if project_id is not None:
        yield from _unknown_projects([("project_id", project_id)], facts)
    lacking: list[str] = []
    for key, step in steps.items():
        fields = project_fields(step.kind.config) if step.kind else ()
        given = [name for name in fields if step.written.get(name) is not None]
        if fields and not given and project_id is None:
            lacking.append(f"actions.{key}.config.{fields[-1]}")
        for name in given:
            yield from _unknown_projects(_places(step, name), facts)
    if lacking:
        keys = [path.split(".")[1] for path in lacking]
        whole = len(lacking) > 1
        message = f"{', '.join(keys[:5])} {'do' if whole else 'does'} not say which project."
        fix = f"Set the workflow's project_id, or {'.'.join(lacking[0].split('.')[2:])} of each."
        yield error("project_id" if whole else lacking[0], "PROJECT_MISSING", message, fix)


def _places(step: Step, name: str) -> list[tuple[str, Any]]:
    """Each value of a config field with its place: the variable's, where a variable gives it."""
    given, raw = step.written[name], (step.action.config or {}).get(name)
    variable = _VARIABLE.fullmatch(raw) if isinstance(raw, str) else None
    if variable:
        return [(f"variables.{variable[1]}.value", one) for one in (given if isinstance(given, list) else [given])]
    path = f"actions.{step.key}.config.{name}"
    if isinstance(given, list):
        return [(f"{path}[{at}]", one) for at, one in enumerate(given)]
    return [(path, given)]


def _unknown_projects(places: Sequence[tuple[str, Any]], facts: Facts) -> Iterator[Problem]:
    if facts.projects is None:
        return
    for path, one in places:
        if isinstance(one, int) and one not in facts.projects:
            near = nearest(str(one), map(str, facts.projects))
            fix = f"Did you mean {near[0]}, {facts.projects[int(near[0])]}?" if near else "See list_procore_projects."
            where = f"company {facts.company_id}" if facts.company_id else "its company"
            yield error(path, "PROJECT_UNKNOWN", f"The connection sees no project {one} in {where}.", fix)


def permission_problems(needs: Sequence[Need], facts: Facts) -> Iterator[Problem]:
    """Procore tools in which the connection may do less than the workflow has to."""
    if facts.permissions is None:
        return
    for need in needs:
        level = facts.permissions.get((need.tool, need.project_id))
        if level is not None and _LEVELS.index(level) < _LEVELS.index(need.level):
            where = f"in project {need.project_id}" if need.project_id else "of the company"
            message = f"It needs {need.level} in the Procore tool {need.tool} {where}; the connection has {level}."
            fix = "Ask a Procore admin for it, or let another connection run the workflow."
            yield error("run_as", "PERMISSION_MISSING", message, fix)


def host_problems(steps: Mapping[str, Step], facts: Facts) -> Iterator[Problem]:
    """What this installation is not set up for, or cannot do."""
    channels, performs = facts.host.channels, facts.host.performs
    for key, step in steps.items():
        if step.kind is None:
            continue
        channel = step.kind.channel(step.written)
        if channel is not None and channels is not None and channel not in channels:
            fix = f"Set up {channel} in the settings; construction-mcp doctor says how."
            yield error(f"actions.{key}.type", "NOTIFY_NOT_CONFIGURED", f"{channel} is not set up here.", fix)
        if not step.kind.is_performed or (performs is not None and step.kind.name not in performs):
            message = f"Nothing here carries out {step.kind.name}, so the workflow cannot be deployed."
            yield error(
                f"actions.{key}.type", "ACTION_NOT_PERFORMED", message, "Keep it as a draft until an update can."
            )


def people_problems(steps: Mapping[str, Step], facts: Facts) -> Iterator[Problem]:
    """Approvers who do not exist, or whom nothing reaches."""
    if facts.approvers is None:
        return
    for step in steps.values():
        asked = ("approvers", "escalate_to") if step.kind is not None and step.kind.asks_person else ()
        for path, one in [place for name in asked if name in step.written for place in _places(step, name)]:
            if not isinstance(one, str) or "{{" in one:
                continue
            if one not in facts.approvers:
                near = [known for known in nearest(one, facts.approvers) if _are_alike(one, known)]
                fix = f"Did you mean {near[0]}?" if near else "Add the person with construction-mcp users add."
                yield error(path, "APPROVER_UNKNOWN", f"Nobody here is called {one!r}.", fix)
            elif not facts.approvers[one]:
                fix = "Give the person an address, or set up the channel that reaches them."
                yield warning(path, "APPROVER_CANNOT_REACH", f"Nothing tells {one} that an approval waits.", fix)


def _are_alike(one: str, other: str) -> bool:
    """A shared domain makes no two people alike."""
    return bool(nearest(one.partition("@")[0], [other.partition("@")[0]]))


def call_problems(steps: Mapping[str, Step], facts: Facts) -> Iterator[Problem]:
    """Called workflows that do not exist."""
    for step in steps.values():
        called = step.written.get("workflow_id") if step.kind and step.kind.name == "workflow.call" else None
        settled = isinstance(called, str) and "{{" not in called
        if settled and facts.workflows is not None and called not in facts.workflows:
            [(path, _)] = _places(step, "workflow_id")
            yield error(
                path, "WORKFLOW_UNKNOWN", f"There is no workflow {called!r}.", _workflow_fix(str(called), facts)
            )


def _workflow_fix(called: str, facts: Facts) -> str:
    known = facts.workflows or {}
    by_name = [one for one, name in known.items() if name.lower() == called.lower()]
    near = by_name or nearest(called, known)
    return f"Did you mean {near[0]}, {known[near[0]]}?" if near else "See list_workflows."


def consent_problems(unbounded: Mapping[str, Sequence[Unbounded]], told: Iterable[str]) -> Iterator[Problem]:
    """Whom only a run would decide: nobody can agree to that beforehand.

    told: places with a problem of their own; what is meant there is not known yet.
    """
    broken = {".".join(re.split(r"[.[]", path)[:4]) for path in told}
    for key, found in unbounded.items():
        for one in found:
            path = f"actions.{key}.config.{one.field}"
            if path not in broken:
                yield error(path, "RECIPIENT_UNBOUNDED", one.message, one.fix)


def quota_problems(requests_per_hour: int, facts: Facts) -> Iterator[Problem]:
    """A workflow that would take most of the hour's requests, together with those that run already."""
    if facts.hourly_quota is None:
        return
    together = requests_per_hour + facts.others_per_hour
    if requests_per_hour and together > _HEAVY_SHARE * facts.hourly_quota:
        message = (
            f"Up to {requests_per_hour} requests an hour, {together} with the other active workflows; "
            f"Procore admits {facts.hourly_quota}."
        )
        yield warning("trigger", "QUOTA_HEAVY", message, "Run it less often, for fewer projects, or with a filter.")
