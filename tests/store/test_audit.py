"""The audit log cannot be changed, and what was changed in its file all the same shows."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from construction_mcp.core.clock import ManualClock
from construction_mcp.store import audit
from construction_mcp.store.audit import Entry, Filters
from construction_mcp.store.database import Database

pytestmark = pytest.mark.anyio

ENTRIES = 6


@pytest.fixture(autouse=True)
async def written(database: Database, clock: ManualClock) -> None:
    """A few entries."""
    for number in range(1, ENTRIES + 1):
        entry = Entry("local:0", f"tool_{number % 2}", "done", f"Change {number}", [f"workflow:wf_{number}/step/a"])
        clock.advance(60)
        await database.write(lambda tx, one=entry: audit.append(tx, one, clock.now()))


def forge(path: Path, *statements: str) -> None:
    """What somebody with the file in their hands can do."""
    with closing(sqlite3.connect(path, isolation_level=None)) as forger:
        forger.execute("DROP TRIGGER audit_never_changes")
        forger.execute("DROP TRIGGER audit_never_shrinks")
        for statement in statements:
            forger.execute(statement)


@pytest.mark.parametrize("statement", ["UPDATE audit SET summary = 'x'", "DELETE FROM audit"])
async def test_the_database_itself_refuses_to_change_it(path, statement):
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as forger,
        pytest.raises(sqlite3.IntegrityError, match="audit log"),
    ):
        forger.execute(statement)


async def test_what_was_written_is_whole(database, path):
    chain = await database.read(audit.verify)

    assert (chain.entries, chain.first_break) == (ENTRIES, None)


@pytest.mark.parametrize("column", ["at", "principal", "action", "outcome", "summary", "targets", "previous", "hash"])
@pytest.mark.parametrize("sequence", range(1, ENTRIES + 1))
async def test_any_value_that_was_changed_shows_where_it_is(database, path, column, sequence):
    value = {"outcome": "'failed'", "targets": "'[]'"}.get(column, "'forged'")
    forge(path, f"UPDATE audit SET {column} = {value} WHERE sequence = {sequence}")

    assert (await database.read(audit.verify)).first_break == sequence


@pytest.mark.parametrize("sequence", range(1, ENTRIES + 1))
async def test_any_entry_that_was_removed_shows_the_last_one_too(database, path, sequence):
    forge(path, f"DELETE FROM audit WHERE sequence = {sequence}")

    assert (await database.read(audit.verify)).first_break == sequence


async def test_a_whole_log_that_was_removed_shows(database, path):
    forge(path, "DELETE FROM audit")

    assert (await database.read(audit.verify)).first_break == 1


@pytest.mark.parametrize("first", range(1, ENTRIES))
async def test_two_entries_that_changed_places_show(database, path, first):
    forge(
        path,
        f"UPDATE audit SET sequence = 1000 WHERE sequence = {first}",
        f"UPDATE audit SET sequence = {first} WHERE sequence = {first + 1}",
        f"UPDATE audit SET sequence = {first + 1} WHERE sequence = 1000",
    )

    assert (await database.read(audit.verify)).first_break == first


async def test_an_entry_that_was_put_in_shows(database, path):
    columns = "at, principal, action, outcome, summary, targets, intent_id, previous, hash"
    forge(path, f"INSERT INTO audit (sequence, {columns}) SELECT 7, {columns} FROM audit WHERE sequence = 3")

    assert (await database.read(audit.verify)).first_break == 7


async def test_pages_go_back_in_time_and_filters_choose(database, path, clock):
    def sequences(only: Filters, most: int = 9, before: int | None = None):
        return database.read(lambda tx: [one["sequence"] for one in audit.page(tx, only, most, before)])

    start = clock.now().replace(hour=15, minute=2, second=0)

    assert await sequences(Filters(), 2) == [6, 5]
    assert await sequences(Filters(), 2, 5) == [4, 3]
    assert await sequences(Filters(kind="tool_0")) == [6, 4, 2]
    assert await sequences(Filters(actor="local:1")) == []
    assert await sequences(Filters(about="workflow:wf_2")) == [2]
    assert await sequences(Filters(about="workflow:wf")) == []
    assert await sequences(Filters(since=start)) == [6, 5, 4, 3, 2]
    assert await sequences(Filters(until=start)) == [1]
