"""Every switch turns something (FACTS 13); those with a place of their own are tested there."""

from dataclasses import fields

import httpx
import pytest

from construction_mcp.simulator.app import Simulator
from construction_mcp.simulator.switches import Switches
from construction_mcp.simulator.wire import InProcessTransport
from tests.simulator.conftest import API, first_company, first_project
from tests.simulator.test_deliveries import Hooked, hooked  # noqa: F401 (a fixture)
from tests.simulator.test_faults_and_ledger import new_rfi, rfi_path

pytestmark = pytest.mark.anyio

TESTED_ELSEWHERE = {
    "throttle_answer", "rate_headers", "run_validations_in", "link_prev_on_page_2", "link_query",
    "missing_company_header", "workflow_options_key", "rfi_status_filter", "duplicate_every", "token_error_status",
}  # fmt: skip
TESTED_HERE = {
    "rate_limit_scope", "deliveries_filter", "hook_api_version", "trigger_event_case", "delivery_words",
    "dates_need_time", "revoke_needs_secret", "daily_log_upload_ids", "official_reply_moves_ball",
    "company_hooks_hear", "disable_hook_after_discard",
}  # fmt: skip


def test_every_switch_is_tested_somewhere() -> None:
    assert {field.name for field in fields(Switches)} == TESTED_ELSEWHERE | TESTED_HERE


def unjudged(sim: Simulator, signed_in: httpx.AsyncClient) -> httpx.AsyncClient:
    """For positions that contradict the record on purpose."""
    return httpx.AsyncClient(transport=InProcessTransport(sim), base_url=API, headers=signed_in.headers)


def v1_hook(sim: Simulator, version: str = "v2") -> dict[str, object]:
    hook = {"api_version": version, "namespace": "house", "destination_url": "https://sink.example/1"}
    return {"project_id": first_project(sim.world), "hook": hook}


async def test_windows_may_be_counted_per_company(sim: Simulator, http: httpx.AsyncClient) -> None:
    sim.limits = type(sim.limits)(sim.world, ((1, 10.0),))
    sim.world.switches = Switches(rate_limit_scope="app_company")
    first = await http.get("/rest/v1.0/companies")
    http.headers["Procore-Company-Id"] = str(first_company(sim.world) + 1)
    second = await http.get("/rest/v1.0/companies")
    third = await http.get("/rest/v1.0/companies")

    assert [each.status_code for each in (first, second, third)] == [200, 200, 429]


@pytest.mark.parametrize(("position", "statuses"), [("v2", [201, 422]), ("v2.0", [422, 201]), ("both", [201, 201])])
async def test_what_a_v1_hook_may_say_about_its_version(
    sim: Simulator, http: httpx.AsyncClient, position: str, statuses: list[int]
) -> None:
    sim.world.switches = Switches().with_changes({"hook_api_version": position})
    answers = [await http.post("/rest/v1.0/webhooks/hooks", json=v1_hook(sim, each)) for each in ("v2", "v2.0")]

    assert [each.status_code for each in answers] == statuses


async def test_event_types_of_v1_triggers_may_be_lower_case(sim: Simulator, http: httpx.AsyncClient) -> None:
    sim.world.switches = Switches(trigger_event_case="lower")
    hook = (await http.post("/rest/v1.0/webhooks/hooks", json=v1_hook(sim))).json()
    trigger = {"resource_name": "RFIs", "event_type": "create"}
    path = f"/rest/v1.0/webhooks/hooks/{hook['id']}/triggers"
    async with unjudged(sim, http) as other:
        made = await other.post(path, json={"project_id": first_project(sim.world), "trigger": trigger})

    assert made.json()["event_type"] == "create"


async def test_a_bare_date_may_be_stored_as_null(sim: Simulator, http: httpx.AsyncClient) -> None:
    sim.world.switches = Switches(dates_need_time=True)
    body = new_rfi(sim)
    bare = (await http.post(rfi_path(sim), json={"rfi": {**body["rfi"], "due_date": "2026-04-01"}})).json()
    full = (await http.post(rfi_path(sim), json={"rfi": {**body["rfi"], "due_date": "2026-04-01T00:00:00Z"}})).json()

    assert (bare["due_date"], full["due_date"]) == (None, "2026-04-01")


