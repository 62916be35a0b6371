"""Killed without warning at every boundary there is, an execution goes on and nothing is lost or done twice.

Source: engine.md, failure test 1; security.md R2.
"""

import asyncio
import json
import multiprocessing
import sqlite3
from pathlib import Path

import pytest

from construction_mcp.store.database import Database
from tests.faults.crashing import LIMITS, Boundaries, Outside, accept, carry_out, die, prepared

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.faults.crashing"])
_BOUNDARIES = 30  # a test below counts them


def _crash(directory: Path, kill_at: int) -> tuple[str, bool]:
    """Accept the journey, let a process die over it; its id, and whether the process was killed."""
    execution_id = asyncio.run(accept(directory))
    child = _FORKS.Process(target=die, args=(directory, kill_at, execution_id))
    child.start()
    child.join(30)
    return execution_id, child.exitcode == -9


async def _go_on(directory: Path, execution_id: str) -> tuple[str, dict[str, str]]:
    """A new process takes over; how the execution and its steps ended."""
    await carry_out(directory, 0, execution_id)
    database = await Database.open(directory / "construction.db", limits=LIMITS)
    try:
        plant = prepared(directory, Boundaries(0), database)
        steps = await plant.steps(execution_id)
        return await plant.status(execution_id), {key: row.status for (key, item), row in steps.items() if item == -1}
    finally:
        await database.close()


def _verify(directory: Path, kill_at: int) -> bool:
    """One crash and what follows; whether there was a crash at all."""
    execution_id, was_killed = _crash(directory, kill_at)
    status, steps = asyncio.run(_go_on(directory, execution_id))
    sent = [what for _, what in Outside(directory / "outside.jsonl").sent()]

    with sqlite3.connect(directory / "construction.db") as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
        audited = [json.loads(row[0])[0] for row in raw.execute("SELECT targets FROM audit ORDER BY sequence")]
    assert sent.count("keyed") == 1, f"boundary {kill_at}: {sent}"
    assert sent.count("blind") <= 1, f"boundary {kill_at}: {sent}"
    assert list(dict.fromkeys(sent)) == [one for one in ("keyed", "again", "blind") if one in sent], "out of order"
    if status == "needs_review":  # it died between saying and hearing; nothing can look that one up
        assert steps["blind"] == "uncertain"
        assert "last" not in steps
    else:
        assert status == "completed", f"boundary {kill_at}: {status} {steps}"
        assert set(steps.values()) == {"completed"}
        assert sent.count("blind") == 1
    assert audited.count("test:keyed") == 1
    return was_killed


@pytest.mark.parametrize("kill_at", range(1, _BOUNDARIES + 1))
def test_a_crash_loses_nothing_and_repeats_nothing(tmp_path: Path, kill_at: int):
    assert _verify(tmp_path, kill_at)


def test_each_boundary_of_the_journey_is_tried(tmp_path: Path):
    execution_id = asyncio.run(accept(tmp_path))

    assert asyncio.run(carry_out(tmp_path, 0, execution_id)) == _BOUNDARIES
