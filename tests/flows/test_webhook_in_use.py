"""A webhook that starts a workflow goes with the workflow, not from under it.

The houses here say that they perform everything (see `office`); deploying is refused otherwise.
"""

import pytest
from mcp.types import ElicitResult

from construction_mcp.core.types import Principal, Role
from construction_mcp.registry.catalog import View
from tests.deployment.site import NOTE, RFI_WEBHOOK
from tests.flows.office import Person, client_on, office_at

pytestmark = pytest.mark.anyio

ADMIN = Principal("user:ana", Role.ADMIN, "Ana")


@pytest.fixture
async def office(tmp_path, clock):
    async with office_at(tmp_path, clock, view=View(("all",)), principal=ADMIN) as made:
        yield made


async def deployed(office):
    """A workflow that a webhook starts, and the webhook's id."""
    workflow_id = await office.made(NOTE, trigger=RFI_WEBHOOK, project_id=office.site.project)
    answer = await office.call("deploy_workflow", workflow_id=workflow_id)
    return workflow_id, answer["webhook_url"].rpartition("/")[2]


async def confirmed(office, tool, **arguments):
    shown = await office.call(tool, **arguments)
    return await office.call(tool, **arguments, confirmation=shown["confirmation"])


async def test_deleting_it_is_refused_with_the_call_that_stops_the_workflow(office):
    workflow_id, webhook_id = await deployed(office)
    refused = await office.call("delete_procore_webhook", webhook_id=webhook_id)

    assert refused["error"]["code"] == "WEBHOOK_STARTS_WORKFLOW"
    assert refused["error"]["next"]["tool"] == "rollback_workflow"
    assert refused["error"]["next"]["arguments"] == {"workflow_id": workflow_id, "action": "pause"}
    assert "delete_workflow" in refused["error"]["details"]["hint"]
    assert office.site.hooks_at_procore == [webhook_id]


async def test_after_that_call_it_is_deleted_and_resuming_makes_another(office):
    _, webhook_id = await deployed(office)
    following = (await office.call("delete_procore_webhook", webhook_id=webhook_id))["error"]["next"]
    await office.call(following["tool"], **following["arguments"])
    gone = await confirmed(office, "delete_procore_webhook", webhook_id=webhook_id)
    left = list(office.site.hooks_at_procore)
    resumed = await office.call("rollback_workflow", **{**following["arguments"], "action": "resume"})

    assert (gone["status"], left) == ("done", [])
    assert office.site.hooks_at_procore == [resumed["webhook_url"].rpartition("/")[2]] != [webhook_id]


async def test_a_yes_given_after_the_workflow_ran_again_deletes_nothing(office):
    """A client that asks while the call waits: what was idle when the person was asked is not when they answer."""
    workflow_id, webhook_id = await deployed(office)
    await office.call("rollback_workflow", workflow_id=workflow_id, action="pause")

    class Slow(Person):
        async def answer(self, *_):
            await office.call("rollback_workflow", workflow_id=workflow_id, action="resume")
            return ElicitResult(action="accept", content={"confirm": True})

    async with client_on(office.site, era="legacy", view=View(("all",)), principal=ADMIN, person=Slow()) as asking:
        late = await asking.call("delete_procore_webhook", webhook_id=webhook_id)

    assert late["error"]["code"] == "WEBHOOK_STARTS_WORKFLOW"
    assert office.site.hooks_at_procore == [webhook_id]


async def test_a_webhook_that_starts_nothing_is_deleted_as_ever(office):
    made = await confirmed(
        office, "create_procore_webhook", resources=["RFIs"], project_id=office.site.project, events=["create"]
    )
    gone = await confirmed(office, "delete_procore_webhook", webhook_id=made["item"]["id"])

    assert gone["status"] == "done"
    assert office.site.hooks_at_procore == []
