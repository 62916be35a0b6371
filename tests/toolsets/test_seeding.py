"""Sample records: written where no real job is, once, and told apart from the job's own."""

from pathlib import Path

import pytest
from mcp.client.client import Client

from construction_mcp.bootstrap import House
from construction_mcp.core.config import Settings
from construction_mcp.core.types import Principal, Role
from construction_mcp.registry.catalog import View
from construction_mcp.server.app import build_server

pytestmark = pytest.mark.anyio

SAMPLES = 6


async def test_the_sample_is_shown_first_and_then_found_by_the_tools_that_look_for_trouble(desk):
    project = desk.projects[0]
    shown = await desk.call("seed_sample_data", project_id=project)
    before = desk.writes()

    made = await desk.call("seed_sample_data", project_id=project, confirmation=shown["confirmation"])
    late = await desk.call("list_procore_rfis", project_id=project, overdue=True, text="Sample")

    assert before == []
    assert len(shown["preview"]["changes"]["create"]) == SAMPLES
    assert (len(made["item"]["created"]), made["item"]["refused"]) == (SAMPLES, {})
    assert len(desk.writes()) == SAMPLES
    assert [one["subject"] for one in late["items"]] == ["Sample: Slab edge at grid C4"]


async def test_what_is_there_is_left(desk):
    await desk.confirmed("seed_sample_data", project_id=desk.projects[0])

    again = await desk.call("seed_sample_data", project_id=desk.projects[0])

    assert again["status"] == "done"
    assert (again["item"]["created"], len(again["item"]["present"])) == ([], SAMPLES)
    assert len(desk.writes()) == SAMPLES


async def test_one_that_is_refused_keeps_no_other_away_and_is_made_the_next_time(desk):
    desk.fault("403", "POST", "/rest/v1.0/observations/items")
    desk.fault("lost_response", "POST", "/rest/v1.1/punch_items")

    first = (await desk.confirmed("seed_sample_data", project_id=desk.projects[0]))["item"]
    second = (await desk.confirmed("seed_sample_data", project_id=desk.projects[0]))["item"]

    assert {name: error["code"] for name, error in first["refused"].items()} == {
        "Sample: Guardrail missing at stair 2": "PROCORE_FORBIDDEN",
        "Sample: Paint scratched at door 204": "PROCORE_OUTCOME_UNKNOWN",
    }
    assert len(first["created"]) == SAMPLES - 2
    assert [one["name"] for one in second["created"]] == ["Sample: Guardrail missing at stair 2"]


@pytest.mark.parametrize(
    "real",
    [
        {"environment": "production"},
        {"environment": "monthly"},
        {"environment": "sandbox", "procore_api_url": "https://api.procore.com"},
        {"environment": "simulator", "procore_api_url": "https://api.procore.com"},
    ],
    ids=["production", "monthly", "sandbox-elsewhere", "simulator-elsewhere"],
)
async def test_where_a_real_job_may_be_nothing_is_written(tmp_path: Path, clock, real):
    settings = Settings(
        tmp_path / "data",
        procore_grant="client_credentials",
        procore_client_id="app",
        procore_client_secret="secret",
        company_id=7,
        **real,
    )
    async with House(settings, clock=clock) as house:
        server = build_server(house, View(("all",)), lambda _: Principal("local:0", Role.ADMIN))
        async with Client(server) as client:
            answer = (await client.call_tool("seed_sample_data", {"project_id": 1})).structured_content

    assert answer["error"]["code"] == "VALIDATION_INVALID"
    assert "sandbox" in answer["error"]["message"]
