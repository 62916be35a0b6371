"""A small plant for engines: plans by hand, action types that do next to nothing, and an outside world that counts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from construction_mcp.actions.action import ActionType, Config
from construction_mcp.actions.catalogue import Catalogue
from construction_mcp.actions.performing import Act, Context, Match
from construction_mcp.core.changes import ChangeHub
from construction_mcp.core.clock import Clock, ManualClock
from construction_mcp.core.config import Limits, Settings
from construction_mcp.core.errors import Invalid, Unavailable, Uncertain
from construction_mcp.core.types import Principal
from construction_mcp.engine.acts import Acts
from construction_mcp.engine.body import Tools
from construction_mcp.engine.embedded import EmbeddedEngine
from construction_mcp.engine.loading import Loader
from construction_mcp.engine.runner import NodeRunner
from construction_mcp.engine.waits import Waits
from construction_mcp.expressions.cel import CelEngine
from construction_mcp.store import executions as store
from construction_mcp.store.database import Database
from construction_mcp.store.executions import NewExecution
from construction_mcp.store.versions import Candidate, Versions
from construction_mcp.store.workflows import Draft, Workflows
from construction_mcp.workflow.plan import Fan, Node, Plan, Retry

ME = "local:1"


class Free(Config):
    """Anything."""

    value: Annotated[Any, Field(description="Given back")] = None
    times: Annotated[int, Field(description="How often it fails first")] = 0


@dataclass
class World:
    """What happened outside. `faults`: what the next writes meet, in order: lost (it happened, nobody hears), refused
    (it did not), busy (it did not, and may be tried again), hang."""

    made: list[tuple[str, Any]] = field(default_factory=list)
    bodies: list[tuple[str, int]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    hidden: int = 0
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    def keys(self) -> list[str]:
        return [key for key, _ in self.made]


class Types:
    """The house's action types, and a few for tests."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._real = Catalogue()
        anything: Mapping[str, Any] = {}
        own = [
            ActionType("test.noop", Free, "pure", "Do nothing.", anything, perform=self._noop),
            ActionType("test.fail", Free, "read", "Fail.", anything, perform=self._fail),
            ActionType("test.bug", Free, "read", "Make a mistake.", anything, perform=self._bug),
            ActionType("test.hold", Free, "read", "Wait in the body.", anything, perform=self._hold),
            ActionType("test.odd", Free, "read", "Give what cannot be kept.", anything, perform=self._odd),
            ActionType("test.write", Free, "write", "Write.", anything, perform=self._write),
            ActionType("test.blind", Free, "write", "Write what cannot be looked up.", anything, perform=self._blind),
            ActionType("test.again", Free, "write", "Write what may happen twice.", anything, perform=self._again),
            ActionType("test.far", Free, "notify", "Reach somebody.", anything, perform=self._far),
        ]
        self._own = {one.name: one for one in own}

    def get(self, name: str) -> ActionType | None:
        return self._own.get(name) or self._real.get(name)

    def names(self) -> Sequence[str]:
        return [*self._own, *self._real.names()]

    async def _noop(self, config: Free, context: Context) -> Mapping[str, Any]:
        self.world.bodies.append((context.run.step, context.run.attempt))
        return {"value": config.value}

    async def _fail(self, config: Free, context: Context) -> Mapping[str, Any]:
        self.world.bodies.append((context.run.step, context.run.attempt))
        if context.run.attempt <= config.times:
            raise Unavailable("Not now.", retry_after_s=1.0)
        if config.times:
            return {"value": config.value}
        raise Invalid("It never works.")

    async def _bug(self, config: Free, context: Context) -> Mapping[str, Any]:
        raise ZeroDivisionError("a mistake of ours")

    async def _hold(self, config: Free, context: Context) -> Mapping[str, Any]:
        self.world.bodies.append((context.run.step, context.run.attempt))
        self.world.waiting.set()
        await self.world.let_go.wait()
        return {"value": config.value}

    async def _odd(self, config: Free, context: Context) -> Mapping[str, Any]:
        odd: dict[str, Any] = {"big": "x" * 50_000_000, "set": {1}, "nan": float("nan")}
        return {"value": odd[config.value]}

    async def _write(self, config: Free, context: Context) -> Act:
        async def look(_since: datetime) -> Sequence[Match]:
            if self.world.hidden > 0:
                self.world.hidden -= 1
                return []
            found = [at for at, (key, _) in enumerate(self.world.made) if key == context.run.key]
            return [Match(f"m{at}", {"item": {"id": f"m{at}"}}) for at in found]

        return self._act(config, context, look=look)

    async def _blind(self, config: Free, context: Context) -> Act:
        return self._act(config, context)

    async def _again(self, config: Free, context: Context) -> Act:
        return self._act(config, context, is_repeatable=True)

    async def _far(self, config: Free, context: Context) -> Act:
        return self._act(config, context, touches=(("mail", str(config.value)),))

    def _act(self, config: Free, context: Context, **more: Any) -> Act:
        async def perform() -> Mapping[str, Any]:
            fault = self.world.faults.pop(0) if self.world.faults else ""
            if fault == "refused":
                raise Invalid("Refused.", code="PROCORE_INVALID")
            if fault == "busy":
                raise Unavailable("Busy.", retry_after_s=1.0)
            self.world.made.append((context.run.key, config.value))
            if fault == "lost":
                raise Uncertain("The answer never came.")
            if fault == "hang":
                await asyncio.Event().wait()
            return {"item": {"id": f"m{len(self.world.made) - 1}"}}

        shown = {"value": config.value}
        return Act(f"Write {config.value}", shown, perform, {"item": {"id": None}}, (f"test:{config.value}",), **more)


