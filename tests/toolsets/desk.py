"""A project engineer's desk: a client on a house whose Procore is the simulator in this process."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mcp.client.client import Client

from construction_mcp.bootstrap import House
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Settings
from construction_mcp.core.types import Principal, Role
from construction_mcp.registry.catalog import View
from construction_mcp.server.app import build_server
from construction_mcp.simulator.app import Simulator

BETWEEN_CALLS_S = 11.0  # a person's pace: past one spike window, within the life of a kept list
DEFAULT_CHARS_MAX = 8_000  # about 2,000 tokens


class Desk:
    """Calls tools at a person's pace and looks at what Procore saw."""

    def __init__(self, client: Client, house: House, clock: ManualClock, simulator: Simulator) -> None:
        self.client, self.house, self.clock, self.simulator = client, house, clock, simulator
        self.world = simulator.world
        company = next(iter(self.world.table("company", 0))).id
        self.company = company
        self.projects = [project.id for project in self.world.table("project", company)]
        self.trace: dict[str, Any] = {}

    async def call(self, tool: str, /, **arguments: Any) -> Any:
        """The structured content; `trace` is then what the call cost."""
        self.clock.advance(BETWEEN_CALLS_S)
        result = await self.client.call_tool(tool, arguments)
        self.trace = (result.meta or {})["construction-mcp/trace"]
        assert isinstance(result.structured_content, dict)
        return result.structured_content

    async def confirmed(self, tool: str, /, **arguments: Any) -> Any:
        """Preview, then the same call with its confirmation."""
        shown = await self.call(tool, **arguments)
        assert shown["status"] == "needs_confirmation", shown
        return await self.call(tool, **arguments, confirmation=shown["confirmation"])

    async def prompt(self, name: str, **arguments: str) -> str:
        """The text of a prompt."""
        self.clock.advance(BETWEEN_CALLS_S)
        result = await self.client.get_prompt(name, arguments)
        return str(result.messages[0].content.text)  # type: ignore[union-attr]  # ours are text

    async def people(self, project: int) -> list[str]:
        """Who may manage an RFI there, without the service account."""
        refused = await self.call(
            "create_procore_rfi",
            project_id=project,
            subject="Who is there?",
            question="Who may manage this?",
            rfi_manager="nobody of that name",
        )
        names = [one["name"] for one in refused["error"]["details"]["candidates"]]
        return [name for name in names if name != "Automation Service"]

    def writes(self) -> list[dict[str, Any]]:
        """What changed Procore, in order."""
        return [entry for entry in self.simulator.ledger.since(0) if entry["write"]]

    def fault(self, do: str, method: str, path: str, times: int = 1) -> None:
        self.simulator.faults.append([{"match": {"method": method, "path": path}, "do": do, "times": times}])

    def name_of(self, user_id: int) -> str:
        return str(self.world.get("user", 0, user_id)["name"])


@asynccontextmanager
async def desk_at(folder: Path, clock: ManualClock, **client_options: Any) -> AsyncIterator[Desk]:
    """A desk over a fresh data directory."""
    settings = Settings(data_dir=folder / "data", procore_grant="client_credentials")
    async with House(settings, clock=clock) as house:
        server = build_server(house, View(("all",)), lambda _: Principal("local:0", Role.ADMIN))
        async with Client(server, **client_options) as client:
            yield Desk(client, house, clock, await house.services.get(Simulator))


def size(answer: Any) -> int:
    """Characters of an answer as it goes over the wire."""
    return len(json.dumps(answer, separators=(",", ":"), ensure_ascii=False))
