"""Looking after the server: what is kept, what was spent, what is left."""

import asyncio

import pytest
from mcp.client.client import Client

from construction_mcp.core.types import Principal, Role
from construction_mcp.procore.access import Procore
from construction_mcp.registry.catalog import View
from construction_mcp.server.app import build_server

pytestmark = pytest.mark.anyio

NOTE = {"key": "note", "type": "notify.log", "config": {"text": "Hello"}}


async def test_health_tells_caches_and_rate_windows(desk):
    await desk.call("list_procore_photos", project_id=desk.projects[0])
    await desk.call("list_procore_photos", project_id=desk.projects[0])

    health = await desk.call("get_system_health")

    hourly, spike = health["procore"]["windows"]
    assert health["status"] == "healthy"
    assert health["caches"]["procore"]["hit"] == 2
    assert health["caches"]["procore"]["miss"] == 2
    assert health["caches"]["procore"]["hit_rate"] == 0.5
    assert (hourly["window_s"], hourly["limit"]) == (3600, 600)
    assert hourly["left"] < 600
    assert spike["limit"] == 25


async def test_health_tells_of_every_cache_how_its_reads_were_answered(desk):
    """Two at once share a load; a read that must be fresh goes past what is kept."""
    desk.clock.advance(11)
    same = {"project_id": desk.projects[0]}
    await asyncio.gather(*(desk.client.call_tool("list_procore_photos", same) for _ in range(2)))
    procore = await desk.house.services.for_caller(Procore, Principal("local:0", Role.ADMIN))
    await procore.get("/rest/v1.0/me", fresh=True)

    caches = (await desk.call("get_system_health"))["caches"]

    assert set(caches) == {"procore", "tokens", "workflows"}
    assert caches["procore"]["coalesced"] >= 1
    assert caches["procore"]["bypass"] == 1
    assert caches["tokens"]["hit"] >= 1
    assert caches["tokens"]["entries"] == 1
    assert "hit_rate" not in caches["workflows"]  # nobody asked yet


async def test_health_alone_wakes_neither_procore_nor_the_simulator(tmp_path, house):
    server = build_server(house, View(("all",)), lambda _: Principal("local:0", Role.ADMIN))
    async with Client(server) as client:
        await client.call_tool("get_system_health", {})

    assert "Simulator" not in {kind.__name__ for kind in house.services.ready}


async def test_a_spent_window_is_a_reason(desk):
    desk.clock.advance(11)
    for number in range(26):
        await desk.client.call_tool(
            "list_procore_photos", {"project_id": desk.projects[0], "text": f"nothing {number}"}
        ) if number < 24 else None

    health = (await desk.client.call_tool("get_system_health", {})).structured_content

    assert health["status"] == "degraded"
    assert "10 s" in health["reasons"][0]["message"]


async def test_usage_counts_what_procore_saw(desk):
    await desk.call("list_procore_photos", project_id=desk.projects[0])
    await desk.call("list_procore_incidents", project_id=desk.projects[0])

    usage = await desk.call("get_usage")

    seen = [entry for entry in desk.simulator.ledger.since(0) if entry["path"].startswith("/rest/")]
    assert usage["total"] == len(seen)
    assert usage["session_requests_today"] == len(seen)
    assert [(one["connection"], one["company_id"]) for one in usage["items"]] == [("service:simulator", desk.company)]


async def test_a_cleared_cache_asks_procore_again(desk):
    await desk.call("list_procore_photos", project_id=desk.projects[0])
    cleared = await desk.call("clear_cache")

    await desk.call("list_procore_photos", project_id=desk.projects[0])

    assert cleared["entries_before"] == 2
    assert desk.trace["upstream_requests"] == 2


async def test_clearing_one_project_leaves_the_others(desk):
    first, second = desk.projects[:2]
    await desk.call("list_procore_photos", project_id=first)
    await desk.call("list_procore_photos", project_id=second)
    await desk.call("clear_cache", project_id=first)

    await desk.call("list_procore_photos", project_id=second)
    kept = desk.trace["upstream_requests"]
    await desk.call("list_procore_photos", project_id=first)

    assert (kept, desk.trace["upstream_requests"]) == (0, 1)


