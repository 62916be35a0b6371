"""A house at work with everything it reaches: an engine, the simulator that posts to it, a mail server, and a person.

What a test breaks it breaks outside, as it would break in life; what mends it is the call that the diagnosis names.
"""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from mcp.client.client import Client
from mcp.types import ElicitRequestURLParams, ElicitResult
from starlette.applications import Starlette

from construction_mcp.bootstrap import House
from construction_mcp.core.background import Background
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Settings
from construction_mcp.core.destinations import MailFrom, MailServer
from construction_mcp.core.types import Principal, Role
from construction_mcp.net.outbound import Outbound
from construction_mcp.registry.catalog import View
from construction_mcp.server.app import build_server
from construction_mcp.server.deliveries import delivery_routes
from construction_mcp.simulator.app import Simulator
from construction_mcp.simulator.wire import InProcessTransport
from construction_mcp.simulator.world import World
from construction_mcp.store import executions
from construction_mcp.store.users import Users
from tests.notify.sinks import USER, MailSink, mail_sink

ADMIN = Principal("local:0", Role.ADMIN, "Ana")
SERVED_AT = "http://127.0.0.1:9"  # nobody listens there: what is posted goes straight into the house
WAIT_S = 20.0
_TURN_MAX_S = 61.0  # a wait for a rate window, a retry or a look is over at once; what a person waits for is not

NOTE = {"key": "note", "type": "notify.log", "config": {"text": "Hello"}}
MANUAL = {"type": "manual"}
RFI_WEBHOOK = {"type": "webhook", "source": "procore", "resources": ["RFIs"], "events": ["create", "update"]}
EVERY_MORNING = {"type": "schedule", "cron": "0 9 * * 1-5", "timezone": "America/Chicago"}
PLACE = "<"  # begins what only a person can fill in


def mail_to(address: str, **more: Any) -> dict[str, Any]:
    """An action that mails somebody."""
    config = {"to": address, "subject": "Late RFIs", "body": "Some are late.", **more}
    return {"key": "mail", "type": "notify.email", "config": config}


def errors(findings: list[Any]) -> list[str]:
    """The codes of what is wrong now."""
    return [one["code"] for one in findings if one["severity"] == "error"]