@pytest.mark.parametrize(("needed", "status"), [(True, 403), (False, 200)])
async def test_revoking_without_the_secret(sim: Simulator, http: httpx.AsyncClient, needed: bool, status: int) -> None:
    sim.world.switches = Switches(revoke_needs_secret=needed)
    answer = await http.post("/oauth/revoke", data={"token": "x", "client_id": sim.world.app.client_id})

    assert answer.status_code == status


@pytest.mark.parametrize(("position", "status"), [("accept", 422), ("weather_only", 201)])
async def test_upload_ids_on_daily_logs_are_read_or_ignored(
    sim: Simulator, http: httpx.AsyncClient, position: str, status: int
) -> None:
    """Read, an unknown upload is refused; ignored, it does not matter."""
    sim.world.switches = Switches().with_changes({"daily_log_upload_ids": position})
    path = f"/rest/v1.0/projects/{first_project(sim.world)}/notes_logs"
    answer = await http.post(path, json={"notes_log": {"comment": "x", "upload_ids": ["01UNKNOWN"]}})

    assert answer.status_code == status


async def test_an_official_reply_may_leave_the_ball_where_it_is(sim: Simulator, http: httpx.AsyncClient) -> None:
    sim.world.switches = Switches(official_reply_moves_ball=False)
    rfi = (await http.post(rfi_path(sim), json=new_rfi(sim))).json()
    own = f"{rfi_path(sim)}/{rfi['id']}"
    await http.post(f"{own}/replies", json={"reply": {"body": "Lower.", "official": True}})

    assert (await http.get(own)).json()["ball_in_court_role"] == "assignees"


async def test_company_hooks_may_hear_everything(sim: Simulator, http: httpx.AsyncClient) -> None:
    sim.world.switches = Switches(company_hooks_hear="everything")
    base = f"/rest/v2.0/companies/{first_company(sim.world)}/webhooks/hooks"
    body = {"payload_version": "v2.0", "namespace": "house", "destination_url": "https://sink.example/2"}
    hook = (await http.post(base, json=body)).json()["data"]["id"]
    answer = await http.post(f"{base}/{hook}/triggers", json={"resource_name": "RFIs", "event_type": "create"})
    await http.post(rfi_path(sim), json=new_rfi(sim))

    assert answer.status_code == 201
    assert len(sim.world.table("hook_event", 0)) == 1


async def test_the_deliveries_filter_has_two_names(hooked: Hooked) -> None:  # noqa: F811 (the fixture)
    await hooked.emit()
    await hooked.settled(lambda rows: rows[0]["status"] == "delivered")
    path = f"{hooked.base}/{hooked.id}/deliveries"

    async def found(name: str) -> int:
        return len((await hooked.http.get(path, params={f"{name}[status]": "failed"})).json()["data"])

    both = (await found("filter"), await found("filters"))
    hooked.sim.world.switches = Switches(deliveries_filter="filter")
    docs_only = (await found("filter"), await found("filters"))

    assert (both, docs_only) == ((0, 0), (0, 1))


async def test_a_delivered_event_may_be_called_succeeded(hooked: Hooked) -> None:  # noqa: F811 (the fixture)
    await hooked.emit()
    await hooked.settled(lambda rows: rows[0]["status"] == "delivered")
    hooked.sim.world.switches = Switches(delivery_words="docs")
    async with unjudged(hooked.sim, hooked.http) as other:
        answer = await other.get(f"{hooked.base}/{hooked.id}/deliveries")

    assert answer.json()["data"][0]["status"] == "succeeded"


async def test_a_hook_may_be_disabled_after_its_queue_was_discarded(hooked: Hooked) -> None:  # noqa: F811 (the fixture)
    hooked.sim.world.switches = Switches(disable_hook_after_discard=True, duplicate_every=0)
    hooked.sink.answer = lambda _number: 503
    await hooked.emit()
    await hooked.settled(lambda rows: rows[0]["status"] == "discarded")
    shown = await hooked.http.get(f"{hooked.base}/{hooked.id}")
    again = await hooked.http.patch(f"{hooked.base}/{hooked.id}", json={})

    assert shown.json()["data"]["status"] == "disabled"
    assert again.json()["data"]["status"] == "active"
