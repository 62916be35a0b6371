"""What is deployed: numbered, final, one active at a time, in a constant number of statements."""

import asyncio
import sqlite3
from datetime import timedelta
from typing import Any

import pytest

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Conflict, NotFound
from construction_mcp.core.keys import KeyRing, new_key
from construction_mcp.core.trace import Trace, current_trace
from construction_mcp.store.columns import time_text
from construction_mcp.store.connections import Connections
from construction_mcp.store.hooks import Hooks, reseal
from construction_mcp.store.versions import AtTime, ByHook, ByLooking, Candidate, Versions
from construction_mcp.store.workflows import Draft

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)


@pytest.fixture
def versions(database, workflows, clock) -> Versions:
    return Versions(database, workflows, clock, Limits())


@pytest.fixture
def hooks(database, clock) -> Hooks:
    return Hooks(database, clock, Limits())


def candidate(words: str = "one", *, actions: int = 1, **changes: Any) -> Candidate:
    nodes = [{"key": f"a{place}", "words": words} for place in range(actions)]
    written = {
        "plan_hash": f"hash of {words}",
        "plan": {"nodes": nodes},
        "consent_digest": f"digest of {words}",
        "consent": [{"kind": "mail", "target": "a@b.example"}],
        "definition": {"name": words, "actions": nodes},
        "requests_per_hour": 12,
        "environment": "simulator",
        "company_id": 1,
    }
    return Candidate(**{**written, **changes})


async def created(workflows, name: str = "Overdue RFIs", **fields: Any) -> Any:
    return await workflows.create(Draft(name, "simulator", "local:1", **fields))


async def put_hook(hooks: Hooks, workflow_id: str) -> str:
    hook, _ = await hooks.add(
        environment="simulator",
        company_id=1,
        project_id=7,
        principal="local:1",
        resource_names=["RFIs"],
        workflow_id=workflow_id,
    )
    return hook.id


def rows(path, text: str) -> list[Any]:
    with sqlite3.connect(path) as connection:
        return connection.execute(text).fetchall()


async def counted(awaitable: Any) -> int:
    """Statements it ran."""
    trace = Trace()
    token = current_trace.set(trace)
    try:
        await awaitable
    finally:
        current_trace.reset(token)
    return trace.db_queries


async def test_deploying_numbers_a_version_and_makes_it_active(versions, workflows, clock):
    made = await created(workflows)
    first = await versions.activate(made.id, candidate("one"), None, draft_version=1, principal="local:1")
    clock.advance(60)
    second = await versions.activate(made.id, candidate("two"), None, draft_version=1, principal="local:2")

    (stored,) = await workflows.get([made.id])
    version = await versions.get(made.id, 1)
    assert (first, second) == (1, 2)
    assert (stored.status, stored.active_version, stored.company_id, stored.updated_at) == ("active", 2, 1, clock.now())
    assert (version.plan, version.definition["name"], version.deployed_by) == (candidate("one").plan, "one", "local:1")
    assert [one.number for one in await versions.history(made.id, 10)] == [2, 1]
    assert [one.number for one in await versions.history(made.id, 1)] == [2]


async def test_the_same_plan_again_writes_nothing(versions, workflows, path, clock):
    made = await created(workflows)
    await versions.activate(made.id, candidate(), AtTime(clock.now() + HOUR), draft_version=1, principal="local:1")
    before = rows(path, "SELECT * FROM workflows"), rows(path, "SELECT * FROM audit")
    clock.advance(60)
    again = await versions.activate(
        made.id, candidate(), AtTime(clock.now() + HOUR), draft_version=1, principal="local:1"
    )

    assert again == 1
    assert (rows(path, "SELECT * FROM workflows"), rows(path, "SELECT * FROM audit")) == before
    assert len(await versions.history(made.id, 10)) == 1


async def test_the_same_plan_of_a_paused_workflow_starts_afresh_under_its_number(versions, workflows, clock):
    made = await created(workflows)
    await versions.activate(made.id, candidate(), AtTime(clock.now() + HOUR), draft_version=1, principal="local:1")
    await versions.pause(made.id, principal="local:1")
    later = clock.now() + 5 * HOUR
    again = await versions.activate(made.id, candidate(), AtTime(later), draft_version=1, principal="local:1")

    standing = await versions.standing(made.id)
    assert again == 1
    assert (standing.status, standing.due_at) == ("active", later)


async def test_what_was_edited_since_it_was_compiled_is_not_deployed(versions, workflows, path):
    made = await created(workflows)
    await workflows.update(made.id, {"name": "Changed meanwhile"})

    with pytest.raises(Conflict) as refused:
        await versions.activate(made.id, candidate(), None, draft_version=1, principal="local:1")

    assert refused.value.code == "WORKFLOW_VERSION_CONFLICT"
    assert rows(path, "SELECT count(*) FROM workflow_versions") == [(0,)]
    assert rows(path, "SELECT count(*) FROM audit") == [(0,)]


