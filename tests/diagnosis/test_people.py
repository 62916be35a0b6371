"""Provoked and mended: a person has not answered, could not be told, or let the time pass."""

from typing import Any

import pytest

from construction_mcp.core.types import Principal, Role
from tests.diagnosis.clinic import NOTE, Clinic, errors

pytestmark = pytest.mark.anyio


def ask(*approvers: str, **more: Any) -> dict[str, Any]:
    config = {"approvers": list(approvers), "message": "Send the notice?", "expires_in": "2 days", **more}
    return {"key": "ask", "type": "approval.request", "config": config}


async def asking(clinic: Clinic, action: dict[str, Any]) -> tuple[str, str]:
    """A workflow and its run that waits for the answer."""
    workflow_id = await clinic.deployed(action, {**NOTE, "depends_on": ["ask"]})
    run = await clinic.run(workflow_id, wait_s=0)
    await clinic.settled(run["id"], "waiting")
    return workflow_id, run["id"]


async def decided(clinic: Clinic, person: Principal, finding: Any) -> None:
    """The person follows it in their own client and says yes."""
    async with clinic.as_user(person) as theirs:
        assert (await theirs.follow(finding, decision="approve"))["status"] == "approved"


async def test_a_run_waits_for_a_persons_answer(clinic):
    boss = await clinic.user("Boss", Role.APPROVER)
    workflow_id, run_id = await asking(clinic, ask("Boss"))
    first = await clinic.first(workflow_id)

    await decided(clinic, boss, first)

    assert (first["code"], first["severity"]) == ("APPROVAL_PENDING", "warning")
    assert (await clinic.settled(run_id, "completed"))["id"] == run_id
    assert await clinic.found(workflow_id) == []


async def test_nobody_answered_in_time(clinic, clock):
    boss = await clinic.user("Boss", Role.APPROVER)
    workflow_id, run_id = await asking(clinic, ask("Boss", on_expiry="fail"))
    clock.advance(3 * 86_400)
    await clinic.settled(run_id, "failed")
    first = await clinic.first(workflow_id)

    again = await clinic.follow(first)
    await clinic.settled(again["execution_id"], "waiting")
    pending = await clinic.first(workflow_id)
    await decided(clinic, boss, pending)

    assert (first["code"], pending["code"]) == ("APPROVAL_EXPIRED", "APPROVAL_PENDING")
    assert (await clinic.settled(again["execution_id"], "completed"))["id"]
    assert errors(await clinic.found(workflow_id)) == []


async def test_the_approver_cannot_be_told(clinic, clock):
    """The mail server knows nobody of that name: whoever else may decide is shown it in their own client."""
    boss = await clinic.user("Boss", Role.APPROVER)
    clinic.mail.refuses = {"boss@builder.com": "550 no such mailbox"}
    workflow_id, run_id = await asking(clinic, ask("boss@builder.com", "Boss"))
    clock.advance(600)
    first = await clinic.first(workflow_id)

    await decided(clinic, boss, first)

    assert (first["code"], first["severity"]) == ("APPROVER_UNREACHABLE", "error")
    assert (await clinic.settled(run_id, "completed"))["id"] == run_id
    assert errors(await clinic.found(workflow_id)) == []