class Clinic:
    """Calls tools as an admin does, and looks at what is there."""

    def __init__(self, house: House, client: Client, clock: ManualClock, simulator: Simulator, mail: MailSink) -> None:
        self.house, self.client, self.clock, self.simulator, self.mail = house, client, clock, simulator, mail
        self.world = simulator.world
        self.company = next(iter(self.world.table("company", 0)))
        self.projects = [one.id for one in self.world.table("project", self.company.id)]
        self.project = self.projects[0]
        self.links: list[str] = []
        self.working: asyncio.Task[None] | None = None

    # calls

    async def call(self, tool: str, /, **arguments: Any) -> Any:
        """The structured content, whether it succeeded or not; whoever waits for a window gets its turn at once."""
        answer = await self._hurried(self.client.call_tool(tool, arguments))
        return answer.structured_content

    async def good(self, tool: str, /, **arguments: Any) -> Any:
        """The same, where it has to succeed."""
        answer = await self.call(tool, **arguments)
        assert "error" not in answer, answer
        return answer

    async def draft(self, *actions: Any, trigger: Any = MANUAL, **more: Any) -> str:
        answer = await self.good("create_workflow", name="Late RFIs", trigger=trigger, actions=list(actions), **more)
        return str(answer["workflow"]["id"])

    async def deployed(self, *actions: Any, trigger: Any = MANUAL, **more: Any) -> str:
        """The id of a workflow that is active."""
        workflow_id = await self.draft(*actions, trigger=trigger, **more)
        await self.deploy(workflow_id)
        return workflow_id

    async def deploy(self, workflow_id: str) -> Any:
        answer = await self.good("deploy_workflow", workflow_id=workflow_id)
        assert answer["status"] == "deployed", answer["problems"]
        return answer

    async def run(self, workflow_id: str, wait_s: float = 20, **given: Any) -> Any:
        """One run by hand, as it stands when it ended."""
        return (await self.good("run_workflow", workflow_id=workflow_id, wait_s=wait_s, **given))["execution"]

    async def settled(self, execution_id: str, *statuses: str) -> Any:
        """The run once it is in one of these states."""
        found: dict[str, Any] = {}

        async def is_there() -> bool:
            observed = await self.client.call_tool("observe_workflow_execution", {"execution_id": execution_id})
            found.update((observed.structured_content or {})["execution"])
            return found["status"] in statuses

        await self.until(is_there)
        return found

    async def latest(self, workflow_id: str) -> Any:
        return (await self.good("list_executions", workflow_id=workflow_id))["items"][0]

    async def found(self, workflow_id: str, **more: Any) -> list[Any]:
        return list((await self.good("diagnose_workflow", workflow_id=workflow_id, **more))["findings"])

    async def first(self, workflow_id: str, **more: Any) -> Any:
        findings = await self.found(workflow_id, **more)
        assert findings, "nothing was found"
        return findings[0]

    async def follow(self, finding: Any, *said: Any, **more: Any) -> Any:
        """Make the call that the finding names; `said` fills, in their order, the places left to a person."""
        assert finding.get("next"), finding
        arguments = filled(finding["next"]["arguments"], list(said))
        return await self.good(finding["next"]["tool"], **{**arguments, **more})

    # people

    async def user(self, name: str, role: Role = Role.BUILDER) -> Principal:
        """Somebody who gets a bearer."""
        made, _ = await (await self.house.services.get(Users)).add(name, role)
        return made.principal

    async def revoke(self, principal: Principal) -> None:
        await (await self.house.services.get(Users)).revoke(principal.id.removeprefix("user:"))

    @asynccontextmanager
    async def as_user(self, principal: Principal) -> "AsyncIterator[Clinic]":
        """The same house through a client of somebody else's."""
        server = build_server(self.house, View(("all",)), lambda _: principal)
        async with Client(server, elicitation_callback=self.answer) as client:
            yield Clinic(self.house, client, self.clock, self.simulator, self.mail)

    # the world

    def read_rfi(self) -> dict[str, Any]:
        """An action that reads the first RFI of the project that it names."""
        config = {"rfi_id": self.rfi().id, "project_id": self.project}
        return {"key": "rfi", "type": "procore.rfi.get", "config": config}

    def advance_rfi(self, status: str) -> dict[str, Any]:
        """An action that changes an RFI of that status, which Procore answers 422 where it is not open."""
        rfi = next(one for one in self.world.table("rfi", self.project) if one["status"] == status)
        path = f"/rest/v1.1/projects/{self.project}/rfis/{rfi.id}/advance_ball_in_court"
        return {"key": "advance", "type": "procore.request", "config": {"method": "PATCH", "path": path, "body": {}}}

    def rfi(self, number: int = 0, project: int | None = None) -> Any:
        return list(self.world.table("rfi", project or self.project))[number]

    def fault(self, do: str, method: str, path: str, times: int = 1, after: int = 0) -> None:
        match = {"method": method, "path": path}
        self.simulator.faults.append([{"match": match, "do": do, "times": times, "after": after}])

    def no_faults(self) -> None:
        self.simulator.faults.append([])

    async def emit(self, event_type: str, record_id: int, project: int | None = None, name: str = "RFIs") -> None:
        """An event that Procore tells of."""
        body = {"resource_name": name, "event_type": event_type, "resource_id": record_id}
        transport = httpx.ASGITransport(app=self.simulator)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as control:
            answer = await control.post("/_sim/emit", json={**body, "project_id": project or self.project})
        assert answer.status_code == 200, answer.text

    def rows(self, text: str) -> list[Any]:
        with sqlite3.connect(self.house.settings.database_file) as connection:
            return connection.execute(text).fetchall()

    # time

    async def until(self, is_so: Callable[[], Awaitable[bool]]) -> None:
        async def wait() -> None:
            async with asyncio.timeout(WAIT_S):
                while not await is_so():  # noqa: ASYNC110 - the store has no event for what others wrote
                    await asyncio.sleep(0.002)

        await self._hurried(wait())

    async def _hurried(self, doing: Any) -> Any:
        hurrying = asyncio.create_task(self._hurry())
        try:
            return await doing
        finally:
            hurrying.cancel()
            await asyncio.wait([hurrying])

    async def _hurry(self) -> None:
        while True:
            await asyncio.sleep(0.001)
            wait = self.clock.next_wake_s
            if wait is not None and wait <= _TURN_MAX_S:
                self.clock.advance(wait)

    # the process

    async def start(self) -> None:
        """Begin to work, as a process does."""
        self.working = asyncio.create_task(self.house.run_services())

    async def stop(self) -> None:
        """End as a process does that is killed: nothing is put away, nor said of what is left."""
        if self.working is not None:
            leave, executions.leave = executions.leave, lambda *_: None
            self.working.cancel()
            await asyncio.wait([self.working])
            self.working, executions.leave = None, leave

    async def answer(self, _context: object, params: Any) -> ElicitResult:
        """A person who says yes to what they are shown and opens the links they are given."""
        if isinstance(params, ElicitRequestURLParams):
            self.links.append(params.url)
            return ElicitResult(action="accept")
        wanted = (params.requested_schema or {}).get("properties", {})
        said: dict[str, Any] = {name: True for name, one in wanted.items() if one.get("type") == "boolean"}
        said |= {name: one["enum"][0] for name, one in wanted.items() if one.get("enum")}
        return ElicitResult(action="accept", content=said)


