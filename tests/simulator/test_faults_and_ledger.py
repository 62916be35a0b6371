"""Scripted faults of every kind, and a ledger that says what really happened (PRODUCT.md section 8)."""

import json
from typing import Any

import httpx
import pytest

from construction_mcp.simulator.app import Simulator
from construction_mcp.simulator.faults import FaultScript
from construction_mcp.simulator.ledger import Ledger
from construction_mcp.simulator.world import World
from tests.simulator.conftest import first_company, first_project

pytestmark = pytest.mark.anyio


def rfi_path(sim: Simulator) -> str:
    return f"/rest/v1.0/projects/{first_project(sim.world)}/rfis"


def new_rfi(sim: Simulator) -> dict[str, Any]:
    manager = next(iter(sim.world.table("project", first_company(sim.world))))["member_ids"][1]
    body = {"body": "Which?"}
    return {"rfi": {"subject": "Slab", "question": body, "rfi_manager_id": manager, "assignee_ids": [manager]}}


async def script(http: httpx.AsyncClient, *faults: dict[str, Any]) -> httpx.Response:
    return await http.post("/_sim/faults", json=list(faults))


@pytest.mark.parametrize("status", [429, 503, 401, 403])
async def test_a_status_fault_answers_in_procore_s_place(sim: Simulator, http: httpx.AsyncClient, status: int) -> None:
    await script(http, {"match": {"path": "*/rfis"}, "do": str(status)})
    before = sim.world.changes
    hit = await http.post(rfi_path(sim), json=new_rfi(sim))
    then = await http.get(rfi_path(sim))

    assert (hit.status_code, then.status_code) == (status, 200)
    assert sim.world.changes == before
    assert ("retry-after" in hit.headers) == (status in (429, 503))


async def test_after_lets_requests_through_and_times_ends_it(sim: Simulator, http: httpx.AsyncClient) -> None:
    await script(http, {"match": {"method": "GET"}, "do": "503", "after": 1, "times": 2})
    statuses = [(await http.get(rfi_path(sim))).status_code for _ in range(4)]

    assert statuses == [200, 503, 503, 200]


async def test_a_lost_response_did_its_work(sim: Simulator, http: httpx.AsyncClient) -> None:
    await script(http, {"match": {"method": "POST", "path": "*/rfis"}, "do": "lost_response"})
    before = len(sim.world.table("rfi", first_project(sim.world)))
    with pytest.raises(httpx.RemoteProtocolError):
        await http.post(rfi_path(sim), json=new_rfi(sim))

    assert len(sim.world.table("rfi", first_project(sim.world))) == before + 1
    assert sim.ledger.since(0)[-1]["status"] == 201
    assert sim.ledger.since(0)[-1]["write"] is True


async def test_a_timeout_did_nothing(sim: Simulator, http: httpx.AsyncClient) -> None:
    await script(http, {"match": {"method": "POST", "path": "*/rfis"}, "do": "timeout"})
    before = len(sim.world.table("rfi", first_project(sim.world)))
    with pytest.raises(httpx.ReadTimeout):
        await http.post(rfi_path(sim), json=new_rfi(sim))

    assert len(sim.world.table("rfi", first_project(sim.world))) == before
    assert (sim.ledger.since(0)[-1]["status"], sim.ledger.since(0)[-1]["write"]) == (0, False)


async def test_a_truncated_answer_is_cut_json_and_html_is_no_json(sim: Simulator, http: httpx.AsyncClient) -> None:
    await script(http, {"do": "truncate"}, {"do": "html"})
    cut = await http.get(rfi_path(sim))
    page = await http.get(rfi_path(sim))

    with pytest.raises(json.JSONDecodeError):
        cut.json()
    assert page.headers["content-type"].startswith("text/html")


async def test_an_empty_script_clears(sim: Simulator, http: httpx.AsyncClient) -> None:
    await script(http, {"do": "503", "times": 99})
    cleared = await script(http)
    answer = await http.get(rfi_path(sim))

    assert cleared.json() == {"faults": []}
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [{"do": "explode"}, {"do": "503", "times": 0}, {"do": "503", "until": 3}, {"match": {"query": "x"}, "do": "503"}],
)
async def test_a_wrong_fault_is_refused_and_nothing_is_added(
    sim: Simulator, http: httpx.AsyncClient, wrong: dict[str, Any]
) -> None:
    answer = await script(http, {"do": "429"}, wrong)

    assert answer.status_code == 400
    assert sim.faults.public() == []


def test_faults_strike_in_the_order_they_were_added() -> None:
    """A request that one fault struck was not let through, so the next does not count it."""
    faults = FaultScript([{"do": "503"}, {"do": "429", "after": 1}])

    assert [faults.next_for("GET", "/x") for _ in range(4)] == ["503", None, "429", None]


async def test_the_ledger_is_exact(sim: Simulator, http: httpx.AsyncClient) -> None:
    """Numbered from 1 without gaps, `/_sim` left out, `write` exactly where records changed, bodies as sent."""
    start = len(sim.ledger)
    body = new_rfi(sim)
    await http.get(rfi_path(sim), params={"per_page": 1})
    created = await http.post(rfi_path(sim), json=body)
    await http.get("/_sim/state")
    await http.post(rfi_path(sim), json={"rfi": {}})
    await http.get("/rest/v9/nowhere")
    entries = (await http.get("/_sim/ledger", params={"since": start})).json()["entries"]

    assert [entry["n"] for entry in entries] == [start + 1, start + 2, start + 3, start + 4]
    assert [(entry["method"], entry["status"], entry["write"]) for entry in entries] == [
        ("GET", 200, False),
        ("POST", 201, True),
        ("POST", 400, False),
        ("GET", 501, False),
    ]
    assert entries[1]["body"] == body
    assert entries[1]["path"] == rfi_path(sim)
    assert created.json()["id"]


def test_the_ledger_forgets_the_oldest_and_keeps_their_numbers(world: World) -> None:
    ledger = Ledger(world, entries_max=3)
    for number in range(1, 6):
        ledger.close(ledger.open("GET", f"/{number}", ""), status=200, write=False, body=None)

    assert [entry["n"] for entry in ledger.since(0)] == [3, 4, 5]
    assert [entry["path"] for entry in ledger.since(4)] == ["/5"]
    assert ledger.since(5) == []


async def test_the_ledger_holds_no_secret_and_no_token_counts_as_a_write(
    sim: Simulator, http: httpx.AsyncClient
) -> None:
    entries = sim.ledger.since(0)

    assert sim.world.app.client_secret not in json.dumps(entries)
    assert [(entry["path"], entry["write"]) for entry in entries] == [("/oauth/token", False)]


async def test_an_unknown_route_is_named_with_501(http: httpx.AsyncClient) -> None:
    answer = await http.put("/rest/v1.0/projects/7/warp_drives")

    assert answer.status_code == 501
    assert "PUT /rest/v1.0/projects/7/warp_drives" in answer.json()["message"]
