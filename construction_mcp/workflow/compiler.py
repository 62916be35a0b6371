"""From what a user wrote to a plan, or to every problem in it at once. Pure: what it has to know comes in as facts.

The way through: names and variables, then each action in an order in which what it reads is understood before it, then
what shows only between actions (order, circles, approvals), then what shows only beside the facts.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from construction_mcp.actions.action import ActionTypes, Need, Setting
from construction_mcp.actions.shapes import closed
from construction_mcp.core.config import Limits
from construction_mcp.core.nearest import nearest
from construction_mcp.expressions.port import ANYTHING, ExpressionEngine, Schema
from construction_mcp.workflow import judging
from construction_mcp.workflow.checking import Expressions, step_schema, steps_in
from construction_mcp.workflow.definition import Action, Definition
from construction_mcp.workflow.effects import Effects, effects_of, requests_per_hour
from construction_mcp.workflow.facts import Facts
from construction_mcp.workflow.graph import Graph, in_order, levels
from construction_mcp.workflow.names import cannot_follow_a_dot, cannot_name_an_item
from construction_mcp.workflow.order import between_problems, circles, graph_of, guards_of
from construction_mcp.workflow.plan import Fan, Node, Plan, Retry
from construction_mcp.workflow.problems import Problem, error
from construction_mcp.workflow.steps import FAN_CONCURRENCY, FAN_ITEMS_MAX, Step, understand
from construction_mcp.workflow.triggers import trigger_problems, trigger_schema
from construction_mcp.workflow.unwritable import unwritable
from construction_mcp.workflow.variables import schemas_of, sound_values_of, values_of, variable_problems

_LIMITS = Limits()
_TEXT: Schema = {"type": "string"}
_ID: Schema = {"type": "integer"}
_ALWAYS: Mapping[str, Schema] = {
    "workflow": closed(id=_TEXT, name=_TEXT, version=_ID),
    "execution": closed(id=_TEXT),
    "project": closed(id=_ID),
}
RETRY_ATTEMPTS = 3  # beyond three, a person learns more than a retry does
RETRY_INITIAL_S, RETRY_MAX_S = 2.0, 300.0


@dataclass(frozen=True, slots=True)
class Compiled:
    """What the compiler found. `plan` only where no problem is an error.

    effects: what the workflow can do, in words; needs: the permissions at Procore that it takes.
    requests_per_run, requests_per_hour: upstream requests at most, and by the trigger as far as it can be told.
    """

    plan: Plan | None
    problems: Sequence[Problem]
    effects: Sequence[str]
    needs: Sequence[Need]
    requests_per_run: int
    requests_per_hour: int

    @property
    def errors(self) -> list[Problem]:
        """The problems that keep the workflow from being deployed."""
        return [problem for problem in self.problems if problem.severity == "error"]


def compile_plan(
    definition: Definition, facts: Facts, types: ActionTypes, engine: ExpressionEngine, limits: Limits = _LIMITS
) -> Compiled:
    """Every problem of a definition, what it can do, and its plan if nothing is wrong.

    Deterministic: equal definitions and facts give equal answers, whatever order their keys were written in.
    """
    variables = definition.variables or {}
    broken = list(unwritable(definition))
    if broken:  # nothing else can be said of it, nor kept
        return Compiled(None, _in_document_order(broken, definition), (), (), 0, 0)
    problems = [*trigger_problems(definition.trigger, facts), *variable_problems(variables)]
    problems += _action_problems(definition.actions or ())
    expressions = Expressions(
        engine, _names(definition, types), sound_values_of(variables), limits.problems_explained_max, problems
    )
    _check_filter(definition, types, expressions)
    steps = _steps(definition.actions or (), types, expressions)
    problems += between_problems(steps, expressions.reads)
    graph = graph_of(steps)
    heights = levels(graph)
    problems += circles(graph) if len(heights) < len(steps) else ()
    effects = effects_of(steps, Setting(definition.project_id, facts.active_projects))
    per_hour = requests_per_hour(definition.trigger, effects.requests_per_run, limits)
    problems += _fact_problems(definition, steps, effects, per_hour, facts)
    problems += judging.consent_problems(effects.unbounded, [*(one.path for one in problems), *expressions.broken])
    found = _in_document_order(problems, definition)
    sound = all(problem.severity != "error" for problem in found)
    return Compiled(
        plan=_plan(definition, facts, steps, graph, heights, effects) if sound else None,
        problems=found,
        effects=effects.words,
        needs=effects.needs,
        requests_per_run=effects.requests_per_run,
        requests_per_hour=per_hour,
    )


def permitted(compiled: Compiled, definition: Definition, facts: Facts) -> Compiled:
    """What was compiled without `facts.permissions`, beside them: what to ask about them only the needs tell."""
    refused = list(judging.permission_problems(compiled.needs, facts))
    if not refused:
        return compiled
    return replace(compiled, plan=None, problems=_in_document_order([*compiled.problems, *refused], definition))


def _names(definition: Definition, types: ActionTypes) -> dict[str, Schema]:
    """What every expression may use, before any step is understood."""
    not_known_yet = step_schema(ANYTHING)
    return {
        "trigger": trigger_schema(definition.trigger, types),
        **_ALWAYS,
        **schemas_of(definition.variables or {}),
        **{f"steps.{action.key}": not_known_yet for action in definition.actions or ()},
    }


def _check_filter(definition: Definition, types: ActionTypes, expressions: Expressions) -> None:
    """A trigger's filter sees the event alone: it is judged before there is an execution."""
    trigger = definition.trigger
    if trigger is not None and trigger.filter is not None and trigger.type in ("webhook", "poll"):
        event = trigger_schema(trigger, types).get("properties", {}).get("event", ANYTHING)
        alone = Expressions(expressions.engine, {"event": event}, {}, expressions.explained_max, expressions.problems)
        alone.boolean("trigger.filter", trigger.filter, {})


