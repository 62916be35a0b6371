"""What the compiler is told, what it costs to find out, and what is said where nobody knows."""

import pytest

from construction_mcp.core.types import Role
from construction_mcp.deployment.facts import FactFinder
from construction_mcp.store.users import Users
from construction_mcp.workflow.definition import Definition
from tests.deployment.site import EVERY_MORNING, NOTE, site_at

pytestmark = pytest.mark.anyio

READ = {"key": "open", "type": "procore.rfi.list"}
REPLY = {"key": "reply", "type": "procore.rfi.reply", "config": {"rfi_id": 42, "body": "See detail 4."}}
NO_MAIL: frozenset[str] = frozenset()

ASK = {"key": "ask", "type": "approval.request", "config": {"approvers": "owner@client.example", "message": "Send it?"}}


async def gathered(site, *actions, trigger=EVERY_MORNING):
    made = await site.draft(trigger, *actions)
    definition = Definition.model_validate(
        {"name": made.name, "project_id": site.project, "trigger": trigger, "actions": list(actions) or [NOTE]}
    )
    return await (await site.house.services.get(FactFinder)).gather(made, definition)


async def test_the_host_says_what_it_is(tmp_path, clock):
    async with site_at(tmp_path, clock, performs=frozenset(), channels=NO_MAIL) as served:
        facts = (await served.house.services.get(FactFinder)).known()
        assert (facts.host.always_on, facts.host.public, facts.host.performs) == (True, True, frozenset())
        assert facts.host.channels == frozenset()
    async with site_at(tmp_path, clock, public=False) as alone:
        facts = (await alone.house.services.get(FactFinder)).known()
        assert (facts.host.always_on, facts.host.public, facts.host.performs) == (False, False, None)


async def test_a_public_address_is_one_procore_reaches(tmp_path, clock):
    async with site_at(tmp_path, clock, public=False, public_url="https://mcp.builder.example") as site:
        assert (await site.house.services.get(FactFinder)).known().host.public


async def test_projects_are_those_of_the_connections_company_and_cost_one_request(site):
    found = await gathered(site)

    company = {one.id: one["name"] for one in site.world.table("project", site.company)}
    assert found.facts.company_id == site.company
    assert found.facts.projects == company
    assert set(found.facts.active_projects) <= set(company)
    assert found.problems == ()
    assert len(site.requests()) == 1


async def test_a_second_deployment_within_minutes_asks_nothing(site):
    made = await site.draft(EVERY_MORNING, READ)
    await site.deploy(made, dry_run=True)
    asked = len(site.requests())
    await site.deploy(made, dry_run=True)

    assert asked == 2  # the projects, and whether RFIs may be read
    assert len(site.requests()) == asked


async def test_a_tool_that_may_not_be_read_is_an_error_before_anything_runs(site):
    site.fault("403", "GET", "*/rfis")
    answer = await site.deploy(await site.draft(EVERY_MORNING, READ))

    assert (answer.status, [one.code for one in answer.problems]) == ("invalid", ["PERMISSION_MISSING"])


async def test_whether_something_may_be_written_nobody_knows(site):
    """Readable is not enough to say that it may be replied to, and no reason to refuse it."""
    answer = await site.deploy(await site.draft(EVERY_MORNING, READ, REPLY))

    assert (answer.status, answer.problems) == ("deployed", [])


async def test_without_an_account_it_is_said_what_was_not_checked(tmp_path, clock):
    async with site_at(tmp_path, clock, procore_grant="authorization_code") as site:
        answer = await site.deploy(await site.draft(EVERY_MORNING, READ))

        (problem,) = answer.problems
        assert (problem.code, problem.severity) == ("FACTS_UNKNOWN", "warning")
        assert "connect_procore" in problem.fix
        assert answer.status == "deployed"


async def test_approvers_are_people_of_the_workspace_and_of_the_project(site):
    users = await site.house.services.get(Users)
    await users.add("Ana Ruiz", Role.APPROVER)
    await users.add("Vera Viewer", Role.VIEWER)
    gone, _ = await users.add("Gone Before", Role.ADMIN)
    await users.revoke(gone.id)
    approvers = (await gathered(site, ASK)).facts.approvers

    on_the_project = [name for name, ways in approvers.items() if ways == ("email",) and "@" not in name]
    assert approvers["Ana Ruiz"] == ("client",)
    assert {"Vera Viewer", "Gone Before"} & approvers.keys() == set()
    assert approvers["owner@client.example"] == ("email",)
    assert on_the_project


async def test_where_no_mail_is_set_up_an_address_reaches_nobody(tmp_path, clock):
    async with site_at(tmp_path, clock, channels=NO_MAIL) as site:
        answer = await site.deploy(await site.draft(EVERY_MORNING, ASK, NOTE))

        assert [one.code for one in answer.problems] == ["APPROVER_CANNOT_REACH"]


async def test_people_are_asked_about_only_where_an_approval_needs_them(site):
    found = await gathered(site)

    assert found.facts.approvers is None
    assert [path for _, path in site.requests() if path.endswith("/users")] == []


async def test_other_workflows_can_be_called_and_count(site):
    other = await site.draft(EVERY_MORNING, READ, name="other")
    await site.deploy(other)
    found = await gathered(site)

    assert found.facts.workflows == {other.id: "other"}
    assert found.facts.others_per_hour == 21
    assert found.facts.hourly_quota is not None
