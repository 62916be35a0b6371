"""Who is mailed about trouble: whoever the workflow or the workspace names, and of what they asked for."""

import pytest

from construction_mcp.core.types import Role
from tests.diagnosis.clinic import Clinic, clinic_at, mail_to

pytestmark = pytest.mark.anyio

OPERATOR = "ops@builder.com"


@pytest.fixture
async def clinic(tmp_path, clock):
    async with clinic_at(tmp_path, clock, alert_to=OPERATOR) as made:
        made.mail.refuses = {"nobody@builder.com": "550 no such mailbox"}
        yield made


async def failed(clinic: Clinic, workflow_id: str, times: int = 1) -> list[str]:
    """It fails, and those who have to hear of it do; whom mail came to, with its subject."""
    before = len(clinic.mail.letters)
    for _ in range(times):
        assert (await clinic.run(workflow_id))["status"] == "failed"

    async def is_told() -> bool:
        return clinic.rows("SELECT count(*) FROM alerts WHERE told_at IS NULL") == [(0,)]

    clinic.clock.advance(3601)
    await clinic.until(is_told)
    return sorted(f"{one['to']}: {one['subject']}" for _, one in clinic.mail.letters[before:])


async def test_where_nobody_said_anything_the_operator_hears_of_it(clinic):
    workflow_id = await clinic.deployed(mail_to("nobody@builder.com"))

    assert await failed(clinic, workflow_id) == [f"{OPERATOR}: Late RFIs: failed"]


async def test_a_workflow_names_who_hears_of_it_and_of_what_nobody_does(clinic):
    workflow_id = await clinic.deployed(mail_to("nobody@builder.com"))
    named = {"workflow_id": workflow_id, "recipients": ["pm@builder.com", "super@builder.com"]}
    set_to = await clinic.good("configure_workflow_notifications", **named)
    both = await failed(clinic, workflow_id)
    off = await clinic.good("configure_workflow_notifications", workflow_id=workflow_id, off=["failed"])
    silent = await failed(clinic, workflow_id)
    await clinic.good("configure_workflow_notifications", workflow_id=workflow_id, recipients=[], off=[])
    again = await failed(clinic, workflow_id)

    assert set_to == {"recipients": ["pm@builder.com", "super@builder.com"], "off": []}
    assert off == {"recipients": ["pm@builder.com", "super@builder.com"], "off": ["failed"]}
    assert both == ["pm@builder.com: Late RFIs: failed", "super@builder.com: Late RFIs: failed"]
    assert silent == []
    assert again == [f"{OPERATOR}: Late RFIs: failed"]


async def test_the_workspace_names_who_hears_of_the_worst_of_everything(clinic):
    """The fifth failure in a row stops the workflow: that is critical, one failure is not."""
    workflow_id = await clinic.deployed(mail_to("nobody@builder.com"))
    await clinic.good("configure_workflow_notifications", workflow_id=workflow_id, recipients=["pm@builder.com"])
    await clinic.good("configure_global_alerts", recipients=["boss@builder.com"], least="critical")
    one = await failed(clinic, workflow_id)
    stopped = await failed(clinic, workflow_id, times=4)

    assert one == ["pm@builder.com: Late RFIs: failed"]
    assert stopped == ["boss@builder.com: Late RFIs: stopped", "pm@builder.com: Late RFIs: needs attention"]


async def test_one_that_cannot_be_told_yet_keeps_nobody_else_waiting_and_nobody_is_told_twice(clinic):
    workflow_id = await clinic.deployed(mail_to("nobody@builder.com"))
    named = ["pm@builder.com", "super@builder.com"]
    await clinic.good("configure_workflow_notifications", workflow_id=workflow_id, recipients=named)
    clinic.mail.refuses = {**clinic.mail.refuses, "super@builder.com": "451 later"}
    assert (await clinic.run(workflow_id))["status"] == "failed"
    clinic.clock.advance(3601)

    async def is_refused_twice() -> bool:
        return clinic.rows("SELECT count(*) > 1 FROM notifications WHERE error = 'NOTIFY_UNAVAILABLE'") == [(1,)]

    await clinic.until(is_refused_twice)
    clinic.mail.refuses = {"nobody@builder.com": "550 no such mailbox"}

    async def is_told() -> bool:
        return clinic.rows("SELECT count(*) FROM alerts WHERE told_at IS NULL") == [(0,)]

    await clinic.until(is_told)

    assert sorted(str(one["to"]) for _, one in clinic.mail.letters) == named


async def test_who_hears_of_everything_is_an_admins_to_say_and_is_in_the_audit_log(clinic):
    builder = await clinic.user("Bo", Role.BUILDER)
    workflow_id = await clinic.deployed(mail_to("nobody@builder.com"))
    async with clinic.as_user(builder) as theirs:
        refused = await theirs.call("configure_global_alerts", recipients=["bo@builder.com"])
        await theirs.good("configure_workflow_notifications", workflow_id=workflow_id, recipients=["bo@builder.com"])
    wrong = await clinic.call("configure_global_alerts", recipients=["no address"])
    unknown = await clinic.call("configure_workflow_notifications", workflow_id="wf_none")
    log = await clinic.good("query_audit_log", kind="configure_workflow_notifications")

    assert refused["error"]["code"] == "AUTH_ROLE_REQUIRED"
    assert wrong["error"]["code"] == "VALIDATION_INVALID"
    assert unknown["error"]["code"] == "WORKFLOW_NOT_FOUND"
    assert [(one["principal"], one["summary"]) for one in log["items"]] == [
        (builder.id, "Tell bo@builder.com of trouble, except nothing")
    ]