def node(key: str, type_: str = "test.noop", after: Sequence[str] = (), **more: Any) -> Node:
    """A node with everything else as it usually is."""
    base = Node(
        key=key,
        type=type_,
        effect={"test.write": "write", "test.blind": "write", "test.again": "write", "test.far": "notify"}.get(
            type_, "wait" if type_.startswith(("wait.", "approval.")) else "pure"
        ),
        config={},
        condition=None,
        for_each=None,
        retry=Retry(3, 2.0, 300.0),
        timeout_s=None,
        on_error="fail",
        after=list(after),
        needs=[],
        guarded_by=[],
        level=0,
    )
    return base._replace(**more)


def fan(items: str, concurrency: int = 5) -> Fan:
    return Fan(items, "item", concurrency, 1000)


def chain(length: int, type_: str = "test.noop") -> list[Node]:
    """Steps one after another."""
    return [node(f"s{at}", type_, [f"s{at - 1}"] if at else []) for at in range(length)]


def plan(*nodes: Node, **more: Any) -> Plan:
    shape: dict[str, Any] = {
        "name": "Test",
        "environment": "simulator",
        "company_id": None,
        "project_id": None,
        "trigger": {"type": "manual"},
        "variables": {},
        "nodes": list(nodes),
        "consent": [],
        "requests_per_run": 0,
    }
    return Plan(**{**shape, **more})


async def _no_account(_principal: Principal) -> Any:
    raise Invalid("There is no Procore in the plant.")


@dataclass
class Plant:
    """An engine on a real database, with workflows made of plans."""

    database: Database
    engine: EmbeddedEngine
    types: Types
    clock: Clock
    settings: Settings
    workflows: Workflows
    versions: Versions

    @property
    def world(self) -> World:
        return self.types.world

    async def deploy(self, made: Plan) -> str:
        """A workflow whose active version is the plan; its id."""
        draft = Draft(made.name, "simulator", ME, run_as=ME, trigger={"type": "manual"})
        workflow = await self.workflows.create(draft, [{"key": "a", "type": "test.noop"}])
        shape = made.as_json()
        candidate = Candidate(made.hash, shape, made.consent_digest, shape["consent"], {}, 0, "simulator", None)
        await self.versions.activate(workflow.id, candidate, None, draft_version=workflow.draft_version, principal=ME)
        return workflow.id

    def new(self, workflow_id: str, made: Plan, **more: Any) -> NewExecution:
        """A start of version 1 by hand."""
        trigger = {"type": "manual", "at": self.clock.now().isoformat(), "input": {}}
        new = NewExecution(workflow_id, 1, made.hash, trigger, "simulator", None, None, ME, ME)
        return replace(new, **more)

    async def start(self, made: Plan, **more: Any) -> str:
        """Deploy and start it; the execution's id."""
        return (await self.engine.start(self.new(await self.deploy(made), made, **more))).id

    async def ends(self, execution_id: str) -> str:
        """Its status, once it has ended."""
        assert await self.engine.ended(execution_id, 5.0), f"{execution_id} is {await self.status(execution_id)}"
        return await self.status(execution_id)

    async def status(self, execution_id: str) -> str:
        found = await self.database.read(lambda tx: store.status_of(tx, execution_id))
        assert found is not None
        return found

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        """Wait for a condition that the engine brings about, by the turns of the loop and not by time."""
        async with asyncio.timeout(5):
            while not await holds():  # noqa: ASYNC110 - the store has no event for what others wrote
                await asyncio.sleep(0)

    async def waits(self, execution_id: str) -> None:
        """Until it is parked."""

        async def is_waiting() -> bool:
            return await self.status(execution_id) == "waiting"

        await self.until(is_waiting)

    async def run(self, made: Plan, **more: Any) -> str:
        """Start it and wait for its end; its status."""
        return await self.ends(await self.start(made, **more))

    async def steps(self, execution_id: str) -> dict[tuple[str, int], store.StepRow]:
        loaded = await self.database.read(lambda tx: store.steps_of(tx, execution_id))
        return {(row.key, row.item): row for row in loaded}


def build(database: Database, clock: Clock, settings: Settings, world: World | None = None) -> Plant:
    """The parts of an engine, put together as bootstrap does; nothing runs yet."""
    limits = settings.limits
    types = Types(world or World())
    nothing: Any = None
    tools = Tools(types, CelEngine(limits), nothing, _no_account, nothing, nothing, nothing, clock, limits)
    acts, waits = Acts(database, clock, limits), Waits(database, clock, limits)
    runner = NodeRunner(tools, acts, waits)
    engine = EmbeddedEngine(database, Loader(database, tools, limits, clock), runner, ChangeHub(), settings, clock)
    workflows = Workflows(database, clock, limits)
    return Plant(database, engine, types, clock, settings, workflows, Versions(database, workflows, clock, limits))


@asynccontextmanager
async def running(plant: Plant) -> AsyncIterator[Plant]:
    """With its engine at work."""
    task = asyncio.create_task(plant.engine.run())
    try:
        yield plant
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and (problem := task.exception()) is not None:
            raise problem


@asynccontextmanager
async def opened(directory: Path, clock: Clock | None = None, limits: Limits | None = None) -> AsyncIterator[Plant]:
    """A plant on a directory, its engine at work."""
    settings = Settings(directory, limits=limits or Limits())
    database = await Database.open(settings.database_file, limits=settings.limits)
    try:
        async with running(build(database, clock or ManualClock(), settings)) as plant:
            yield plant
    finally:
        await database.close()
