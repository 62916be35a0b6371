"""`/_sim`: the clock, the state, the switches and starting over (PRODUCT.md section 8)."""

from pathlib import Path

import httpx
import pytest

from construction_mcp.core.clock import ManualClock
from construction_mcp.simulator.app import Simulator
from construction_mcp.simulator.world import World
from tests.simulator.conftest import API, first_project, plain_client
from tests.simulator.test_faults_and_ledger import new_rfi, rfi_path

pytestmark = pytest.mark.anyio


async def test_advance_moves_this_clock_only(sim: Simulator, http: httpx.AsyncClient, clock: ManualClock) -> None:
    before = clock.now()
    answer = await http.post("/_sim/advance", json={"seconds": 90})

    assert (sim.world.clock.now() - before).total_seconds() == 90
    assert clock.now() == before
    assert answer.json()["offset_s"] == 90
    assert (await http.post("/_sim/advance", json={"seconds": -1})).status_code == 400


async def test_state_lists_every_switch_and_one_can_be_turned(sim: Simulator, http: httpx.AsyncClient) -> None:
    turned = await http.post("/_sim/switches", json={"missing_company_header": 403})
    unknown = await http.post("/_sim/switches", json={"gravity": "off"})
    wrong = await http.post("/_sim/switches", json={"missing_company_header": 418})
    state = (await http.get("/_sim/state")).json()
    del http.headers["Procore-Company-Id"]

    assert turned.status_code == 200
    assert (unknown.status_code, wrong.status_code) == (400, 400)
    assert state["switches"]["missing_company_header"] == 403
    assert (await http.get(rfi_path(sim))).status_code == 403


async def test_reset_keeps_the_key_pair_and_clears_the_rest(sim: Simulator, http: httpx.AsyncClient) -> None:
    pair, count = sim.world.app, len(sim.world.table("rfi", first_project(sim.world)))
    await http.post(rfi_path(sim), json=new_rfi(sim))
    await http.post("/_sim/advance", json={"seconds": 5})
    await http.post("/_sim/reset", json={"seed": 7})

    assert sim.world.app == pair
    assert (sim.world.seed, sim.world.clock.offset_s) == (7, 0)
    assert len(sim.world.table("rfi", first_project(sim.world))) == count
    assert len(sim.ledger) == 0
    assert (await http.get(rfi_path(sim))).status_code == 401


async def test_control_answers_this_machine_only(sim: Simulator) -> None:
    from construction_mcp.simulator.wire import InProcessTransport

    remote = InProcessTransport(sim, client=("203.0.113.9", 4000))
    async with httpx.AsyncClient(transport=remote, base_url=API) as far, plain_client(sim) as near:
        from_far = await far.get("/_sim/state")
        from_page = await near.post("/_sim/reset", headers={"Origin": "https://page.example"})
        from_here = await near.get("/_sim/state")

    assert (from_far.status_code, from_page.status_code, from_here.status_code) == (403, 403, 200)


def snapshot(world: World) -> list[object]:
    """Every sampled record of a few kinds, project by project."""
    rows: list[object] = []
    for company in world.table("company", 0):
        for project in world.table("project", company.id):
            for kind in ("rfi", "rfi_reply", "submittal", "manpower_log", "punch_item", "budget_row"):
                rows += [(record.id, record.parent, dict(record.body)) for record in world.table(kind, project.id)]
    return rows


def test_the_same_seed_makes_the_same_world_whatever_is_read_first() -> None:
    one, two = World(clock=ManualClock(), scale="small"), World(clock=ManualClock(), scale="small")
    for kind in ("budget_row", "rfi_reply", "punch_item"):
        two.table(kind, first_project(two))

    assert snapshot(one) == snapshot(two)


async def test_a_new_record_gets_no_invented_children(sim: Simulator, http: httpx.AsyncClient) -> None:
    """Also when the table of its children is made after it."""
    made = (await http.post(rfi_path(sim), json=new_rfi(sim))).json()
    replies = await http.get(f"{rfi_path(sim)}/{made['id']}/replies")

    assert replies.json() == []


def test_another_seed_makes_another_world() -> None:
    one, two = World(clock=ManualClock(), scale="small", seed=1), World(clock=ManualClock(), scale="small", seed=2)

    assert snapshot(one) != snapshot(two)


async def test_a_state_file_brings_back_changes_tokens_clock_and_ledger(tmp_path: Path) -> None:
    file = tmp_path / "procore.db"
    clock = ManualClock()
    first = Simulator(World(clock=clock, scale="small", state_file=file), windows=())
    async with plain_client(first) as http:
        pair = first.world.app
        form = {"grant_type": "client_credentials", "client_id": pair.client_id, "client_secret": pair.client_secret}
        token = (await http.post("/oauth/token", json=form)).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Procore-Company-Id": "1000000001"}
        made = (await http.post(rfi_path(first), json=new_rfi(first), headers=headers)).json()
        await http.post("/_sim/advance", json={"seconds": 60})
    first.world.close()

    again = Simulator(World(clock=clock, scale="small", state_file=file), windows=())
    async with plain_client(again) as http:
        answer = await http.get(f"{rfi_path(again)}/{made['id']}", headers=headers)

    assert answer.json()["subject"] == "Slab"
    assert again.world.clock.offset_s == 60
    assert [entry["path"] for entry in again.ledger.since(0)][:2] == ["/oauth/token", rfi_path(again)]
    again.world.close()
