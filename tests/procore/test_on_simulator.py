"""The client against the simulated Procore: the same promises, with a believable other side."""

import asyncio
import contextlib
from collections import Counter
from types import SimpleNamespace

import httpx
import pytest

from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Conflict, NotFound, RateLimited, Uncertain
from construction_mcp.procore.authorize import Request as SignIn
from construction_mcp.procore.budget import current_account
from construction_mcp.procore.client import Request
from construction_mcp.procore.connection import App, Connection
from construction_mcp.procore.environments import Environment
from construction_mcp.procore.limiter import Priority
from construction_mcp.simulator.app import Simulator
from construction_mcp.simulator.limits import DOCS_WINDOWS
from construction_mcp.simulator.wire import InProcessTransport
from construction_mcp.simulator.world import World
from tests.procore.desk import build_desk
from tests.procore.drive import run_on

pytestmark = pytest.mark.anyio

CALLBACK = "http://localhost:8000/callback"
API = "http://simulator.invalid"


def service_at(simulator, api=API):
    """The service account of the simulator's app, in its first company."""
    app = App(simulator.world.app.client_id, simulator.world.app.client_secret)
    company = next(iter(simulator.world.table("company", 0))).id
    environment = Environment("simulator", api, api, api, overridden=True)
    return Connection("conn_sim", environment, app, "client_credentials", company_id=company)


def project_of(simulator, account):
    return next(iter(simulator.world.table("project", account.company_id))).id


def statuses(simulator):
    return Counter(entry["status"] for entry in ledger(simulator))


def ledger(simulator):
    return [entry for entry in simulator.ledger.since(0) if entry["path"].startswith("/rest/")]


@pytest.fixture
def simulated(clock):
    """A simulator without rate windows on the test's clock, and a desk that reaches it in process."""
    world = World(clock=clock, scale="small", redirect_uri=CALLBACK)
    simulator = Simulator(world, windows=())
    desk = build_desk(clock, InProcessTransport(simulator))
    account = service_at(simulator)
    project = project_of(simulator, account)
    return SimpleNamespace(
        simulator=simulator, world=world, desk=desk, account=account, rfis=f"/rest/v1.0/projects/{project}/rfis"
    )


def throttled(clock, **switches):
    """A simulator with its documented windows, whose contradictions are switched as given."""
    world = World(clock=clock, scale="small", redirect_uri=CALLBACK)
    world.switches = world.switches.with_changes(switches)
    simulator = Simulator(world, windows=DOCS_WINDOWS)
    return simulator, build_desk(clock, InProcessTransport(simulator))


async def patient_reader(desk, account, clock, paths):
    """Reads each path; comes back when told to. The number of answers, and of refusals met on the way."""
    answered = refused = 0
    for path in paths:
        while True:
            try:
                await desk.client.get(account, path)
            except RateLimited as told:
                refused += 1
                await clock.sleep(told.retry_after_s)
                continue
            except NotFound:
                pass  # an answer too: it cost a request
            answered += 1
            break
    return answered, refused


@contextlib.contextmanager
def paying_from(desk, priority, requests=100_000):
    account = desk.usage.new_account(priority=priority)
    account.left = requests
    token = current_account.set(account)
    try:
        yield
    finally:
        current_account.reset(token)


async def test_a_hundred_callers_with_two_thousand_reads_meet_no_429():
    """600 an hour and 25 in ten seconds, both sides on one moved clock."""
    clock = ManualClock()
    simulator, desk = throttled(clock)
    account = service_at(simulator)
    root = f"/rest/v1.0/projects/{project_of(simulator, account)}/rfis"

    with paying_from(desk, Priority.BACKGROUND):
        results = await run_on(
            clock,
            *(patient_reader(desk, account, clock, [f"{root}/{n * 20 + i}" for i in range(20)]) for n in range(100)),
        )

    assert sum(answered for answered, _ in results) == 2000
    assert statuses(simulator)[429] == 0
    assert len(ledger(simulator)) == 2000


@pytest.mark.parametrize(
    "switches",
    [
        {"rate_headers": "absent"},
        {"rate_headers": "wrong"},
        {"rate_limit_scope": "app_company"},
        {"throttle_answer": "reset"},
        {"throttle_answer": "retry_after"},
    ],
    ids=str,
)
async def test_with_headers_that_lie_or_vanish_every_read_is_answered_or_refused(switches):
    clock = ManualClock()
    simulator, desk = throttled(clock, **switches)
    account = service_at(simulator)
    root = f"/rest/v1.0/projects/{project_of(simulator, account)}/rfis"

    async def once(number):
        try:
            await desk.client.get(account, f"{root}/{number}")
        except NotFound:
            return "answered"
        except RateLimited as told:
            return "refused" if told.retry_after_s >= 1 else "refused without a time"
        return "answered"

    with paying_from(desk, Priority.BACKGROUND):
        results = Counter(await run_on(clock, *(once(number) for number in range(700))))

    assert set(results) <= {"answered", "refused"}
    assert results["answered"] >= 480
    assert statuses(simulator)[429] == 0


async def test_another_program_on_the_same_app_costs_at_most_what_was_under_way():
    """It uses up the window behind our back: we meet a few 429s, wait, and lose nothing."""
    clock = ManualClock()
    simulator, desk = throttled(clock)
    account = service_at(simulator)
    other = build_desk(clock, InProcessTransport(simulator))
    root = f"/rest/v1.0/projects/{project_of(simulator, account)}/rfis"

    with paying_from(desk, Priority.INTERACTIVE):
        results = await run_on(
            clock,
            *(patient_reader(desk, account, clock, [f"{root}/{n}"]) for n in range(40)),
            *(patient_reader(other, account, clock, [f"{root}/{n + 100}"]) for n in range(40)),
        )

    assert sum(answered for answered, _ in results) == 80
    assert statuses(simulator)[429] <= 30


