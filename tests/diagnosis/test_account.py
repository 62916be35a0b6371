"""Provoked and mended: the account it works with is not there, not let in, or may not do what it should."""

import pytest

from tests.deployment.site import sandbox
from tests.diagnosis.clinic import Clinic, clinic_at, errors
from tests.procore.signing import copied_code, person_of_one_company

pytestmark = pytest.mark.anyio


@pytest.fixture
async def personal(tmp_path, clock):
    """Everybody links an account of their own, by a code that they copy."""
    chosen = {**sandbox(clock), "procore_grant": "authorization_code", "serve_url": None}
    async with clinic_at(tmp_path, clock, **chosen) as clinic:
        await signed_in(clinic, await clinic.good("connect_procore"))
        yield clinic


async def signed_in(clinic: Clinic, begun) -> None:
    """What a person does: open the link, sign in, and give the code that the last page shows."""
    assert begun["status"] == "waiting_for_code", begun
    code = await copied_code(clinic.simulator, clinic.links[-1], person_of_one_company(clinic.simulator))
    assert (await clinic.good("connect_procore", code=code))["status"] == "connected"


def visible(clinic: Clinic, user_id: int) -> int:
    """A project that the person sees."""
    companies = clinic.world.get("user", 0, user_id)["company_ids"]
    return next(one.id for company in companies for one in clinic.world.table("project", company))


async def mine(clinic: Clinic) -> str:
    project = visible(clinic, person_of_one_company(clinic.simulator))
    clinic.project = project
    return await clinic.deployed(clinic.read_rfi())


async def test_the_account_was_disconnected(personal):
    workflow_id = await mine(personal)
    await personal.good("disconnect_procore")
    first = await personal.first(workflow_id)

    await signed_in(personal, await personal.follow(first))

    assert first["code"] == "PROCORE_NOT_CONNECTED"
    assert (await personal.run(workflow_id))["status"] == "completed"
    assert await personal.found(workflow_id) == []


async def test_the_access_was_revoked_at_procore(personal):
    """Somebody removed the app from their account: neither token counts any more."""
    workflow_id = await mine(personal)
    for token in list(personal.world.table("token", 0)):
        personal.world.drop(token)
    first = await personal.first(workflow_id)

    await signed_in(personal, await personal.follow(first))

    assert first["code"] == "AUTH_RECONNECT"
    assert (await personal.run(workflow_id))["status"] == "completed"
    assert await personal.found(workflow_id) == []


async def test_the_access_expired_and_the_refresh_was_spent_elsewhere(personal, clock):
    """A copy of the data directory refreshed first: the kept refresh token has burnt by the time ours is needed."""
    workflow_id = await mine(personal)
    for token in personal.world.table("token", 0):
        personal.world.change(token, {"refresh": None})
    clock.advance(6000)  # past the 90 minutes of a token
    run = await personal.run(workflow_id)
    first = await personal.first(workflow_id)

    await signed_in(personal, await personal.follow(first))

    assert (run["status"], first["code"]) == ("failed", "AUTH_RECONNECT")
    assert (await personal.run(workflow_id))["status"] == "completed"
    assert errors(await personal.found(workflow_id)) == []


async def test_the_app_is_not_installed_in_the_company_any_more(clinic):
    """Nobody but a company admin can install it; the call shows when they have."""
    workflow_id = await clinic.deployed(clinic.read_rfi())
    clinic.world.change(clinic.company, {"app_installed": False})
    run = await clinic.run(workflow_id)
    first = await clinic.first(workflow_id)
    assert (await clinic.call("check_procore_connection"))["error"]["code"] == "PROCORE_APP_NOT_CONNECTED"
    clinic.world.change(clinic.company, {"app_installed": True})

    seen = await clinic.follow(first)
    retried = await clinic.follow(await clinic.first(workflow_id))

    assert (run["status"], first["code"]) == ("failed", "PROCORE_APP_NOT_CONNECTED")
    assert "construction-mcp connect" in first["fix"]
    assert seen["projects_total"] > 0
    assert (await clinic.settled(retried["execution_id"], "completed"))["id"]
    assert errors(await clinic.found(workflow_id)) == []


async def test_the_account_lacks_a_permission_until_an_admin_gives_it(clinic):
    workflow_id = await clinic.deployed(clinic.read_rfi(), project_id=clinic.project)
    clinic.fault("403", "GET", "*/rfis*", times=1000)
    run = await clinic.run(workflow_id)
    first = await clinic.first(workflow_id)
    seen = await clinic.follow(first)
    clinic.no_faults()  # the admin gives it
    second = await clinic.first(workflow_id)

    retried = await clinic.follow(second)

    assert (run["status"], first["code"], second["code"]) == ("failed", "PROCORE_FORBIDDEN", "PROCORE_FORBIDDEN")
    assert [one["can_read"] for one in seen["tools"] if one["name"] == "RFIs"] == [False]
    assert second["next"]["tool"] == "retry_execution"
    assert (await clinic.settled(retried["execution_id"], "completed"))["id"]
    assert errors(await clinic.found(workflow_id)) == []


async def test_the_project_has_the_tool_switched_off(clinic):
    """Told apart from a missing permission by what Procore says of the project's tools."""
    workflow_id = await clinic.deployed(clinic.read_rfi(), project_id=clinic.project)
    project = clinic.world.get("project", clinic.company.id, clinic.project)
    clinic.world.change(project, {"tools_off": ["RFIs"]})
    await clinic.run(workflow_id)
    first = await clinic.first(workflow_id)
    clinic.world.change(clinic.world.get("project", clinic.company.id, clinic.project), {"tools_off": []})

    retried = await clinic.follow(await clinic.first(workflow_id))

    assert first["code"] == "PROCORE_TOOL_OFF"
    assert "project admin" in first["fix"]
    assert (await clinic.settled(retried["execution_id"], "completed"))["id"]
    assert errors(await clinic.found(workflow_id)) == []


async def test_the_project_is_gone(clinic):
    """A wrong project: the person names the right one, and the draft is deployed with it."""
    read = {"key": "late", "type": "procore.rfi.list", "config": {"status": "open"}}
    workflow_id = await clinic.deployed(read, project_id=clinic.project)
    clinic.world.drop(clinic.world.get("project", clinic.company.id, clinic.project))
    run = await clinic.run(workflow_id)
    first = await clinic.first(workflow_id)

    await clinic.follow(first, clinic.projects[1])
    await clinic.follow(await clinic.first(workflow_id))

    assert (run["status"], first["code"]) == ("failed", "PROJECT_NOT_VISIBLE")
    assert (await clinic.run(workflow_id))["status"] == "completed"
    assert errors(await clinic.found(workflow_id)) == []
