"""What follows from where an execution stands, by the thousand."""

import random
import time
from datetime import UTC, datetime, timedelta

import pytest

from construction_mcp.engine.advance import Begin, Command, End, Finish, Signals, advance
from construction_mcp.engine.standing import Outcome, Standing, StepId
from construction_mcp.workflow.plan import Node, Plan
from tests.engine import whole_plan
from tests.engine.plant import chain, fan, node, plan

_NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
_OVER = ("completed", "completed", "completed", "simulated", "failed", "skipped", "uncertain")


@pytest.mark.parametrize("seed", range(300))
def test_what_is_kept_along_the_way_leads_where_a_look_at_the_whole_plan_does(seed: int):
    """Random plans, bodies that end anyhow in any order, timers, signals and a cancellation somewhere."""
    chance = random.Random(seed)
    made = _plan(chance)
    standing, moment = Standing(made), _NOW
    for _ in range(200):
        signals = Signals(cancel=chance.random() < 0.03, look=chance.random() < 0.1)
        commands = advance(standing, signals, moment)

        assert commands == whole_plan.commands(made, standing.outcomes, signals, moment), f"seed {seed}"
        assert commands == advance(_again(standing, chance), signals, moment), f"seed {seed}: by another order"
        if commands and isinstance(commands[-1], Finish):
            return
        _apply(standing, commands)
        _let_something_end(standing, chance)
        moment += timedelta(seconds=chance.choice((0, 5, 20)))


def test_a_step_costs_the_same_in_a_long_plan():
    """Ten times the steps take about ten times as long, not a hundred times."""
    short, long = (min(_seconds(plan(*chain(count))) for _ in range(5)) for count in (100, 1000))

    assert long < 40 * short


def _seconds(made: Plan) -> float:
    standing, started = Standing(made), time.process_time()
    while not isinstance((commands := advance(standing, Signals(), _NOW))[-1], Finish):
        for command in commands:
            assert isinstance(command, Begin)
            standing.put(command.step, Outcome("completed", {}))
    return time.process_time() - started


def _plan(chance: random.Random) -> Plan:
    nodes: list[Node] = []
    for at in range(chance.randint(1, 9)):
        before = [one.key for one in nodes if chance.random() < 0.4]
        spread = fan("[]", chance.randint(1, 3)) if chance.random() < 0.3 else None
        mode = chance.choice(("fail", "continue", "continue"))
        needs = [key for key in before if chance.random() < 0.4]
        nodes.append(node(f"n{at}", after=before, needs=needs, for_each=spread, on_error=mode))
    chance.shuffle(nodes)
    return plan(*nodes)


def _again(standing: Standing, chance: random.Random) -> Standing:
    """The same outcomes, come in another order."""
    made, outcomes = Standing(standing.plan), list(standing.outcomes.items())
    chance.shuffle(outcomes)
    for step, outcome in outcomes:
        made.put(step, outcome)
    return made


def _apply(standing: Standing, commands: list[Command]) -> None:
    for command in commands:
        if isinstance(command, End):
            standing.put(command.step, command.outcome)
        elif isinstance(command, Begin):
            standing.put(command.step, Outcome("running", attempts=command.attempt))


def _let_something_end(standing: Standing, chance: random.Random) -> None:
    bodies = [step for step, one in standing.outcomes.items() if one.status == "running" and one.items is None]
    for step in bodies:
        if chance.random() < 0.5:
            standing.put(step, _what_came(standing, step, chance))


def _what_came(standing: Standing, step: StepId, chance: random.Random) -> Outcome:
    attempts = standing.outcomes[step].attempts
    fans = standing.plan.by_key[step.key].for_each is not None and step.item < 0
    if fans and chance.random() < 0.8:
        return Outcome("running", items=list(range(chance.randint(0, 6))), attempts=attempts)
    if chance.random() < 0.2:
        due_at = _NOW + timedelta(seconds=chance.randint(0, 200))
        return Outcome("waiting", attempts=attempts, waits_for={"what": "time"}, due_at=due_at)
    status = chance.choice(_OVER)
    return Outcome(status, {} if status in ("completed", "simulated") else None, attempts=attempts)  # type: ignore[arg-type]  # one of _OVER