def filled(arguments: Mapping[str, Any], said: list[Any]) -> Any:
    """The arguments with what a person says where it is left to them."""

    def fill(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: fill(part) for name, part in value.items()}
        if isinstance(value, list):
            return [fill(part) for part in value]
        return said.pop(0) if isinstance(value, str) and value.startswith(PLACE) else value

    made = fill(json.loads(json.dumps(arguments)))
    assert not said, f"nobody asked for {said}"
    assert f'"{PLACE}' not in json.dumps(made), made
    return made


@asynccontextmanager
async def clinic_at(
    folder: Path,
    clock: ManualClock,
    *,
    password: str | None = None,
    windows: Any = (),
    principal: Principal = ADMIN,
    works: bool = True,
    **chosen: Any,
) -> AsyncIterator[Clinic]:
    """A clinic over the data directory in `folder`, fresh or as it was left.

    password: what the settings say where the mail server wants one. chosen: other settings.
    """
    async with mail_sink(login=password is not None) as mail:
        usual: dict[str, Any] = {
            "procore_grant": "client_credentials",
            "serve_url": SERVED_AT,
            "mail_server": MailServer("127.0.0.1", mail.port, "none", password and USER, password),
            "mail_from": MailFrom("automation@builder.com", "Riverside"),
        }
        settings = Settings(data_dir=folder / "data", **{**usual, **chosen})
        house = House(settings, clock=clock)
        routes = Starlette(routes=delivery_routes(house.services, settings.limits))
        (folder / "data").mkdir(parents=True, exist_ok=True, mode=0o700)
        world = World(clock=clock, state_file=folder / "procore.db")
        transport = httpx.ASGITransport(app=routes)
        simulator = Simulator(world, windows=windows, delivery_transport=transport)
        posting = Background()
        house.services.ready[Simulator] = simulator
        if not settings.is_simulated:
            house.services.ready[Outbound] = Outbound(InProcessTransport(app=simulator), settings.limits)
        await posting.enter(simulator.running())
        try:
            async with house:
                if settings.serve_url is not None:
                    house.reach.listen_at(settings.serve_url)
                server = build_server(house, View(("all",)), lambda _: principal)
                clinic: Clinic

                async def answer(context: object, params: Any) -> ElicitResult:
                    return await clinic.answer(context, params)

                async with Client(server, elicitation_callback=answer) as client:
                    clinic = Clinic(house, client, clock, simulator, mail)
                    if works:
                        await clinic.start()
                    try:
                        yield clinic
                    finally:
                        await clinic.stop()
        finally:
            await posting.aclose()
            world.close()
