"""What an engine writes for many executions at once: all of it exactly, or nothing."""

from datetime import UTC, datetime
from typing import Any

import pytest

from construction_mcp.store import transitions
from construction_mcp.store.database import Database
from construction_mcp.store.executions import LeaseLost, NewExecution, StepRow, enqueue, give_up, status_of, steps_of
from construction_mcp.store.groups import Tx
from construction_mcp.store.transitions import Begun, Finished, Transition, record
from construction_mcp.store.workflows import Draft, Workflows

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
ODD: list[Any] = [
    None,
    {"text": "Ø \x00 \u2028 \" \\ ' 🏗"},
    {"deep": [[], {}, [None, True, 0.1, -1e300, 2**63 - 1]]},
    {"braces": "{{ [0] }}", "numbers": "007"},
    {"large": "x" * (transitions._OUTPUTS_AT_ONCE + 1)},
    "a text",
    0,
    [],
]


@pytest.fixture
async def queued(database: Database, workflows: Workflows) -> list[str]:
    """Eight executions that wait."""
    draft = Draft("Test", "simulator", "local:1", run_as="local:1", trigger={"type": "manual"})
    workflow = await workflows.create(draft, [{"key": "a", "type": "notify.log"}])
    new = NewExecution(workflow.id, None, "0" * 64, {"type": "manual"}, "simulator", None, None, "local:1", "local:1")
    return [(await database.write(lambda tx: enqueue(tx, new, NOW))).id for _ in ODD]


def moved(execution_id: str, **more: Any) -> Transition:
    shape: dict[str, Any] = {"is_first": False, "kept": (), "begun": ()}
    return Transition(execution_id, "engine", NOW, **{**shape, **more})


async def test_whatever_steps_give_is_kept_as_it_was_given(database, queued):
    rows = [StepRow("a", -1, "test.odd", "completed", 1, NOW, NOW, 1.5, output) for output in ODD]
    begun = [moved(one, is_first=True, begun=[Begun("a", -1, "test.odd", 1)]) for one in queued]
    ended = [moved(one, kept=[row]) for one, row in zip(queued, rows, strict=True)]
    await database.write(lambda tx: record(tx, begun))
    await database.write(lambda tx: record(tx, ended))

    kept = [row for one in queued for row in await database.read(lambda tx, one=one: steps_of(tx, one))]

    assert kept == rows


async def test_an_outcome_is_kept_once_and_a_step_that_is_over_does_not_begin_again(database, queued):
    first, late = (StepRow("a", -1, "test.odd", status, 1, NOW, NOW) for status in ("completed", "failed"))
    await database.write(lambda tx: record(tx, [moved(queued[0], is_first=True, kept=[first])]))
    await database.write(lambda tx: record(tx, [moved(queued[0], kept=[late], begun=[Begun("a", -1, "test.odd", 2)])]))

    kept = await database.read(lambda tx: steps_of(tx, queued[0]))

    assert kept == [first]


@pytest.mark.parametrize("is_first", [True, False])
async def test_of_what_shares_a_transaction_nothing_is_kept_when_one_is_lost(database, queued, is_first):
    """Whoever shared it is served apart, and meets only its own loss (`groups.py`)."""
    error = {"code": "X", "message": "gone"}

    def lose(tx: Tx) -> None:
        if not is_first:
            transitions.claim(tx, queued, "engine")
        give_up(tx, queued[3], error, NOW)

    await database.write(lose)
    row = StepRow("a", -1, "test.odd", "completed", 1, NOW, NOW)
    together = [moved(one, is_first=is_first, kept=[row]) for one in queued]
    with pytest.raises(LeaseLost):
        await database.write(lambda tx: record(tx, together))
    after = [await database.read(lambda tx, one=one: steps_of(tx, one)) for one in queued]
    await database.write(lambda tx: record(tx, [one for one in together if one.execution_id != queued[3]]))
    apart = [await database.read(lambda tx, one=one: steps_of(tx, one)) for one in queued]

    assert after == [[]] * len(queued)
    assert apart == [[row]] * 3 + [[]] + [[row]] * 4


async def test_of_ends_that_share_a_transaction_none_is_kept_when_one_is_lost(database, queued):
    def lose(tx: Tx) -> None:
        transitions.claim(tx, queued, "engine")
        give_up(tx, queued[3], {"code": "X", "message": "gone"}, NOW)

    await database.write(lose)
    ends = [Finished(one, "completed", NOW, 1.0) for one in queued]
    with pytest.raises(LeaseLost):
        await database.write(lambda tx: transitions.finish(tx, ends, "engine"))
    after = [await database.read(lambda tx, one=one: status_of(tx, one)) for one in queued]

    assert after == ["running"] * 3 + ["failed"] + ["running"] * 4
