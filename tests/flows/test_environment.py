"""Another environment: what was deployed for the first one stops, sends nothing, and goes on once deployed again.

The houses here say that they perform everything (see `office`); deploying is refused otherwise.
"""

import pytest

from construction_mcp.registry.catalog import View
from construction_mcp.toolsets.workflows.resources import STATUS
from tests.deployment.site import EVERY_MORNING, NOTE, RFI_WEBHOOK, sandbox
from tests.flows.office import ERAS, office_at

pytestmark = pytest.mark.anyio

PUBLIC = "https://mcp.builder.example"
ALL = View(("all",))


@pytest.mark.parametrize("era", ERAS)
async def test_what_belongs_to_the_other_environment_is_paused_and_sends_nothing(tmp_path, clock, era):
    async with office_at(tmp_path, clock, era=era) as office:
        hooked = await office.made(NOTE, trigger=RFI_WEBHOOK, project_id=office.site.project)
        timed = await office.made(NOTE, trigger=EVERY_MORNING)
        for one in (hooked, timed):
            await office.call("deploy_workflow", workflow_id=one)
        before = office.site.requests()
    async with office_at(tmp_path, clock, era=era, view=ALL, public_url=PUBLIC, **sandbox(clock)) as elsewhere:
        listed = await elsewhere.call("list_workflows")
        refused = [
            await elsewhere.call("rollback_workflow", workflow_id=one, **how)
            for one in (hooked, timed)
            for how in ({"action": "resume"}, {"action": "rollback", "to_version": 1})
        ]
        status = (await elsewhere.client.read_resource(STATUS.format(id=timed))).contents[0].text  # type: ignore[union-attr]  # ours is text
        sent = elsewhere.site.requests()

        assert {item["id"]: item["status"] for item in listed["items"]} == {hooked: "paused", timed: "paused"}
        assert {one["error"]["code"] for one in refused} == {"WORKFLOW_ENVIRONMENT_MISMATCH"}
        assert all(one["error"]["next"]["tool"] == "deploy_workflow" for one in refused)
        assert '"status_reason":"WORKFLOW_ENVIRONMENT_MISMATCH"' in status.replace(" ", "")
        assert sent == []
    async with office_at(tmp_path, clock, era=era) as back:
        listed = await back.call("list_workflows")

        assert {item["status"] for item in listed["items"]} == {"paused"}  # nothing starts by itself after a switch
        assert back.site.requests() == before  # the simulator kept its ledger: nothing since
        assert len(back.site.hooks_at_procore) == 1


async def test_the_call_that_a_refusal_names_binds_it_to_the_new_environment(tmp_path, clock):
    async with office_at(tmp_path, clock) as office:
        workflow_id = await office.made(NOTE, trigger=RFI_WEBHOOK, project_id=office.site.project)
        await office.call("deploy_workflow", workflow_id=workflow_id)
    async with office_at(tmp_path, clock, public_url=PUBLIC, **sandbox(clock)) as elsewhere:
        refused = await elsewhere.call("rollback_workflow", workflow_id=workflow_id, action="resume")
        following = refused["error"]["next"]
        answer = await elsewhere.call(following["tool"], **following["arguments"])
        read = (await elsewhere.call("get_workflow", workflow_id=workflow_id))["workflow"]
        back = await elsewhere.call("rollback_workflow", workflow_id=workflow_id, action="rollback", to_version=1)

        assert (answer["status"], answer["version"]) == ("deployed", 2)
        assert (read["status"], read["environment"]) == ("active", "sandbox")
        assert [answer["webhook_url"].rpartition("/")[2]] == elsewhere.site.hooks_at_procore
        assert back["error"]["code"] == "WORKFLOW_ENVIRONMENT_MISMATCH"
        assert elsewhere.site.rows("SELECT status, active_version FROM workflows") == [("active", 2)]


async def test_another_company_is_another_place_too(tmp_path, clock):
    async with office_at(tmp_path, clock) as office:
        workflow_id = await office.made(NOTE, trigger=EVERY_MORNING)
        await office.call("deploy_workflow", workflow_id=workflow_id)
        before = office.site.requests()
    async with office_at(tmp_path, clock, company_id=office.site.company + 1) as elsewhere:
        read = (await elsewhere.call("get_workflow", workflow_id=workflow_id))["workflow"]
        refused = await elsewhere.call("rollback_workflow", workflow_id=workflow_id, action="resume")

        assert read["status"] == "paused"
        assert refused["error"]["code"] == "WORKFLOW_ENVIRONMENT_MISMATCH"
        assert elsewhere.site.requests() == before
