"""A house without an account, the simulator behind it, and a person with a browser."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import mcp_types as types

from construction_mcp.bootstrap import House
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Limits, Settings
from construction_mcp.net.outbound import Outbound
from construction_mcp.simulator.app import Simulator
from construction_mcp.simulator.world import World

SERVED_AT = "http://localhost:8765"


class Person:
    """Somebody at a client with forms: keeps the links and questions they are shown, and gives one answer to a form."""

    def __init__(self, answer: types.ElicitResult | None = None) -> None:
        self.answer = answer or types.ElicitResult(action="accept", content={"confirm": True})
        self.links: list[str] = []
        self.questions: list[str] = []

    async def __call__(self, _: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
        if isinstance(params, types.ElicitRequestURLParams):
            self.links.append(params.url)
            return types.ElicitResult(action="accept")
        self.questions.append(params.message)
        return self.answer


@asynccontextmanager
async def unconnected(
    tmp_path: Path, clock: ManualClock, *, served: bool = False, limits: Limits | None = None, **chosen: Any
) -> AsyncIterator[tuple[House, Simulator]]:
    """A house in the sandbox environment whose hosts are the simulator; `served` gives it an HTTP address."""
    world = World(clock=clock, redirect_uri=f"{SERVED_AT}/oauth/callback")
    simulator = Simulator(world, windows=())
    usual: dict[str, Any] = {
        "environment": "sandbox",
        "procore_client_id": world.app.client_id,
        "procore_client_secret": world.app.client_secret,
        "serve_url": SERVED_AT if served else None,
        "limits": limits or Limits(sign_in_wait_s=2.0, spike_requests=1000, hourly_requests=100_000),
    }
    settings = Settings(data_dir=tmp_path / "data", **(usual | chosen))
    async with House(settings, clock=clock) as house:
        house.services.ready[Simulator] = simulator
        house.services.ready[Outbound] = Outbound(httpx.ASGITransport(app=simulator), settings.limits)
        yield house, simulator


async def allow(simulator: Simulator, url: str, user_id: int | None = None, decision: str = "allow") -> httpx.Response:
    """Sign in on Procore's page at `url`: a redirect, or a page with the code."""
    form = dict(parse_qsl(urlsplit(url).query)) | {"decision": decision}
    if user_id is not None:
        form["user_id"] = str(user_id)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=simulator), base_url="http://login") as browser:
        return await browser.post("/oauth/authorize", data=form)


async def copied_code(simulator: Simulator, url: str, user_id: int | None = None) -> str:
    """What the person copies from the last page."""
    page = (await allow(simulator, url, user_id)).text
    found = re.search(r"<code>(\w+)</code>", page)
    assert found is not None, page
    return found.group(1)


def person_of_one_company(simulator: Simulator) -> int:
    """Somebody who works for one company only."""
    return next(
        user.id
        for user in simulator.world.table("user", 0)
        if len(user["company_ids"]) == 1 and user["is_active"] and not user["is_service_account"]
    )
