"""Named queries: found, explained, used."""

import re
import sqlite3
from pathlib import Path

import pytest

from construction_mcp.store.migrate import migrate
from construction_mcp.store.queries import load, load_all, parse, sql_directory

PACKAGE = Path(__file__).resolve().parents[2] / "construction_mcp"

# Lists, look-ups and guards that every call may run; a walk of a whole table there is a bug.
HOT = {
    "workflows.by_ids",
    "workflows.page",
    "workflows.page_by_status",
    "workflows.page_by_project",
    "workflows.page_by_text",
    "workflows.count_all",
    "workflows.count_by_text",
    "workflows.count_by_status",
    "workflows.count_by_project",
    "workflows.version",
    "workflows.update",
    "workflows.touch",
    "workflows.replace_action",
    "workflows.remove_action",
    "workflows.remove",
    "workflows.action_keys",
    "idempotency.find",
    "idempotency.forget",
    "users.by_id",
    "users.by_bearer_hash",
    "users.mark_used",
    "users.revoke",
    "users.replace_bearer",
    "hooks.by_id",
    "hooks.of_environment",
    "deliveries.of_event",
    "deliveries.settle",
    "deliveries.execution_of_key",
    "starts.active",
    "starts.unfinished",
    "schedules.claim",
    "hooks.end_others",
    "hooks.remove_other_custom",
    "hooks.make_live",
    "hooks.leftovers",
    "versions.insert",
    "versions.standing",
    "versions.activate",
    "versions.switch",
    "versions.pause",
    "versions.pause_foreign",
    "versions.by_number",
    "versions.history",
    "versions.others",
    "versions.status",
    "schedules.put",
    "schedules.remove",
    "polls.put",
    "polls.remove",
    "polls.put_behind_hook",
    "polls.move",
    "polls.states",
    "notifications.finish",
    "notifications.forget",
    "notifications.page",
    "notifications.page_of",
    "execution_reads.page",
    "execution_reads.page_by_workflow",
    "execution_reads.page_by_project",
    "execution_reads.page_of_tests",
    "execution_reads.page_by_status",
    "execution_reads.whole",
    "execution_reads.of_delivery",
    "execution_reads.steps",
    "execution_reads.events",
    "execution_reads.ids",
    "statistics.decisions",
    "statistics.decisions_of",
    "rollups.last_waiting",
    "rollups.clear",
    "overview.workflows",
    "overview.counts",
    "overview.standings",
    "overview.broken",
    "overview.names",
    "overview.origins",
    "overview.plan_of",
    "evidence.place",
    "evidence.latest",
    "evidence.one",
    "evidence.open",
    "evidence.steps",
    "evidence.asked",
    "evidence.arrived",
    "evidence.hook",
    "evidence.kept_aside",
    "evidence.told",
    "execution_reads.questions",
    "execution_reads.usage",
    "alert_rules.of",
    "audit.part",
    "hooks.note_refused",
    "hooks.forget_refused",
    "schedules.note_skipped",
    "census.executions",
    "census.steps",
    "census.workflows",
    "census.approvals",
    "meta.get",
    "meta.remove",
}


@pytest.fixture
def migrated(tmp_path) -> sqlite3.Connection:
    connection = sqlite3.connect(tmp_path / "plain.db", isolation_level=None)
    migrate(connection, tmp_path / "plain.db")
    return connection


def plan(connection: sqlite3.Connection, text: str) -> list[str]:
    parameters = dict.fromkeys(re.findall(r":(\w+)", text))
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", parameters)]


@pytest.mark.parametrize("query", load_all(), ids=lambda query: query.name)
def test_every_query_fits_the_schema(migrated, query):
    plan(migrated, query.text)


