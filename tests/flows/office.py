"""A client on a site: calls tools as whoever it is, and looks at what Procore and the database then hold.

Where nothing can be carried out, as before there is an engine, deploying refuses every action. So that what deploying
does can be shown, an office's house says that it performs everything and can mail, unless a test asks for less.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mcp.client.client import Client
from mcp.types import ElicitResult

from construction_mcp.core.clock import ManualClock
from construction_mcp.core.types import Principal, Role
from construction_mcp.registry.catalog import View
from construction_mcp.server.app import build_server
from tests.deployment.site import BETWEEN_CALLS_S, Site, site_at

MODERN = "2026-07-28"
ERAS = [MODERN, "legacy"]
BUILDER = Principal("user:ana", Role.BUILDER, "Ana")

Say = Callable[[str], ElicitResult]
"""What a person answers to what they are shown."""


class Person:
    """Somebody behind a client that shows forms; `shown` is what they read."""

    def __init__(self, say: Say | None = None) -> None:
        self.shown: list[str] = []
        self.say: Say = say or (lambda _: ElicitResult(action="accept", content={"deploy": True}))

    async def answer(self, _context: object, params: Any) -> ElicitResult:
        """What the client calls when the server asks."""
        self.shown.append(params.message)
        return self.say(params.message)


class Office:
    """One client and what it costs to serve it: `calls` counts its tool calls, `trace` is what the last one took."""

    def __init__(self, client: Client, site: Site) -> None:
        self.client, self.site = client, site
        self.calls = 0
        self.trace: dict[str, Any] = {}

    async def call(self, tool: str, /, **arguments: Any) -> Any:
        """The structured content, whether it succeeded or not, past the spike window of the call before."""
        self.site.clock.advance(BETWEEN_CALLS_S)
        return await self.at_once(tool, **arguments)

    async def at_once(self, tool: str, /, **arguments: Any) -> Any:
        """The same without letting time pass, for calls that are under way together."""
        self.calls += 1
        result = await self.client.call_tool(tool, arguments)
        self.trace = (result.meta or {})["construction-mcp/trace"]
        return result.structured_content

    async def made(self, *actions: Any, trigger: Any, **more: Any) -> str:
        """The id of a new draft without errors."""
        answer = await self.call(
            "create_workflow", name=more.pop("name", "Overdue RFIs"), trigger=trigger, actions=list(actions), **more
        )
        assert [one for one in answer["problems"] if one["severity"] == "error"] == []
        return str(answer["workflow"]["id"])


@asynccontextmanager
async def client_on(
    site: Site,
    *,
    era: str = MODERN,
    person: Person | None = None,
    principal: Principal = BUILDER,
    view: View | None = None,
    **options: Any,
) -> AsyncIterator[Office]:
    """One more client of a house that is open; without a `person` it shows no forms."""
    server = build_server(site.house, view or View(), lambda _: principal)
    callback: Callable[..., Awaitable[ElicitResult]] | None = person.answer if person else None
    async with Client(server, mode=era, elicitation_callback=callback, **options) as client:
        yield Office(client, site)


@asynccontextmanager
async def office_at(
    folder: Path,
    clock: ManualClock,
    *,
    era: str = MODERN,
    person: Person | None = None,
    principal: Principal = BUILDER,
    view: View | None = None,
    **site: Any,
) -> AsyncIterator[Office]:
    """A client on a site over the data directory in `folder`; `site` as `site_at` takes it."""
    async with (
        site_at(folder, clock, **site) as made,
        client_on(made, era=era, person=person, principal=principal, view=view) as office,
    ):
        yield office
