"""An end of the process is held against what was at work; what ends it again and again, and nothing else, is given up.

Source: engine.md, failure test 5; PRODUCT.md section 6.
"""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from construction_mcp.workflow.plan import Retry
from tests.engine.plant import node, opened, plan
from tests.faults.dying import accept, life

DIED, WENT_ON = -9, 0


def _accept(directory: Path, *types: str) -> list[str]:
    """An execution of one step for each type."""
    return asyncio.run(accept(directory, *(plan(node("a", one)) for one in types)))


def _ended(directory: Path) -> dict[str, tuple[str, Any]]:
    """How each ended, and with which code."""
    query = "SELECT id, status, error ->> '$.code' FROM executions"
    with closing(sqlite3.connect(directory / "construction.db")) as raw:
        return {execution_id: (status, code) for execution_id, status, code in raw.execute(query)}


GIVEN_UP = ("failed", "EXECUTION_QUARANTINED")


@pytest.mark.parametrize("type_", ["test.kills", "test.sends"])
def test_what_ends_its_process_at_work_is_given_up_after_three_more_tries(tmp_path: Path, type_: str):
    """At once, or when it has had its turn at Procore."""
    (poison,) = ids = _accept(tmp_path, type_)

    assert [life(tmp_path, ids) for _ in range(4)] == [DIED] * 4
    assert _ended(tmp_path)[poison][0] == "running"
    assert life(tmp_path, ids) == WENT_ON
    assert _ended(tmp_path)[poison] == GIVEN_UP


def test_what_is_at_work_beside_it_is_not_given_up(tmp_path: Path):
    """All of them were at work at three ends; from then on one at a time is, so that the fourth tells which it was."""
    ids = _accept(tmp_path, "test.works", "test.works", "test.kills", "test.works", "test.works")

    lives = []
    while not lives or lives[-1] == DIED:
        lives.append(life(tmp_path, ids))

    assert lives == [DIED] * 4 + [WENT_ON]
    ended = _ended(tmp_path)
    assert ended.pop(ids[2]) == GIVEN_UP
    assert set(ended.values()) == {("completed", None)}


def test_one_of_several_at_work_is_given_up_only_once_it_was_the_only_one(tmp_path: Path):
    """What comes later is at work beside it, until three ends have met that as well and it waits for the other."""
    (poison,) = _accept(tmp_path, "test.kills")
    assert [life(tmp_path, [poison]) for _ in range(3)] == [DIED] * 3
    (later,) = _accept(tmp_path, "test.works")

    assert [life(tmp_path, [poison, later]) for _ in range(3)] == [DIED] * 3
    assert set(_ended(tmp_path).values()) == {("running", None)}
    assert [life(tmp_path, [poison, later]) for _ in range(2)] == [DIED, WENT_ON]
    assert _ended(tmp_path) == {poison: GIVEN_UP, later: ("completed", None)}


def test_what_is_never_alone_is_given_up_after_twelve(tmp_path: Path):
    (poison, _) = ids = _accept(tmp_path, "test.kills", "test.works")
    for _ in range(13):
        assert life(tmp_path, ids) == DIED
        _renew(tmp_path, poison)

    assert life(tmp_path, [poison]) == WENT_ON
    assert _ended(tmp_path)[poison] == GIVEN_UP


def _renew(directory: Path, poison: str) -> None:
    """As if whatever was at work beside it were new each time."""
    with closing(sqlite3.connect(directory / "construction.db")) as raw, raw:
        raw.execute("UPDATE steps SET ends = 0 WHERE execution_id <> ?", (poison,))


def test_no_end_is_held_against_what_waits_for_its_turn(tmp_path: Path):
    (waiting,) = ids = _accept(tmp_path, "test.queues")

    assert [life(tmp_path, ids) for _ in range(5)] == [DIED] * 5
    assert life(tmp_path, ids, spared=True) == WENT_ON
    assert _ended(tmp_path)[waiting] == ("completed", None)


def test_each_step_answers_for_itself(tmp_path: Path):
    """What three ends met and then went well is over: the next step has its own three, and so has the next try."""
    often = Retry(20, 0.01, 0.01)
    steps = [node("a", "test.thrice", retry=often), node("b", "test.thrice", after=["a"])]
    (execution_id,) = ids = asyncio.run(accept(tmp_path, plan(*steps)))

    assert [life(tmp_path, ids) for _ in range(9)] == [DIED] * 9
    assert life(tmp_path, ids) == WENT_ON
    assert _ended(tmp_path)[execution_id] == ("completed", None)


@pytest.mark.anyio
async def test_a_process_that_is_asked_to_end_is_nobodys_fault(tmp_path: Path):
    async with opened(tmp_path) as first, asyncio.timeout(5):
        execution_id = await first.start(plan(node("a", "test.hold")))
        await first.world.waiting.wait()
    for _ in range(4):
        async with opened(tmp_path) as again, asyncio.timeout(5):
            await again.world.waiting.wait()
    async with opened(tmp_path) as last:
        last.world.let_go.set()

        assert await last.ends(execution_id) == "completed"
