"""Provoked and mended: what runs meet in Procore, in their own words, in mail servers and in the process itself."""

import pytest

from tests.diagnosis.clinic import NOTE, Clinic, clinic_at, errors, mail_to
from tests.diagnosis.silent_host import silent_host
from tests.notify.sinks import PASSWORD, post_sink

pytestmark = pytest.mark.anyio


async def retried(clinic: Clinic, finding) -> str:
    """The status of the run that the finding's call starts."""
    again = await clinic.follow(finding)
    return str((await clinic.settled(again["execution_id"], "completed", "failed"))["status"])


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("429", "PROCORE_RATE_LIMITED"),
        ("503", "PROCORE_UNAVAILABLE"),
        ("timeout", "PROCORE_TIMEOUT"),
        ("html", "PROCORE_BAD_ANSWER"),
        ("truncate", "PROCORE_BAD_ANSWER"),
    ],
)
async def test_procore_does_not_answer_as_it_should_for_a_while(clinic, fault, code):
    read = {**clinic.read_rfi(), "retry": {"max_attempts": 1}}
    workflow_id = await clinic.deployed(read)
    clinic.fault(fault, "GET", "*/rfis/*", times=1000)
    run = await clinic.run(workflow_id, wait_s=50)
    first = await clinic.first(workflow_id)
    clinic.no_faults()

    assert (run["status"], first["code"]) == ("failed", code)
    assert await retried(clinic, first) == "completed"
    assert errors(await clinic.found(workflow_id)) == []


async def test_a_record_is_gone(clinic):
    """Nothing brings it back: the person says which one is meant instead."""
    workflow_id = await clinic.deployed(clinic.read_rfi(), project_id=clinic.project)
    clinic.world.drop(clinic.rfi())
    run = await clinic.run(workflow_id)
    first = await clinic.first(workflow_id)

    assert (run["status"], first["code"]) == ("failed", "PROCORE_NOT_FOUND")
    assert first["next"]["tool"] == "update_workflow_action"

    await clinic.follow(first, clinic.rfi().id)
    await clinic.follow(await clinic.first(workflow_id))

    assert (await clinic.run(workflow_id))["status"] == "completed"
    assert errors(await clinic.found(workflow_id)) == []


async def test_procore_refuses_what_is_sent_since_the_last_deployment(clinic):
    """422: the version before went well, so that one runs until the draft is mended."""
    workflow_id = await clinic.deployed(clinic.advance_rfi("open"))
    before = await clinic.run(workflow_id)
    worse = clinic.advance_rfi("closed")
    await clinic.good("update_workflow_action", workflow_id=workflow_id, key="advance", action=worse)
    await clinic.deploy(workflow_id)
    run = await clinic.run(workflow_id)
    first = await clinic.first(workflow_id)

    done = await clinic.follow(first)

    assert (before["status"], run["status"], first["code"]) == ("completed", "failed", "PROCORE_INVALID")
    assert any("not open" in line for line in first["evidence"])
    assert (done["status"], done["version"]) == ("active", 1)
    assert (await clinic.run(workflow_id))["status"] == "completed"


async def test_a_template_reads_what_is_not_there(clinic):
    mail = mail_to("pm@builder.com", body="Asked: {{ trigger.input.question }}")
    workflow_id = await clinic.deployed(mail)
    run = await clinic.run(workflow_id)
    first = await clinic.first(workflow_id)

    await clinic.follow(first)
    await clinic.follow(await clinic.first(workflow_id))

    assert (run["status"], first["code"]) == ("failed", "EXECUTION_EXPRESSION_FAILED")
    assert (await clinic.run(workflow_id))["status"] == "completed"
    assert errors(await clinic.found(workflow_id)) == []


async def test_what_it_reads_has_another_shape_than_before(clinic):
    """The same version went well before: the sender left out a field."""
    mail = mail_to("pm@builder.com", body="Order {{ trigger.input.order.number }}")
    workflow_id = await clinic.deployed(mail)
    before = await clinic.run(workflow_id, input={"order": {"number": "7"}})
    run = await clinic.run(workflow_id, input={"order": {"id": "7"}})
    first = await clinic.first(workflow_id)

    await clinic.follow(first)
    await clinic.follow(await clinic.first(workflow_id))

    assert (before["status"], run["status"], first["code"]) == ("completed", "failed", "RECORD_SHAPE_CHANGED")
    assert (await clinic.run(workflow_id, input={"order": {"id": "7"}}))["status"] == "completed"
    assert errors(await clinic.found(workflow_id)) == []


async def test_the_mail_server_refuses_the_recipient(clinic):
    workflow_id = await clinic.deployed(mail_to("left@builder.com"))
    clinic.mail.refuses = {"left@builder.com": "550 5.1.1 no such user"}
    run = await clinic.run(workflow_id)
    first = await clinic.first(workflow_id)

    await clinic.follow(first, "super@builder.com")
    await clinic.follow(await clinic.first(workflow_id))

    assert (run["status"], first["code"]) == ("failed", "NOTIFY_REFUSED")
    assert (await clinic.run(workflow_id))["status"] == "completed"
    assert clinic.mail.letter()["to"] == "super@builder.com"
    assert errors(await clinic.found(workflow_id)) == []


