"""One run as it went: each try, wait, question and answer, and who did what."""

import pytest

from construction_mcp.core.types import Role
from tests.diagnosis.clinic import NOTE, Clinic

pytestmark = pytest.mark.anyio


async def test_each_try_question_and_answer_is_told_with_who_did_it(clinic):
    boss = await clinic.user("Boss", Role.APPROVER)
    read = {**clinic.read_rfi(), "retry": {"max_attempts": 3, "initial_s": 5}}
    config = {"approvers": ["Boss"], "message": "Send it?", "show": {"text": "Late"}, "editable": ["text"]}
    ask = {"key": "ask", "type": "approval.request", "config": config, "depends_on": ["rfi"]}
    workflow_id = await clinic.deployed(read, ask, {**NOTE, "depends_on": ["ask"]})
    clinic.fault("503", "GET", f"*/rfis/{clinic.rfi().id}", times=3)  # one try of the step: the client makes three
    run = await clinic.run(workflow_id, wait_s=0)
    await clinic.settled(run["id"], "waiting")
    await clinic.until(lambda: asks(clinic))
    pending = (await clinic.first(workflow_id))["next"]["arguments"]
    async with clinic.as_user(boss) as theirs:
        await theirs.good("decide_approval", **pending, decision="approve", comment="as on site")
    await clinic.settled(run["id"], "completed")

    told = (await clinic.good("observe_workflow_execution", execution_id=run["id"]))["timeline"]

    kinds = [(one["kind"], one.get("step")) for one in told]
    assert [one for one in kinds if one[0] in ("accepted", "retry", "asked", "approved", "completed")] == [
        ("accepted", None),
        ("retry", "rfi"),
        ("completed", "rfi"),
        ("asked", "ask"),
        ("approved", "ask"),
        ("completed", "ask"),
        ("completed", "note"),
        ("completed", None),
    ]
    by = {(one["kind"], one.get("step")): one for one in told}
    assert by["retry", "rfi"]["text"].startswith("Try 1 of 3 failed, the next is at 2026-")
    assert (by["accepted", None]["actor"], by["asked", "ask"]["actor"]) == ("local:0", "system")
    assert by["approved", "ask"]["actor"] == boss.id
    assert "as on site" in by["approved", "ask"]["text"]
    assert "requests to Procore" in by["completed", None]["text"]


async def test_what_a_person_did_to_a_run_is_told_as_theirs(clinic):
    wait = {"key": "wait", "type": "wait.for", "config": {"duration": "5 days"}}
    workflow_id = await clinic.deployed(wait)
    run = await clinic.run(workflow_id, wait_s=0)
    await clinic.settled(run["id"], "waiting")
    await clinic.good("cancel_execution", execution_id=run["id"])
    await clinic.settled(run["id"], "cancelled")

    told = (await clinic.good("observe_workflow_execution", execution_id=run["id"]))["timeline"]

    assert [(one["kind"], one["actor"]) for one in told if one["kind"] == "cancel"] == [
        ("cancel", "local:0"),
    ]
    assert (told[-1]["kind"], told[-1]["actor"]) == ("cancelled", "system")


async def asks(clinic: Clinic) -> bool:
    return clinic.rows("SELECT count(*) FROM approvals WHERE status = 'pending'") == [(1,)]


async def test_usage_says_which_workflow_costs_how_many_requests(clinic, clock):
    """What a run sent is kept with it, so that a restart forgets nothing."""
    dear = await clinic.deployed(clinic.read_rfi())
    free = await clinic.deployed(NOTE)
    runs = [await clinic.run(one) for one in (dear, dear, free)]
    told = (await clinic.good("get_usage"))["workflows"]
    clock.advance(40 * 86_400)
    later = (await clinic.good("get_usage", days=31))["workflows"]
    sent = clinic.rows(f"SELECT sum(requests) FROM executions WHERE workflow_id = '{dear}'")

    assert {one["status"] for one in runs} == {"completed"}
    assert told == [{"workflow_id": dear, "name": "Late RFIs", "executions": 2, "requests": sent[0][0]}]
    assert told[0]["requests"] > 0
    assert later == []