@pytest.mark.parametrize("query", [q for q in load_all() if q.name in HOT], ids=lambda query: query.name)
def test_hot_queries_read_no_whole_table(migrated, query):
    """A scan of a covering index is allowed: counting has to look at every entry."""
    scans = [step for step in plan(migrated, query.text) if step.startswith("SCAN")]

    few = ("COVERING INDEX", "json_each", "subquery", "CONSTANT ROW")
    assert [step for step in scans if not any(word in step for word in few)] == []


STATISTICS = ("statistics.totals", "statistics.series", "statistics.steps", "rollups.name_series", "rollups.add")
TABLES = {"executions", "steps", "rollups", "rollup_series", "duration_bins", "approvals", "workflows"}


@pytest.mark.parametrize("query", [q for q in load_all() if q.name in STATISTICS], ids=lambda query: query.name)
def test_statistics_read_roll_ups_and_what_is_few(migrated, query):
    """Of executions only what is under way, from an index of those alone, and at most a batch that waits."""
    scanned = [step for step in plan(migrated, query.text) if step.startswith("SCAN") and step.split()[1] in TABLES]

    assert [step for step in scanned if "INDEX executions_open" not in step] == []


def test_the_latest_runs_are_found_in_order(migrated):
    """Not by their status: nearly all of a million completed, and would be sorted."""
    found = [step for step in plan(migrated, load("statistics").steps.text) if "INDEX executions_by" in step]

    assert [step.split("INDEX ")[1].split()[0] for step in found] == ["executions_by_workflow", "executions_by_start"]


def test_pages_of_executions_are_found_in_order(migrated):
    """What is filtered by is in the index, which is why none of a million rows is read but those shown."""
    reads = load("execution_reads")
    plans = {
        name: plan(migrated, getattr(reads, name).text)
        for name in ("page", "page_by_workflow", "page_by_project", "page_of_tests")
    }

    assert [step for steps in plans.values() for step in steps if "ORDER BY" in step] == []
    assert {name: steps[0].split("INDEX ")[1].split()[0] for name, steps in plans.items()} == {
        "page": "executions_by_start",
        "page_by_workflow": "executions_by_workflow",
        "page_by_project": "executions_by_project",
        "page_of_tests": "executions_of_tests",
    }


def test_lists_are_not_sorted_after_reading(migrated):
    steps = [
        step
        for name in ("page", "page_by_status", "page_by_project", "page_by_text")
        for step in plan(migrated, getattr(load("workflows"), name).text)
    ]

    assert [step for step in steps if "ORDER BY" in step] == []


def test_the_list_of_hot_queries_names_queries_that_exist():
    assert {query.name for query in load_all()} >= HOT


@pytest.mark.parametrize("query", load_all(), ids=lambda query: query.name)
def test_every_query_is_used(query):
    stem, _, name = query.name.partition(".")
    used = re.compile(rf"\b(_{stem}|_sql|load\(\"{stem}\"\))\.{name}\b")
    users = [
        file
        for file in PACKAGE.rglob("*.py")
        if f'load("{stem}")' in (text := file.read_text("utf-8")) and used.search(text)
    ]

    assert users, f"{query.name} is used nowhere"


def test_a_wrong_name_says_the_nearest():
    with pytest.raises(AttributeError, match="keep_first"):
        load("meta").keep_frist  # noqa: B018 - the access is the act


def test_a_query_must_say_why_and_what_comes_back():
    with pytest.raises(AssertionError, match="does not say why"):
        parse("x", "-- name: a :one\nSELECT 1;")
    with pytest.raises(AssertionError, match="not one of"):
        parse("x", "-- name: a :two\n-- Why.\nSELECT 1;")


def test_schema_sql_is_what_the_migrations_make(migrated):
    """schema.sql is for reading only, so nothing else would notice that it is old."""
    by_hand = sqlite3.connect(":memory:")
    by_hand.executescript((sql_directory() / "schema.sql").read_text("utf-8"))
    listing = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name"

    assert by_hand.execute(listing).fetchall() == migrated.execute(listing).fetchall()