async def test_a_list_is_read_whole_over_its_pages(simulated):
    listing = await simulated.desk.pages.read(simulated.account, simulated.rfis)

    assert len(listing.items) == listing.total > 0
    assert listing.truncated is False


async def test_a_list_is_whole_although_links_drop_the_filters(simulated):
    simulated.world.switches = simulated.world.switches.with_changes({"link_query": "dropped"})
    small = build_desk(
        simulated.simulator.world.clock, InProcessTransport(simulated.simulator), limits=Limits(procore_page_size=5)
    )

    listing = await small.pages.read(simulated.account, simulated.rfis, {"filters": {"status": ["open"]}})

    assert {row["status"] for row in listing.items} == {"open"}
    assert listing.total == len(listing.items)


async def create_rfi(desk, account, rfis):
    """A request that the simulator accepts."""
    people = await desk.client.get(account, f"{rfis}/potential_assignees")
    managers = await desk.client.get(account, f"{rfis}/potential_rfi_managers")
    rfi = {
        "subject": "Slab edge at grid 4",
        "question": {"body": "Which detail governs?"},
        "rfi_manager_id": managers.items[0]["id"],
        "assignee_ids": [people.items[0]["id"]],
    }
    return Request(account, "POST", rfis, body={"rfi": rfi})


async def test_a_created_record_is_seen_by_the_next_read(simulated, clock):
    client = simulated.desk.client
    before = (await client.get(simulated.account, simulated.rfis, ttl_s=300)).headers["total"]

    await client.write(await create_rfi(simulated.desk, simulated.account, simulated.rfis))
    after = (await client.get(simulated.account, simulated.rfis, ttl_s=300)).headers["total"]

    assert int(after) == int(before) + 1


async def test_a_write_whose_answer_was_lost_is_uncertain_and_exists_once(simulated, clock):
    """Procore saved it; only the reply never came."""
    create = await create_rfi(simulated.desk, simulated.account, simulated.rfis)
    simulated.simulator.faults.append([{"match": {"method": "POST", "path": "*/rfis"}, "do": "lost_response"}])

    (error,) = await run_on(clock, simulated.desk.client.write(create))

    assert isinstance(error, Uncertain)
    assert sum(entry["write"] for entry in ledger(simulated.simulator)) == 1


@pytest.mark.parametrize("fault", ["429", "503", "401"])
async def test_a_write_that_was_turned_away_once_is_made_once(simulated, clock, fault):
    create = await create_rfi(simulated.desk, simulated.account, simulated.rfis)
    simulated.simulator.faults.append([{"match": {"method": "POST", "path": "*/rfis"}, "do": fault}])

    (answer,) = await run_on(clock, simulated.desk.client.write(create))

    assert answer.item["subject"] == "Slab edge at grid 4"
    assert sum(entry["write"] for entry in ledger(simulated.simulator)) == 1


@pytest.mark.parametrize("fault", ["429", "503", "timeout", "lost_response", "truncate", "html"])
async def test_a_read_survives_one_of_each_fault(simulated, clock, fault):
    simulated.simulator.faults.append([{"match": {"path": "*/rfis"}, "do": fault}])

    (answer,) = await run_on(clock, simulated.desk.client.get(simulated.account, simulated.rfis))

    assert answer.items


async def sign_in(simulated):
    """What a person's browser does at the simulator's page; the code it brings back, with state and cookie."""
    app = simulated.account.app
    request = SignIn("local:1000", simulated.account.environment, app, CALLBACK)
    opened = simulated.desk.authorizations.open(simulated.desk.authorizations.begin(request))
    async with httpx.AsyncClient(transport=InProcessTransport(simulated.simulator)) as browser:
        form = dict(httpx.URL(opened.url).params)
        sent = await browser.post(f"{API}/oauth/authorize", data=form)
    back = httpx.URL(sent.headers["location"]).params
    return back["state"], opened.cookie, back["code"]


async def test_signing_in_refreshing_and_disconnecting(simulated, clock):
    desk = simulated.desk
    connected = await desk.authorizations.finish(*await sign_in(simulated))
    user = Connection("conn_user", simulated.account.environment, simulated.account.app, "authorization_code")
    await desk.tokens.adopt(user, connected.pair)
    me = await desk.client.get(user, "/rest/v1.0/me")
    clock.advance(5401)

    tokens = await asyncio.gather(*(desk.tokens.access_token(user) for _ in range(50)))
    again = await desk.client.get(user, "/rest/v1.0/me")

    assert me.item["id"] == again.item["id"]
    assert len(set(tokens)) == 1
    assert tokens[0] != connected.pair.access_token
    assert await desk.tokens.disconnect(user)


async def test_the_simulators_errors_have_their_codes(simulated, clock):
    missing, refused = await run_on(
        clock,
        simulated.desk.client.get(simulated.account, f"{simulated.rfis}/999999999"),
        simulated.desk.client.write(Request(simulated.account, "POST", simulated.rfis, body={"rfi": {}})),
    )

    assert missing.code == "PROCORE_NOT_FOUND"
    assert refused.code == "PROCORE_INVALID"
    assert not isinstance(refused, Conflict)
    assert refused.details["procore_says"]
