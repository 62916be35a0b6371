"""Provoked and mended: what a workflow's own state keeps from running."""

import pytest

from tests.deployment.site import sandbox
from tests.diagnosis.clinic import EVERY_MORNING, NOTE, clinic_at, errors, mail_to

pytestmark = pytest.mark.anyio


async def test_a_draft_that_was_never_deployed(clinic):
    workflow_id = await clinic.draft(NOTE)
    first = await clinic.first(workflow_id)

    done = await clinic.follow(first)

    assert first["code"] == "WORKFLOW_NOT_DEPLOYED"
    assert done["status"] == "deployed"
    assert (await clinic.run(workflow_id))["status"] == "completed"
    assert await clinic.found(workflow_id) == []


async def test_a_variable_that_nobody_filled_in(clinic):
    """What only the person knows stands in <>; with their word in it the call mends it."""
    variables = {"notify_to": {"type": "email", "required": True, "description": "Who gets the mail"}}
    workflow_id = await clinic.draft(mail_to("{{ vars.notify_to }}"), variables=variables)
    first = await clinic.first(workflow_id)

    await clinic.follow(first, "super@builder.com")
    second = await clinic.first(workflow_id)
    await clinic.follow(second)

    assert (first["code"], second["code"]) == ("DRAFT_HAS_PROBLEMS", "WORKFLOW_NOT_DEPLOYED")
    assert "notify_to" in first["evidence"][0]
    assert (await clinic.run(workflow_id))["status"] == "completed"
    assert clinic.mail.letter()["to"] == "super@builder.com"


async def test_a_workflow_that_somebody_paused(clinic):
    workflow_id = await clinic.deployed(NOTE)
    await clinic.good("rollback_workflow", workflow_id=workflow_id, action="pause")
    first = await clinic.first(workflow_id)

    await clinic.follow(first)

    assert first["code"] == "WORKFLOW_PAUSED"
    assert (await clinic.run(workflow_id))["status"] == "completed"


async def test_a_workflow_that_failed_five_times_in_a_row_and_was_stopped(clinic):
    workflow_id = await clinic.deployed(mail_to("pm@builder.com"))
    clinic.mail.refuses = {"pm@builder.com": "550 no such mailbox"}
    for _ in range(5):
        assert (await clinic.run(workflow_id))["status"] == "failed"
    refused = await clinic.call("run_workflow", workflow_id=workflow_id)
    clinic.mail.refuses = {}  # what made it fail is over
    first = await clinic.first(workflow_id)

    await clinic.follow(first)

    assert refused["error"]["code"] == "WORKFLOW_NOT_DEPLOYED"
    assert first["code"] == "FAILED_IN_A_ROW"
    assert "The latest 5 runs that ended failed." in first["evidence"]
    assert (await clinic.run(workflow_id))["status"] == "completed"
    assert errors(await clinic.found(workflow_id)) == []


async def test_everything_is_held(clinic):
    workflow_id = await clinic.deployed(NOTE)
    await clinic.good("pause_all")
    held = await clinic.run(workflow_id, wait_s=0)
    first = await clinic.first(workflow_id)

    await clinic.follow(first)

    assert (held["status"], first["code"]) == ("queued", "WORKFLOW_HELD")
    assert (await clinic.settled(held["id"], "completed"))["id"] == held["id"]
    assert await clinic.found(workflow_id) == []


async def test_it_was_deployed_for_another_environment(tmp_path, clock):
    async with clinic_at(tmp_path, clock) as simulated:
        workflow_id = await simulated.deployed(NOTE, trigger=EVERY_MORNING)
    async with clinic_at(tmp_path, clock, **sandbox(clock)) as clinic:
        first = await clinic.first(workflow_id)

        await clinic.follow(first)

        assert first["code"] == "WORKFLOW_ENVIRONMENT_MISMATCH"
        assert (await clinic.run(workflow_id))["status"] == "completed"
        assert await clinic.found(workflow_id) == []


async def test_what_mends_it_was_written_and_not_deployed(clinic):
    workflow_id = await clinic.deployed(mail_to("old@builder.com"))
    clinic.mail.refuses = {"old@builder.com": "550 no such mailbox"}
    await clinic.run(workflow_id)
    await clinic.good("update_workflow_action", workflow_id=workflow_id, key="mail", action=mail_to("new@builder.com"))
    first = await clinic.first(workflow_id)

    await clinic.follow(first)

    assert first["code"] == "DRAFT_NOT_DEPLOYED"
    assert errors(await clinic.found(workflow_id)) == []
    assert (await clinic.run(workflow_id))["status"] == "completed"


async def test_it_starts_by_itself_and_nobody_stays_to_start_it(tmp_path, clock):
    """A stdio process ends with its client: a person installs the service, which is a process with an address."""
    async with clinic_at(tmp_path, clock, serve_url=None) as at_stdio:
        workflow_id = await at_stdio.deployed(NOTE, trigger=EVERY_MORNING)
        first = await at_stdio.first(workflow_id)
    async with clinic_at(tmp_path, clock) as as_service:
        after = await as_service.found(workflow_id)

    assert first["code"] == "HOST_NOT_ALWAYS_ON"
    assert "construction-mcp service install" in first["fix"]
    assert after == []


async def test_whoever_it_runs_as_has_lost_access(clinic, clock):
    """A service account goes on working; but nobody hears of failures, until somebody who stays takes it over."""
    ana = await clinic.user("Ana")
    async with clinic.as_user(ana) as theirs:
        workflow_id = await theirs.deployed(clinic.read_rfi())
    await clinic.revoke(ana)
    first = await clinic.first(workflow_id)

    document = await clinic.follow(first)
    mine = (await clinic.good("import_workflow", document_text=document["document"]))["workflow"]["id"]
    await clinic.deploy(mine)

    assert first["code"] == "RUN_AS_REVOKED"
    assert await clinic.found(mine) == []
