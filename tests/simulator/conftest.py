"""A simulated Procore in process, on a clock the test moves, and a client that is signed in."""

import contextlib
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from construction_mcp.core.clock import ManualClock
from construction_mcp.simulator.app import Simulator
from construction_mcp.simulator.wire import InProcessTransport
from construction_mcp.simulator.world import World
from tests.simulator import procore_pack

API = "http://api.procore.example"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def world(clock: ManualClock) -> World:
    return World(clock=clock, scale="small", redirect_uri="http://localhost:8000/callback")


@pytest.fixture
def sim(world: World) -> Simulator:
    """Without rate limits; what is about limits makes its own."""
    return Simulator(world, windows=())


def plain_client(sim: Simulator) -> httpx.AsyncClient:
    """httpx without a token; every answer that passes through it is held against the reference pack."""
    hooks = {"response": [_judge]} if procore_pack.IS_THERE else {}
    return httpx.AsyncClient(transport=InProcessTransport(sim), base_url=API, event_hooks=hooks)


async def _judge(answer: httpx.Response) -> None:
    operation = procore_pack.operation_for(answer.request.method, answer.request.url.path)
    if operation is None or not answer.is_success or "json" not in answer.headers.get("content-type", ""):
        return
    content = await answer.aread()
    with contextlib.suppress(json.JSONDecodeError):  # an answer that a fault cut short
        assert procore_pack.problems(operation, answer.status_code, json.loads(content)) == []


async def client_credentials(http: httpx.AsyncClient, world: World) -> str:
    app = world.app
    form = {"grant_type": "client_credentials", "client_id": app.client_id, "client_secret": app.client_secret}
    answer = await http.post("/oauth/token", data=form)
    return str(answer.json()["access_token"])


@pytest.fixture
async def http(sim: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in as the service account, in the first company."""
    async with plain_client(sim) as client:
        token = await client_credentials(client, sim.world)
        client.headers["Authorization"] = f"Bearer {token}"
        client.headers["Procore-Company-Id"] = str(first_company(sim.world))
        yield client


def first_company(world: World) -> int:
    return next(iter(world.table("company", 0))).id


def first_project(world: World) -> int:
    return next(iter(world.table("project", first_company(world)))).id