def _action_problems(actions: Sequence[Action]) -> Iterator[Problem]:
    """What the keys alone show."""
    if not actions:
        yield error("actions", "ACTIONS_MISSING", "The workflow does nothing yet.", "Add at least one action.")
    keys = [action.key for action in actions]
    for key, count in Counter(keys).items():
        if count > 1:
            message = f"{count} actions are called {key!r}."
            yield error(f"actions.{key}", "ACTION_KEY_DUPLICATE", message, "Give each its own key.")
    for action in actions:
        path = f"actions.{action.key}"
        for name in action.depends_on or ():
            yield from _dependency_problem(f"{path}.depends_on", action.key, name, keys)
        retry = action.retry
        if retry and retry.initial_s and retry.max_s and retry.initial_s > retry.max_s:
            message = "The first wait between tries is longer than the longest."
            yield error(f"{path}.retry", "RETRY_RANGE", message, "Make initial_s at most max_s.")
        yield from _name_problems(path, action)


def _name_problems(path: str, action: Action) -> Iterator[Problem]:
    if cannot_follow_a_dot(action.key):
        message = f"steps.{action.key} means something else in expressions."
        yield error(f"{path}.key", "NAME_RESERVED", message, "Choose another key.")
    name = action.for_each.as_ if action.for_each else None
    if name and cannot_name_an_item(name):
        message = f"{name!r} means something else in expressions."
        yield error(f"{path}.for_each.as", "NAME_RESERVED", message, "Choose another name for one item.")


def _dependency_problem(path: str, key: str, name: str, keys: Sequence[str]) -> Iterator[Problem]:
    if name == key:
        yield error(path, "ACTION_DEPENDS_ON_ITSELF", f"{key} waits for itself.", "Remove the reference.")
    elif name not in keys:
        near = nearest(name.removeprefix("steps."), keys)
        fix = f"Did you mean {near[0]}?" if near else "Name an action of this workflow."
        yield error(path, "ACTION_UNKNOWN", f"There is no action {name[:100]!r}.", fix)