async def test_a_version_never_changes(versions, workflows, path):
    made = await created(workflows)
    await versions.activate(made.id, candidate(), None, draft_version=1, principal="local:1")

    with pytest.raises(sqlite3.IntegrityError, match="never changes"):
        rows(path, "UPDATE workflow_versions SET plan = '{}'")


async def test_ten_deployments_at_once_get_ten_numbers(versions, workflows):
    made = await created(workflows)
    numbers = await asyncio.gather(
        *(
            versions.activate(made.id, candidate(f"plan {place}"), None, draft_version=1, principal="local:1")
            for place in range(10)
        )
    )

    kept = [await versions.get(made.id, number) for number in sorted(numbers)]
    assert sorted(numbers) == list(range(1, 11))
    assert {one.definition["name"] for one in kept} == {f"plan {place}" for place in range(10)}
    assert (await versions.standing(made.id)).plan_hash == kept[-1].plan_hash


async def test_only_what_the_version_starts_by_is_arranged(versions, workflows, hooks, clock, path):
    made = await created(workflows)
    hook_id = await put_hook(hooks, made.id)
    seen = []
    for words, start in (
        ("at", AtTime(clock.now() + HOUR)),
        ("looking", ByLooking(300)),
        ("hook", ByHook(hook_id)),
        ("hand", None),
    ):
        await versions.activate(made.id, candidate(words), start, draft_version=1, principal="local:1")
        hooked = rows(path, "SELECT id FROM hooks WHERE state = 'live'")
        seen.append(
            (rows(path, "SELECT due_at FROM schedules"), rows(path, "SELECT every_s, due_at FROM polls"), hooked)
        )

    assert seen == [
        ([(time_text(clock.now() + HOUR),)], [], []),
        ([], [(300, time_text(clock.now() + timedelta(seconds=300)))], []),
        ([], [(Limits().poll_s, time_text(clock.now() + timedelta(seconds=Limits().poll_s)))], [(hook_id,)]),
        ([], [], []),
    ]
    assert [one.id for one in await hooks.leftovers("simulator")] == [hook_id]


async def test_one_hook_is_live_and_the_one_before_is_left_over(versions, workflows, hooks):
    made = await created(workflows)
    old, new = await put_hook(hooks, made.id), await put_hook(hooks, made.id)
    await versions.activate(made.id, candidate("one"), ByHook(old), draft_version=1, principal="local:1")
    await versions.activate(made.id, candidate("two"), ByHook(new), draft_version=1, principal="local:1")

    assert (await versions.standing(made.id)).hook_id == new
    assert [(one.id, one.state) for one in await hooks.leftovers("simulator")] == [(old, "ended")]


async def test_an_ended_hook_takes_no_deliveries(versions, workflows, hooks):
    made = await created(workflows)
    hook, secret = await hooks.add(
        environment="simulator", company_id=1, project_id=7, principal="l", resource_names=[], workflow_id=made.id
    )
    await versions.activate(made.id, candidate("one"), ByHook(hook.id), draft_version=1, principal="local:1")
    await hooks.authenticate(hook.id, secret)
    await workflows.delete(made.id, principal="local:0")
    hooks.forget(made.id)

    with pytest.raises(NotFound):
        await hooks.authenticate(hook.id, secret)


async def test_a_hook_of_other_senders_goes_at_once(versions, workflows, hooks, path):
    made = await created(workflows)
    ring = KeyRing([new_key()])
    hook_id, secret = await hooks.add_custom(made.id, "simulator", "local:1", ring)
    await versions.activate(made.id, candidate("one"), ByHook(hook_id), draft_version=1, principal="local:1")
    standing = await versions.standing(made.id)
    (sealed,) = rows(path, "SELECT secret_sealed FROM hooks")[0]
    await workflows.delete(made.id, principal="local:0")

    assert (standing.hook_id, standing.hook_source) == (hook_id, "custom")
    assert secret.startswith("whsec_")
    assert secret.encode() not in sealed
    assert rows(path, "SELECT * FROM hooks") == []


async def test_a_new_key_seals_the_secrets_of_hooks_again(workflows, hooks, database):
    made = await created(workflows)
    old, new = new_key(), new_key()
    await hooks.add_custom(made.id, "simulator", "local:1", KeyRing([old]))
    count = await database.write(lambda tx: reseal(tx, KeyRing([new, old])))

    assert count == 1
    assert await database.write(lambda tx: reseal(tx, KeyRing([new]))) == 1


