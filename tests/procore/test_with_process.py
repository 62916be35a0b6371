"""The client, its guard and its sockets against `construction-mcp simulate` as a process of its own, in real time."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from construction_mcp.core.clock import SystemClock
from construction_mcp.core.config import Limits, Settings
from construction_mcp.core.errors import NotFound, RateLimited, Uncertain
from construction_mcp.net.egress import Guard, Only
from construction_mcp.net.transport import GuardedTransport
from construction_mcp.procore.authorize import Request as SignIn
from construction_mcp.procore.client import Request
from construction_mcp.procore.connection import App, Connection
from construction_mcp.procore.environments import endpoints_of, environment_of
from tests.procore.desk import build_desk

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
SPIKE_S = 1.0  # the documented windows, the short one shortened so that the test ends
LIMITS = Limits(spike_window_s=SPIKE_S, read_timeout_s=0.6, procore_backoff_s=0.05)


@pytest.fixture(scope="module")
def simulator():
    """Its address and credentials, as it prints them."""
    command = [sys.executable, "-m", "construction_mcp", "simulate", "--port", "0", "--json", "--scale", "small"]
    process = subprocess.Popen(
        [*command, "--rate-limit", f"600/3600,25/{SPIKE_S}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        yield SimpleNamespace(**json.loads(process.stdout.readline()))
    finally:
        process.terminate()
        process.wait(15)
        process.stdout.close()


@pytest.fixture
async def desk(simulator):
    """A client reaching the process the way an operator's settings say; the simulator begins anew."""
    with_override = Settings(Path("unused"), procore_api_url=simulator.api, procore_login_url=simulator.login)
    environment = environment_of(with_override)
    clock = SystemClock()
    desk = build_desk(clock, GuardedTransport(Guard(Only(endpoints_of(environment))), LIMITS), limits=LIMITS)
    app = App(simulator.client_id, simulator.client_secret)
    desk.account = Connection("conn_sim", environment, app, "client_credentials", company_id=simulator.company_id)
    desk.rfis = f"/rest/v1.0/projects/{simulator.project_id}/rfis"
    await control(simulator, "POST", "reset", {})
    yield desk
    await desk.aclose()


async def control(simulator, method, what, body=None):
    """The simulator's own door, through another client than ours."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.request(method, f"{simulator.api}/_sim/{what}", json=body)
        return answer.raise_for_status().json()


async def rest_calls(simulator):
    entries = (await control(simulator, "GET", "ledger?since=0"))["entries"]
    return [entry for entry in entries if entry["path"].startswith("/rest/")]


async def test_in_real_time_nobody_meets_a_429(simulator, desk):
    """The bounded share of the long test: three windows' worth of callers at once."""

    async def reader(number):
        while True:
            try:
                await desk.client.get(desk.account, f"{desk.rfis}/{number}")
            except RateLimited as told:
                await asyncio.sleep(told.retry_after_s)
                continue
            except NotFound:
                pass
            return "answered"

    results = Counter(await asyncio.gather(*(reader(number) for number in range(75))))
    statuses = Counter(entry["status"] for entry in await rest_calls(simulator))

    assert results == {"answered": 75}
    assert statuses[429] == 0


async def create_rfi(desk):
    people = await desk.client.get(desk.account, f"{desk.rfis}/potential_assignees")
    managers = await desk.client.get(desk.account, f"{desk.rfis}/potential_rfi_managers")
    rfi = {
        "subject": "Slab edge at grid 4",
        "question": {"body": "Which detail governs?"},
        "rfi_manager_id": managers.items[0]["id"],
        "assignee_ids": [people.items[0]["id"]],
    }
    return Request(desk.account, "POST", desk.rfis, body={"rfi": rfi})


@pytest.mark.parametrize(("fault", "written"), [("lost_response", 1), ("timeout", 0), ("truncate", 1), ("html", 0)])
async def test_a_write_without_a_usable_answer_is_sent_once(simulator, desk, fault, written):
    create = await create_rfi(desk)
    await control(simulator, "POST", "faults", [{"match": {"method": "POST", "path": "*/rfis"}, "do": fault}])

    with pytest.raises(Uncertain):
        await desk.client.write(create)

    posts = [entry for entry in await rest_calls(simulator) if entry["method"] == "POST"]
    assert [entry["write"] for entry in posts] == [bool(written)]


@pytest.mark.parametrize("fault", ["429", "503", "401", "timeout", "lost_response", "truncate", "html"])
async def test_a_read_survives_each_fault_once(simulator, desk, fault):
    await control(simulator, "POST", "faults", [{"match": {"path": "*/rfis"}, "do": fault}])

    answer = await desk.client.get(desk.account, desk.rfis)

    assert answer.items
    assert len(await rest_calls(simulator)) == 2


async def test_fifty_calls_with_a_token_that_died_make_one_refresh(simulator, desk):
    """The simulator's clock runs ahead of ours: the token dies early, which only a 401 can tell."""
    user = replace(desk.account, id="conn_user", grant="authorization_code")
    request = SignIn("local:1000", user.environment, user.app, simulator.redirect_uri)
    opened = desk.authorizations.open(desk.authorizations.begin(request))
    async with httpx.AsyncClient(trust_env=False) as browser:
        sent = await browser.post(f"{simulator.login}/oauth/authorize", data=dict(httpx.URL(opened.url).params))
    back = httpx.URL(sent.headers["location"]).params
    connected = await desk.authorizations.finish(back["state"], opened.cookie, back["code"])
    await desk.tokens.adopt(user, connected.pair)
    await control(simulator, "POST", "advance", {"seconds": 5500})

    async def me(number):
        with contextlib.suppress(RateLimited, NotFound):
            await desk.client.get(user, f"{desk.rfis}/{number}")

    await asyncio.gather(*(me(number) for number in range(50)))

    assert desk.store.saves == 2  # the first pair and one refreshed
    assert (await desk.client.get(user, "/rest/v1.0/me")).item["id"]


async def test_nothing_secret_is_logged_on_the_wire_at_debug(simulator, desk, caplog):
    caplog.set_level("DEBUG")

    await desk.client.get(desk.account, desk.rfis)

    logged = caplog.text + repr([record.__dict__ for record in caplog.records])
    assert "httpcore" in logged
    assert simulator.client_secret not in logged
    assert await desk.tokens.access_token(desk.account) not in logged