async def test_a_warmed_cache_saves_the_request_for_the_projects(desk):
    warmed = await desk.call("warm_cache")

    await desk.call("list_procore_photos", project_id=desk.projects[0])

    assert (warmed["projects"], warmed["requests"]) == (len(desk.projects), 1)
    assert desk.trace["upstream_requests"] == 1


@pytest.mark.parametrize("tool", ["get_usage", "clear_cache", "warm_cache"])
async def test_only_an_admin_looks_after_the_server(house, tool):
    server = build_server(house, View(("all",)), lambda _: Principal("user:1", Role.BUILDER))
    async with Client(server) as client:
        answer = await client.call_tool(tool, {})

    assert answer.structured_content["error"]["code"] == "AUTH_ROLE_REQUIRED"


async def test_the_audit_log_tells_what_was_done_about_a_workflow_and_that_it_is_whole(desk):
    """Deploying, holding and every outside effect of a run, each with who; the chain is computed again."""
    made = await desk.call("create_workflow", name="Note", trigger={"type": "manual"}, actions=[NOTE])
    workflow_id = made["workflow"]["id"]
    await desk.call("deploy_workflow", workflow_id=workflow_id)
    await desk.call("pause_all")
    await desk.call("resume_all")

    log = await desk.call("query_audit_log", verify=True)
    first = await desk.call("query_audit_log", limit=2)
    rest = await desk.call("query_audit_log", limit=2, cursor=first["next_cursor"])
    own = await desk.call("query_audit_log", about=f"workflow:{workflow_id}")
    held = await desk.call("query_audit_log", kind="pause_all", actor="local:0")
    naive = await desk.call("query_audit_log", since="2026-03-02T09:00:00")

    assert [one["action"] for one in log["items"]] == ["resume_all", "pause_all", "deploy_workflow"]
    assert log["chain"]["entries"] == 3
    assert log["chain"].get("first_break") is None
    assert [one["sequence"] for one in [*first["items"], *rest["items"]]] == [3, 2, 1]
    assert [(one["action"], one["principal"]) for one in own["items"]] == [("deploy_workflow", "local:0")]
    assert len(held["items"]) == 1
    assert naive["error"]["details"]["field"] == "since"


async def test_who_deleted_a_workflow_is_told_after_it_is_gone(desk):
    """Once, in the transaction that deletes; a deletion that came too late leaves nothing."""
    made = await desk.call("create_workflow", name="Note <b>", trigger={"type": "manual"}, actions=[NOTE])
    workflow_id, version = made["workflow"]["id"], made["workflow"]["draft_version"]
    late = await desk.call("delete_workflow", workflow_id=workflow_id, expected_version=version + 1)
    before = await desk.call("query_audit_log", about=f"workflow:{workflow_id}")
    await desk.call("delete_workflow", workflow_id=workflow_id, expected_version=version)
    again = await desk.call("delete_workflow", workflow_id=workflow_id)

    log = await desk.call("query_audit_log", about=f"workflow:{workflow_id}", verify=True)
    assert (late["error"]["code"], again["error"]["code"]) == ("WORKFLOW_VERSION_CONFLICT", "WORKFLOW_NOT_FOUND")
    assert before["items"] == []
    assert [(one["action"], one["principal"], one["outcome"], one["summary"]) for one in log["items"]] == [
        ("delete_workflow", "local:0", "done", "Delete Note <b>")
    ]
    assert log["chain"].get("first_break") is None


async def test_the_audit_log_is_for_admins(house):
    server = build_server(house, View(("all",)), lambda _: Principal("user:ben", Role.BUILDER))
    async with Client(server) as client:
        answer = (await client.call_tool("query_audit_log", {})).structured_content

    assert answer is not None
    assert answer["error"]["code"] == "AUTH_ROLE_REQUIRED"
