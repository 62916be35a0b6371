from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from construction_mcp.bootstrap import House
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Limits, Settings
from construction_mcp.core.types import Role
from construction_mcp.engine.approvals import Approvals
from construction_mcp.registry.catalog import View
from construction_mcp.server.addresses import transport_security
from construction_mcp.server.app import build_server
from construction_mcp.server.auth import Bearers, Identify, everybody, operator, people, principal_of
from construction_mcp.server.dashboard.routes import dashboard_routes
from construction_mcp.server.dashboard.session import Links
from construction_mcp.server.health import Readiness
from construction_mcp.server.http import HttpFace
from construction_mcp.store.approvals import Approval, NewApproval, digest_of
from construction_mcp.store.users import User, Users
from tests.server.dashboard.browsing import Site, site_in
from tests.server.dashboard.doors import TOKEN, Door

SUMMARY = "Answer RFI 42 <script>alert(1)</script>"
SHOWN: dict[str, Any] = {"question": 'Which?\n"</dd><img src=x onerror=alert(1)>', "answer": "Type A", "copies": 2}


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A served workspace with a past, for every test with a browser: it takes seconds to make."""
    with site_in(tmp_path_factory.mktemp("dashboard"), days=1) as made:
        yield made


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def house(tmp_path: Path, clock: ManualClock) -> AsyncIterator[House]:
    async with House(Settings(tmp_path, limits=Limits(bearer_cache_s=1)), clock=clock) as made:
        yield made


@pytest.fixture
async def door(house: House) -> AsyncIterator[Door]:
    """The dashboard of a house, as a browser reaches it."""
    settings, clock = house.settings, house.clock
    verifiers = [operator(TOKEN), people(await house.services.get(Users))]
    identify = Bearers(verifiers, clock, settings.limits).identify
    async with door_of(house, identify, Links(TOKEN, clock, settings.limits)) as made:
        yield made


@pytest.fixture
async def open_door(house: House) -> AsyncIterator[Door]:
    """The same of a server without authentication."""
    async with door_of(house, everybody(), None) as made:
        yield made


@asynccontextmanager
async def door_of(house: House, identify: Identify, links: Links | None) -> AsyncIterator[Door]:
    face = HttpFace(
        build_server(house, View(), principal_of),
        identify=identify,
        security=transport_security(house.settings),
        limits=house.settings.limits,
        readiness=Readiness(),
        routes=dashboard_routes(house, identify, links),
    )
    transport = httpx.ASGITransport(app=face.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8765") as client:
        another = partial(httpx.AsyncClient, transport=transport, base_url=client.base_url)
        yield Door(client, links, another, face.app)


@pytest.fixture
async def users(house: House) -> Users:
    return await house.services.get(Users)


@pytest.fixture
async def ana(users: Users) -> tuple[User, str]:
    """An approver and her bearer."""
    return await users.add("Ana Lopez", Role.APPROVER)


@pytest.fixture
async def approvals(house: House) -> Approvals:
    return await house.services.get(Approvals)


def asked(clock: ManualClock, **more: Any) -> NewApproval:
    """A question that a call of a tool asks of Ana."""
    shown = more.pop("shown", SHOWN)
    return NewApproval(
        **{
            "execution_id": None,
            "step": "reply_to_procore_rfi",
            "summary": SUMMARY,
            "shown": shown,
            "editable": ("answer", "copies"),
            "digest": digest_of(SUMMARY, shown),
            "requested_by": "user:bob",
            "approvers": ("Ana Lopez",),
            "expires_at": clock.now() + timedelta(days=1),
            "call": "call",
            **more,
        }
    )


@pytest.fixture
async def approval(approvals: Approvals, clock: ManualClock) -> Approval:
    return await approvals.request(asked(clock))