def _steps(actions: Sequence[Action], types: ActionTypes, expressions: Expressions) -> dict[str, Step]:
    """Every action understood, in document order. Each is looked at after those it mentions, for what they give."""
    by_key = {action.key: action for action in actions}  # of two with one key the last; the problem is reported
    mentioned = {
        key: steps_in([one.config, one.condition, one.for_each and one.for_each.items]) for key, one in by_key.items()
    }
    steps: dict[str, Step] = {}
    for key in in_order(list(by_key), mentioned):
        step = steps[key] = understand(by_key[key], types, expressions)
        expressions.names[f"steps.{key}"] = step_schema(step.output)
    return {key: steps[key] for key in by_key}


def _fact_problems(
    definition: Definition, steps: Mapping[str, Step], effects: Effects, per_hour: int, facts: Facts
) -> Iterator[Problem]:
    yield from judging.project_problems(definition.project_id, steps, facts)
    yield from judging.permission_problems(effects.needs, facts)
    yield from judging.host_problems(steps, facts)
    yield from judging.people_problems(steps, facts)
    yield from judging.call_problems(steps, facts)
    yield from judging.quota_problems(per_hour, facts)


def _in_document_order(problems: Sequence[Problem], definition: Definition) -> list[Problem]:
    """Sorted as a reader meets them, each once; those at one place as they were found."""
    sections = ("name", "project_id", "run_as", "trigger", "variables", "actions")
    places = {action.key: at for at, action in enumerate(definition.actions or ())}

    def place(problem: Problem) -> tuple[Any, ...]:
        section, _, rest = problem.path.partition(".")
        key = rest.partition(".")[0]
        at = sections.index(section) if section in sections else len(sections)
        return (at, places.get(key, -1), problem.path)

    return sorted(dict.fromkeys(problems), key=place)


def _plan(
    definition: Definition,
    facts: Facts,
    steps: Mapping[str, Step],
    graph: Graph,
    heights: Mapping[str, int],
    effects: Effects,
) -> Plan:
    assert definition.trigger is not None
    guards = guards_of(steps)
    return Plan(
        name=definition.name,
        environment=facts.environment,
        company_id=facts.company_id,
        project_id=definition.project_id,
        trigger=definition.trigger.written(),
        variables=values_of(definition.variables or {}),
        nodes=[_node(step, graph, guards.get(key, []), heights[key]) for key, step in steps.items()],
        consent=effects.canonical(),
        requests_per_run=effects.requests_per_run,
    )


def _node(step: Step, graph: Graph, guarded_by: Sequence[str], level: int) -> Node:
    action = step.action
    return Node(
        key=action.key,
        type=action.type,
        effect=step.effect,
        config=action.config or {},
        condition=action.condition,
        for_each=_fan(action),
        retry=_retry(action),
        timeout_s=action.timeout_s,
        on_error=action.on_error or "fail",
        after=sorted(graph.before(action.key)),
        needs=sorted(graph.needs[action.key]),
        guarded_by=guarded_by,
        level=level,
    )


def _fan(action: Action) -> Fan | None:
    fan = action.for_each
    if fan is None:
        return None
    return Fan(fan.items, fan.as_ or "item", fan.concurrency or FAN_CONCURRENCY, fan.max_items or FAN_ITEMS_MAX)


def _retry(action: Action) -> Retry:
    given = action.retry
    if given is None:
        return Retry(RETRY_ATTEMPTS, RETRY_INITIAL_S, RETRY_MAX_S)
    # One bound alone moves the other: who asks for waits of at most a second wants no first wait of two.
    initial = given.initial_s or min(RETRY_INITIAL_S, given.max_s or RETRY_INITIAL_S)
    return Retry(given.max_attempts, initial, given.max_s or max(RETRY_MAX_S, initial))