async def test_the_mail_server_takes_nothing_for_a_while(clinic):
    workflow_id = await clinic.deployed({**mail_to("pm@builder.com"), "retry": {"max_attempts": 1}})
    clinic.mail.refuses = {"pm@builder.com": "451 4.3.0 try again later"}
    run = await clinic.run(workflow_id)
    first = await clinic.first(workflow_id)
    clinic.mail.refuses = {}

    assert (run["status"], first["code"]) == ("failed", "NOTIFY_UNAVAILABLE")
    assert await retried(clinic, first) == "completed"
    assert errors(await clinic.found(workflow_id)) == []


async def test_the_mail_server_does_not_know_the_password(tmp_path, clock):
    """The operator renews it and restarts; the call is the one for afterwards."""
    async with clinic_at(tmp_path, clock, password="old") as clinic:
        workflow_id = await clinic.deployed(mail_to("pm@builder.com"))
        run = await clinic.run(workflow_id)
        first = await clinic.first(workflow_id)
    async with clinic_at(tmp_path, clock, password=PASSWORD) as clinic:
        status = await retried(clinic, await clinic.first(workflow_id))

        assert (run["status"], first["code"], status) == ("failed", "NOTIFY_CREDENTIALS", "completed")
        assert "operator" in first["fix"]
        assert errors(await clinic.found(workflow_id)) == []


async def test_a_host_that_nobody_allowed(tmp_path, clock):
    """The operator names it in the settings and restarts; the call is the one for afterwards."""
    async with post_sink() as sink:
        host = f"127.0.0.1:{sink.port}"
        tell = {"key": "tell", "type": "http.request", "config": {"method": "GET", "url": f"http://{host}/jobs"}}
        async with clinic_at(tmp_path, clock) as clinic:
            workflow_id = await clinic.deployed(tell)
            run = await clinic.run(workflow_id)
            first = await clinic.first(workflow_id)
        async with clinic_at(tmp_path, clock, egress_allow=(host,)) as clinic:
            status = await retried(clinic, await clinic.first(workflow_id))

            assert (run["status"], first["code"], status) == ("failed", "SYSTEM_EGRESS_REFUSED", "completed")
            assert "CONSTRUCTION_MCP_EGRESS_ALLOW" in first["fix"]
            assert errors(await clinic.found(workflow_id)) == []


async def test_a_run_that_ends_its_process_each_time_is_put_aside(tmp_path, clock):
    """Poison: the process is killed in the middle of it, again and again."""
    async with silent_host() as host:
        ask = {"key": "ask", "type": "http.request", "config": {"method": "GET", "url": f"http://{host.name}/jobs"}}
        async with clinic_at(tmp_path, clock, egress_allow=(host.name,)) as clinic:
            workflow_id = await clinic.deployed(ask)
            run = await clinic.run(workflow_id, wait_s=0)
            for killed in range(4):
                await clinic.until(host.was_asked(killed + 1))
                await clinic.stop()
                await clinic.start()
            await clinic.settled(run["id"], "failed")
            first = await clinic.first(workflow_id)
            host.answer()

            assert first["code"] == "EXECUTION_QUARANTINED"
            assert await retried(clinic, first) == "completed"
            assert errors(await clinic.found(workflow_id)) == []


async def test_nobody_knows_whether_a_change_was_made(clinic):
    """The person looks in Procore and says so; the run goes on from there."""
    workflow_id = await clinic.deployed(clinic.advance_rfi("open"), NOTE)
    clinic.fault("lost_response", "PATCH", "*/advance_ball_in_court")
    run = await clinic.run(workflow_id)
    first = await clinic.first(workflow_id)

    done = await clinic.follow(first, "done")

    assert (run["status"], first["code"], done["status"]) == ("needs_review", "EXECUTION_NEEDS_REVIEW", "resolved")
    assert (await clinic.settled(run["id"], "completed"))["id"]
    assert errors(await clinic.found(workflow_id)) == []


async def test_a_step_takes_longer_than_it_may(tmp_path, clock):
    """Real time, a little of it: with four times as much it is answered."""
    async with silent_host() as host:
        config = {"method": "GET", "url": f"http://{host.name}/jobs"}
        ask = {"key": "ask", "type": "http.request", "config": config, "timeout_s": 0.2}
        async with clinic_at(tmp_path, clock, egress_allow=(host.name,)) as clinic:
            workflow_id = await clinic.deployed({**ask, "retry": {"max_attempts": 1}})
            run = await clinic.run(workflow_id)
            first = await clinic.first(workflow_id)
            host.answer()

            await clinic.follow(first)
            await clinic.follow(await clinic.first(workflow_id))

            assert (run["status"], first["code"]) == ("failed", "EXECUTION_STEP_TIMEOUT")
            assert first["next"]["arguments"]["action"]["timeout_s"] == 0.8
            assert (await clinic.run(workflow_id))["status"] == "completed"
            assert errors(await clinic.found(workflow_id)) == []


async def test_a_condition_that_is_never_true_for_a_misspelt_word(clinic):
    say = {**NOTE, "condition": "trigger.input.status == 'opne'"}
    workflow_id = await clinic.deployed(say)
    for _ in range(3):
        await clinic.run(workflow_id, input={"status": "open"})
    first = await clinic.first(workflow_id)

    await clinic.follow(first)
    await clinic.deploy(workflow_id)
    run = await clinic.run(workflow_id, input={"status": "open"})

    assert (first["code"], first["confidence"]) == ("CONDITION_NEVER_TRUE", 0.75)
    assert [step["status"] for step in run["steps"]] == ["completed"]
    assert await clinic.found(workflow_id) == []
