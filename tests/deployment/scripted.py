"""A compiler small enough to see through: these tests are about what is done with a plan, not about what is in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from construction_mcp.actions.action import Need
from construction_mcp.workflow.definition import Action, Definition
from construction_mcp.workflow.facts import Facts
from construction_mcp.workflow.plan import Node, Plan, Retry
from construction_mcp.workflow.problems import Problem, error, warning
from construction_mcp.workflow.schedule import fires_per_hour
from construction_mcp.workflow.triggers import trigger_problems

_READS = {"procore.rfi.list": "read_only", "procore.rfi.reply": "standard", "procore.schedule.list": "read_only"}
_TOOLS = {"procore.rfi": "RFIs", "procore.schedule": "Schedule"}


@dataclass(frozen=True, slots=True)
class Scripted:
    plan: Plan | None
    problems: list[Problem]
    effects: list[str]
    needs: list[Need]
    requests_per_run: int
    requests_per_hour: int


def compile_draft(definition: Definition, facts: Facts) -> Scripted:
    """Judges the trigger as the real one does, and the rest by a handful of rules."""
    actions = list(definition.actions or ())
    needs = [need for action in actions if (need := _need(action, definition.project_id)) is not None]
    per_run = len(needs)
    per_hour = per_run * ((fires_per_hour(definition.trigger) or 1) if definition.trigger else 0)
    problems = [*trigger_problems(definition.trigger, facts), *_against(actions, needs, per_hour, facts)]
    sound = all(one.severity == "warning" for one in problems)
    plan = _plan(definition, facts, actions, per_run) if sound else None
    return Scripted(plan, problems, [action.type for action in actions], needs, per_run, per_hour)


def _need(action: Action, project_id: int | None) -> Need | None:
    level = _READS.get(action.type)
    return Need(_TOOLS[action.type.rpartition(".")[0]], level, project_id) if level else None  # type: ignore[arg-type]  # one of the three


def _against(actions: list[Action], needs: list[Need], per_hour: int, facts: Facts) -> Iterator[Problem]:
    for action in actions:
        if facts.host.performs is not None and action.type not in facts.host.performs:
            yield error(f"actions.{action.key}.type", "ACTION_NOT_PERFORMED", "Not yet.", "Wait.")
    for need in needs:
        if (facts.permissions or {}).get((need.tool, need.project_id)) == "none":
            yield error("run_as", "PERMISSION_MISSING", f"It may not read {need.tool}.", "Ask an admin.")
    if facts.hourly_quota and per_hour + facts.others_per_hour > 0.6 * facts.hourly_quota:
        yield warning("trigger", "QUOTA_HEAVY", "It takes most of the hour.", "Run it less often.")


def _plan(definition: Definition, facts: Facts, actions: list[Action], per_run: int) -> Plan:
    consent: list[dict[str, Any]] = [
        {"kind": "mail", "target": action.config["to"], "max_per_run": None}
        for action in actions
        if action.type == "notify.email" and action.config
    ]
    return Plan(
        name=definition.name,
        environment=facts.environment,
        company_id=facts.company_id,
        project_id=definition.project_id,
        trigger=definition.trigger.written() if definition.trigger else {},
        variables={},
        nodes=[_node(action) for action in actions],
        consent=consent,
        requests_per_run=per_run,
    )


def _node(action: Action) -> Node:
    retry = Retry(3, 2.0, 300.0)
    return Node(action.key, action.type, "read", action.config or {}, None, None, retry, None, "fail", (), (), (), 0)
