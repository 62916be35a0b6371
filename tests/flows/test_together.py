"""Many at once through one client: nothing is lost, and whatever the order, what is left agrees with what was said.

The houses here say that they perform everything (see `office`); deploying is refused otherwise.
"""

import asyncio
import json
from typing import Any

import pytest

from construction_mcp.store import audit
from construction_mcp.store.database import Database
from construction_mcp.store.queries import load
from tests.deployment.site import EVERY_MORNING, NOTE, RFI_WEBHOOK
from tests.flows.office import ERAS, Office, office_at

pytestmark = pytest.mark.anyio

MANY = 10
STATEMENTS_MAX = 20


async def audited(office: Office, action: str) -> list[tuple[str, list[str]]]:
    """Who did it to what, oldest first; the chain holds."""
    chain = load("audit").chain
    rows = await (await office.site.house.services.get(Database)).read(lambda tx: tx.all(chain))
    assert audit.first_break(rows) is None
    return [(row["principal"], json.loads(row["targets"])) for row in rows if row["action"] == action]


@pytest.mark.parametrize("era", ERAS)
async def test_ten_creations_and_ten_deployments_at_once_lose_nothing(tmp_path, clock, era):
    async with office_at(tmp_path, clock, era=era) as office:
        drafts = await asyncio.gather(
            *(
                office.at_once("create_workflow", name=f"Flow {place}", trigger=EVERY_MORNING, actions=[NOTE])
                for place in range(MANY)
            )
        )
        ids = [draft["workflow"]["id"] for draft in drafts]
        answers = await asyncio.gather(*(office.at_once("deploy_workflow", workflow_id=one) for one in ids))
        listed = await office.call("list_workflows", status="active")

        assert len(set(ids)) == MANY
        assert [draft["workflow"]["name"] for draft in drafts] == [f"Flow {place}" for place in range(MANY)]
        assert [(answer["status"], answer["version"]) for answer in answers] == [("deployed", 1)] * MANY
        assert {item["id"] for item in listed["items"]} == set(ids)
        assert {one for (one,) in office.site.rows("SELECT workflow_id FROM schedules")} == set(ids)
        told = await audited(office, "deploy_workflow")
        assert sorted(told) == sorted(("user:ana", [f"workflow:{one}/version/1"]) for one in ids)


async def test_ten_deployments_of_one_draft_are_one_version_and_one_hook(office):
    workflow_id = await office.made(NOTE, trigger=RFI_WEBHOOK, project_id=office.site.project)
    answers = await asyncio.gather(*(office.at_once("deploy_workflow", workflow_id=workflow_id) for _ in range(MANY)))

    assert [(answer["status"], answer["version"]) for answer in answers] == [("deployed", 1)] * MANY
    assert len({answer["webhook_url"] for answer in answers}) == 1
    assert len(office.site.hooks_at_procore) == 1
    assert len(await audited(office, "deploy_workflow")) == 1


async def test_edits_and_deployments_of_one_workflow_at_once_number_each_version_once(office):
    """Whoever deploys a draft that an edit has overtaken is told so; what runs in the end is a draft that was."""
    workflow_id = await office.made(NOTE, trigger=EVERY_MORNING)

    async def extend(place: int) -> None:
        await office.at_once("add_workflow_actions", workflow_id=workflow_id, actions=[{**NOTE, "key": f"n{place}"}])

    async def deploy() -> Any:
        return await office.at_once("deploy_workflow", workflow_id=workflow_id)

    answers = await asyncio.gather(*(one for place in range(MANY) for one in (extend(place), deploy())))
    deployed = [answer["version"] for answer in answers if answer and answer.get("status") == "deployed"]
    refused = [answer["error"] for answer in answers if answer and "error" in answer]
    last = await office.call("deploy_workflow", workflow_id=workflow_id)

    assert len(deployed) + len(refused) == MANY
    assert {one["code"] for one in refused} <= {"WORKFLOW_VERSION_CONFLICT"}
    assert all(one["next"]["tool"] == "get_workflow" for one in refused)
    numbers = [number for (number,) in office.site.rows("SELECT number FROM workflow_versions ORDER BY number")]
    assert numbers == list(range(1, last["version"] + 1))
    assert len(await audited(office, "deploy_workflow")) == len(numbers)
    ((written,),) = office.site.rows(f"SELECT definition FROM workflow_versions WHERE number = {last['version']}")
    assert {one["key"] for one in json.loads(written)["actions"]} == {"note", *(f"n{place}" for place in range(MANY))}


async def test_pauses_and_resumptions_at_once_end_in_one_state(office):
    workflow_id = await office.made(NOTE, trigger=EVERY_MORNING)
    await office.call("deploy_workflow", workflow_id=workflow_id)
    changes = ("pause", "resume") * (MANY // 2)
    answers = await asyncio.gather(
        *(office.at_once("rollback_workflow", workflow_id=workflow_id, action=one) for one in changes)
    )

    assert all("error" not in answer for answer in answers)
    ((status, due),) = office.site.rows(
        "SELECT status, due_at IS NOT NULL FROM workflows LEFT JOIN schedules ON workflow_id = id"
    )
    assert (status, due) in [("active", 1), ("paused", 1)]


@pytest.mark.parametrize("trigger", [EVERY_MORNING, RFI_WEBHOOK], ids=["schedule", "webhook"])
async def test_deploying_costs_as_many_statements_for_a_thousand_actions_as_for_one(office, trigger):
    """As the trace in `_meta` counts them. 1,000 actions arrive in ten calls, 100 being the most of one."""
    costs = []
    for size in (1, 100, 1000):
        actions = [{**NOTE, "key": f"note_{place}"} for place in range(size)]
        workflow_id = await office.made(*actions[:100], trigger=trigger, project_id=office.site.project)
        for start in range(100, size, 100):
            more = actions[start : start + 100]
            await office.call("add_workflow_actions", workflow_id=workflow_id, actions=more)
        answer = await office.call("deploy_workflow", workflow_id=workflow_id)
        assert answer["status"] == "deployed", answer
        costs.append(office.trace["db_queries"])

    assert len(set(costs)) == 1, costs
    assert costs[0] <= STATEMENTS_MAX
