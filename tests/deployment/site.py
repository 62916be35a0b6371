"""A house whose Procore is the simulator in this process, and what it takes to deploy there."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from construction_mcp.bootstrap import House
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Settings
from construction_mcp.core.types import Principal, Role
from construction_mcp.deployment.deploy import Deployments
from construction_mcp.deployment.results import Deployment
from construction_mcp.net.outbound import Outbound
from construction_mcp.simulator.app import Simulator
from construction_mcp.simulator.world import World
from construction_mcp.store.hooks import Hooks
from construction_mcp.store.versions import Versions
from construction_mcp.store.workflows import Draft, Workflow, Workflows

ANA = Principal("user:ana", Role.BUILDER, "Ana")
SERVED_AT = "http://127.0.0.1:9"  # nobody listens: what is posted there is not looked at here
BETWEEN_CALLS_S = 11.0  # past one spike window
CHANNELS = frozenset({"email"})
NOTE = {"key": "note", "type": "notify.log", "config": {"text": "Hello"}}
RFI_WEBHOOK = {"type": "webhook", "source": "procore", "resources": ["RFIs"], "events": ["create"]}
EVERY_MORNING = {"type": "schedule", "cron": "0 9 * * 1-5", "timezone": "America/Chicago"}


class Site:
    """Deploys, and looks at what Procore and the database then hold."""

    def __init__(self, house: House, clock: ManualClock, simulator: Simulator) -> None:
        self.house, self.clock, self.simulator = house, clock, simulator
        self.world = simulator.world
        company = next(iter(self.world.table("company", 0))).id
        self.company = company
        self.project = next(iter(self.world.table("project", company))).id

    async def open(self) -> "Site":
        get = self.house.services.get
        self.workflows, self.versions, self.hooks = await get(Workflows), await get(Versions), await get(Hooks)
        self.deployments = await get(Deployments)
        return self

    async def draft(
        self, trigger: Any, *actions: Any, name: str = "Overdue RFIs", run_as: str = ANA.id, project: bool = True
    ) -> Workflow:
        written = Draft(
            name,
            self.house.settings.environment,
            run_as,
            project_id=self.project if project else None,
            run_as=run_as,
            trigger=trigger,
        )
        return await self.workflows.create(written, list(actions) or [NOTE])

    async def deploy(self, workflow: Workflow | str, **options: Any) -> Deployment:
        self.clock.advance(BETWEEN_CALLS_S)
        workflow_id = workflow if isinstance(workflow, str) else workflow.id
        return await self.deployments.deploy(workflow_id, options.pop("by", ANA), **options)

    async def retrigger(self, workflow: Workflow, trigger: Any) -> None:
        await self.workflows.update(workflow.id, {"trigger": trigger})

    def rows(self, text: str) -> list[Any]:
        with sqlite3.connect(self.house.settings.database_file) as connection:
            return connection.execute(text).fetchall()

    @property
    def hooks_at_procore(self) -> list[str]:
        """The ids of ours that Procore posts to."""
        return [str(one["destination_url"]).rpartition("/")[2] for one in self.world.table("hook", 0)]

    def requests(self) -> list[tuple[str, str]]:
        """Everything Procore was sent, but for tokens."""
        return [(one["method"], one["path"]) for one in self.simulator.ledger.since(0) if "oauth" not in one["path"]]

    def fault(self, do: str, method: str, path: str, times: int = 1) -> None:
        self.simulator.faults.append([{"match": {"method": method, "path": path}, "do": do, "times": times}])


def sandbox(clock: ManualClock) -> dict[str, Any]:
    """Settings of another environment, which nobody reaches; a world's application is the same for the same seed."""
    world = World(clock=clock)
    return {
        "environment": "sandbox",
        "procore_client_id": world.app.client_id,
        "procore_client_secret": world.app.client_secret,
        "company_id": next(iter(world.table("company", 0))).id,
    }


def _put_simulator_behind(house: House, clock: ManualClock) -> None:
    """Another environment is another simulator, with a memory of its own."""
    simulator = Simulator(World(clock=clock), windows=())
    house.services.ready[Simulator] = simulator
    house.services.ready[Outbound] = Outbound(httpx.ASGITransport(app=simulator), house.settings.limits)


@asynccontextmanager
async def site_at(
    folder: Path,
    clock: ManualClock,
    *,
    public: bool = True,
    performs: frozenset[str] | None = None,
    channels: frozenset[str] = CHANNELS,
    **settings: Any,
) -> AsyncIterator[Site]:
    """A site over the data directory in `folder`, fresh or as it was left."""
    chosen = {"procore_grant": "client_credentials", "serve_url": SERVED_AT if public else None, **settings}
    async with House(
        Settings(data_dir=folder / "data", **chosen), clock=clock, performs=performs, channels=channels
    ) as house:
        if house.settings.environment != "simulator":
            _put_simulator_behind(house, clock)
        if public:
            house.reach.listen_at(SERVED_AT)
        yield await Site(house, clock, await house.services.get(Simulator)).open()