async def test_pausing_stops_and_going_back_starts_the_version_of_then(versions, workflows, clock):
    made = await created(workflows)
    at = AtTime(clock.now() + HOUR)
    await versions.activate(made.id, candidate("one"), at, draft_version=1, principal="local:1")
    await versions.activate(made.id, candidate("two"), ByLooking(60), draft_version=1, principal="local:1")
    paused = await versions.pause(made.id, principal="local:1")
    back = await versions.switch(made.id, 1, at, principal="local:1", action="go back to")

    assert (paused.status, paused.active_version) == ("paused", 2)
    assert (back.status, back.active_version, back.due_at) == ("active", 1, at.due_at)
    assert (await workflows.get([made.id]))[0].draft_version == made.draft_version


async def test_every_change_of_what_runs_is_in_the_audit_log(versions, workflows, path):
    made = await created(workflows)
    await versions.activate(made.id, candidate(), None, draft_version=1, principal="user:1")
    await versions.pause(made.id, principal="user:2")
    await versions.pause(made.id, principal="user:2")
    await versions.switch(made.id, 1, None, principal="user:3", action="resume")
    await versions.pause_foreign("production", None, is_service=True)

    assert rows(path, "SELECT principal, action, summary FROM audit ORDER BY sequence") == [
        ("user:1", "deploy_workflow", "Deploy version 1 of Overdue RFIs"),
        ("user:2", "rollback_workflow", "Pause Overdue RFIs"),
        ("user:3", "rollback_workflow", "Resume Overdue RFIs, version 1"),
        (
            "workspace",
            "pause_foreign_workflows",
            "Pause 1 deployed for another environment or company than production",
        ),
    ]


async def test_what_does_not_exist_is_not_found(versions, workflows):
    made = await created(workflows)

    for question, code in (
        (versions.standing("wf_none"), "WORKFLOW_NOT_FOUND"),
        (versions.status("wf_none"), "WORKFLOW_NOT_FOUND"),
        (versions.pause("wf_none", principal="l"), "WORKFLOW_NOT_FOUND"),
        (versions.activate("wf_none", candidate(), None, draft_version=1, principal="l"), "WORKFLOW_NOT_FOUND"),
        (versions.get(made.id, 1), "WORKFLOW_VERSION_NOT_FOUND"),
        (versions.switch(made.id, 1, None, principal="l", action="resume"), "WORKFLOW_VERSION_NOT_FOUND"),
    ):
        with pytest.raises(NotFound) as refused:
            await question
        assert refused.value.code == code


async def test_deploying_runs_as_many_statements_for_a_thousand_actions_as_for_one(versions, workflows, clock):
    small, large = await created(workflows), await created(workflows)
    counts = [
        await counted(
            versions.activate(
                made.id,
                candidate("x", actions=actions),
                AtTime(clock.now() + HOUR),
                draft_version=1,
                principal="local:1",
            )
        )
        for made, actions in ((small, 1), (large, 1000))
    ]

    assert counts[0] == counts[1] <= 10


async def test_a_switch_to_another_environment_pauses_what_belongs_to_the_other(versions, workflows):
    here, there, draft = [await created(workflows, name) for name in ("here", "there", "draft")]
    await versions.activate(here.id, candidate(environment="production"), None, draft_version=1, principal="l")
    await versions.activate(there.id, candidate("y"), None, draft_version=1, principal="l")
    await workflows.get([there.id])  # kept from now on
    paused = await versions.pause_foreign("production", None, is_service=True)
    found = await workflows.get([here.id, there.id, draft.id])

    assert paused == [there.id]
    assert [(one.status, one.status_reason) for one in found] == [
        ("active", None),
        ("paused", "WORKFLOW_ENVIRONMENT_MISMATCH"),
        ("draft", None),
    ]


@pytest.mark.parametrize(
    ("linked", "configured", "is_service", "is_paused"),
    [
        (None, None, True, False),
        (None, 1, True, False),
        (None, 2, True, True),
        (2, 1, False, True),
        (1, 2, False, False),
        (2, 1, True, False),
    ],
)
async def test_another_company_pauses_too(
    versions, workflows, database, clock, linked, configured, is_service, is_paused
):
    """A person's link names their company before the settings do; a service account has only the settings'."""
    made = await created(workflows, run_as="local:1")
    await versions.activate(made.id, candidate(company_id=1), None, draft_version=1, principal="l")
    if linked is not None:
        connections = Connections(database, clock)
        await connections.link("local:1", "simulator", "authorization_code", "app", company_id=linked)
    paused = await versions.pause_foreign("simulator", configured, is_service=is_service)

    assert paused == ([made.id] if is_paused else [])


async def test_deploying_again_binds_it_to_where_we_are_and_clears_the_reason(versions, workflows):
    made = await created(workflows)
    await versions.activate(made.id, candidate(), None, draft_version=1, principal="l")
    await versions.pause_foreign("production", None, is_service=True)
    number = await versions.activate(
        made.id, candidate("there", environment="production", company_id=9), None, draft_version=1, principal="l"
    )
    (found,) = await workflows.get([made.id])

    assert number == 2
    assert (found.status, found.status_reason, found.environment, found.company_id) == ("active", None, "production", 9)


async def test_others_are_the_active_ones_with_what_they_may_take(versions, workflows):
    me, other, paused = [await created(workflows, name) for name in ("me", "other", "paused")]
    for made in (me, other, paused):
        await versions.activate(made.id, candidate(requests_per_hour=40), None, draft_version=1, principal="l")
    await versions.pause(paused.id, principal="l")
    others = await versions.others(me.id)

    assert (others.names, others.requests_per_hour) == ({other.id: "other"}, 40)


def execution(place: int, workflow_id: str, start, **columns: Any) -> tuple[Any, ...]:
    begun = start + timedelta(minutes=place)
    shape = {"mode": "live", "status": "completed", "error": None, **columns}
    return (
        f"exe_{place:07}",
        workflow_id,
        1,
        shape["mode"],
        shape["status"],
        time_text(begun),
        time_text(begun + timedelta(seconds=2)),
        "{}",
        shape["error"],
    )


def run_into(path, executions) -> None:
    with sqlite3.connect(path) as connection:
        connection.executemany(
            "INSERT INTO executions (id, workflow_id, version, mode, status, started_at, completed_at, trigger, error, "
            "plan_hash, environment, run_as, requested_by) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'p', 'simulator', 'local:1', 'schedule')",
            executions,
        )


async def test_the_status_is_one_statement_with_actions_executions_and_health(versions, workflows, clock, path):
    made = await created(workflows, trigger={"type": "manual"})
    await workflows.add_actions(made.id, [{"key": key, "type": "notify.log"} for key in ("b", "a")])
    due = clock.now() + HOUR
    await versions.activate(made.id, candidate(), AtTime(due), draft_version=2, principal="l")
    failure = {"status": "failed", "error": '{"code":"PROCORE_TIMEOUT"}'}
    older = {"status": "failed", "error": '{"code":"OLDER"}'}
    kinds = [{}, older, failure, {}, {"status": "running"}, {"mode": "simulate", **older}, {}]
    run_into(path, [execution(place, made.id, clock.now(), **kind) for place, kind in enumerate(kinds)])
    statements = await counted(versions.status(made.id))
    status = await versions.status(made.id)

    assert statements == 1
    assert [one["key"] for one in status.actions] == ["b", "a"]
    assert [one.id[-1] for one in status.executions] == ["6", "5", "4", "3", "2"]
    assert status.executions[4].error == {"code": "PROCORE_TIMEOUT"}
    assert (status.health.completed, status.health.failed, status.health.success_rate) == (3, 2, 0.6)
    assert status.health.last_error == {"code": "PROCORE_TIMEOUT"}
    assert status.health.last_run_at == clock.now() + timedelta(minutes=6)
    assert (status.status, status.active_version, status.due_at) == ("active", 1, due)


async def test_the_status_of_a_workflow_that_never_ran_says_so(versions, workflows):
    made = await created(workflows)
    status = await versions.status(made.id)

    assert (status.executions, status.actions, status.due_at, status.deployed_at) == ([], [], None, None)
    assert (status.health.success_rate, status.health.last_run_at, status.health.last_error) == (None, None, None)


async def test_health_looks_at_the_latest_runs_only(database, workflows, clock, path):
    """So that the price of a status does not grow with history."""
    versions = Versions(database, workflows, clock, Limits(health_executions=3, status_executions=1))
    made = await created(workflows)
    failed = {"status": "failed", "error": '{"code":"OLD"}'}
    run_into(path, [execution(place, made.id, clock.now(), **(failed if place < 50 else {})) for place in range(53)])
    status = await versions.status(made.id)

    assert (status.health.completed, status.health.failed, status.health.last_error) == (3, 0, None)
    assert len(status.executions) == 1


async def test_deleting_a_workflow_takes_everything_with_it(versions, workflows, clock, path):
    made = await created(workflows)
    await versions.activate(made.id, candidate("one"), AtTime(clock.now()), draft_version=1, principal="l")
    await versions.activate(made.id, candidate("two"), ByLooking(60), draft_version=1, principal="l")
    run_into(path, [execution(1, made.id, clock.now())])
    await workflows.delete(made.id, principal="local:0")

    left = [rows(path, f"SELECT * FROM {table}") for table in ("workflow_versions", "schedules", "polls", "executions")]
    assert left == [[], [], [], []]
