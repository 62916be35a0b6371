"""Actions carried out for real: Procore is the simulator, executions run on a real engine."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from construction_mcp.actions.action import PERFORMED_BY_ENGINE
from construction_mcp.actions.catalogue import Catalogue
from construction_mcp.bootstrap import House
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Settings
from construction_mcp.engine.embedded import EmbeddedEngine
from construction_mcp.simulator.app import Simulator
from construction_mcp.store import executions as store
from construction_mcp.store.database import Database
from construction_mcp.store.executions import NewExecution
from construction_mcp.store.versions import Candidate, Versions
from construction_mcp.store.workflows import Draft, Workflows
from construction_mcp.workflow.plan import Node
from tests.engine.plant import ME, node, plan

pytestmark = pytest.mark.anyio


class Works:
    """A house with its engine at work."""

    def __init__(self, house: House, clock: ManualClock) -> None:
        self.house, self.clock = house, clock

    async def open(self) -> "Works":
        get = self.house.services.get
        self.engine, self.database = await get(EmbeddedEngine), await get(Database)
        self.workflows, self.versions = await get(Workflows), await get(Versions)
        self.world = (await get(Simulator)).world
        self.company = next(iter(self.world.table("company", 0))).id
        self.project = next(iter(self.world.table("project", self.company))).id
        return self

    async def run(self, *nodes: Node, mode: str = "live", consent: Sequence[Mapping[str, Any]] = ()) -> str:
        """Carry a plan out in the first project; its execution's id, once it is over or waits."""
        made = plan(*nodes, project_id=self.project, consent=list(consent))
        draft = Draft("Test", "simulator", ME, run_as=ME, project_id=self.project, trigger={"type": "manual"})
        workflow = await self.workflows.create(draft, [{"key": "a", "type": "notify.log"}])
        shape = made.as_json()
        candidate = Candidate(made.hash, shape, made.consent_digest, shape["consent"], {}, 0, "simulator", None)
        await self.versions.activate(workflow.id, candidate, None, draft_version=1, principal=ME)
        trigger = {"type": "manual", "at": self.clock.now().isoformat(), "input": {}}
        new = NewExecution(workflow.id, 1, made.hash, trigger, "simulator", None, self.project, ME, ME)
        accepted = await self.engine.start(replace(new, mode=mode))  # type: ignore[arg-type]  # one of the two, as its callers write it
        await self.engine.ended(accepted.id, 20.0)
        return accepted.id

    async def steps(self, execution_id: str) -> dict[str, store.StepRow]:
        rows = await self.database.read(lambda tx: store.steps_of(tx, execution_id))
        return {row.key: row for row in rows if row.item == -1}

    async def gave(self, type_: str, config: Mapping[str, Any], **more: Any) -> Any:
        """The output of one action."""
        step = (await self.steps(await self.run(node("a", type_, config=dict(config), **more))))["a"]
        assert step.status == "completed", step.error
        return step.output


@asynccontextmanager
async def at_work(directory: Path, clock: ManualClock, **settings: Any) -> AsyncIterator[Works]:
    made = Settings(data_dir=directory / "data", procore_grant="client_credentials", **settings)
    async with House(made, clock=clock) as house:
        works = await Works(house, clock).open()
        running = asyncio.create_task(works.engine.run())
        moving = asyncio.create_task(_let_time_pass(clock))
        try:
            yield works
        finally:
            for task in (running, moving):
                task.cancel()
            await asyncio.wait([running, moving])


async def _let_time_pass(clock: ManualClock) -> None:
    """The rate windows of the simulator are real: a call that waits for one gets its turn at once."""
    while True:
        await asyncio.sleep(0.001)
        wait = clock.next_wake_s
        if wait is not None and wait <= 60:
            clock.advance(wait)


@pytest.fixture
async def works(tmp_path: Path) -> AsyncIterator[Works]:
    async with at_work(tmp_path, ManualClock()) as made:
        yield made


def test_every_action_type_is_carried_out():
    """By a `perform` of its own, or by the engine."""
    types = Catalogue()
    without = {name for name in types.names() if (found := types.get(name)) and found.perform is None}

    assert without == PERFORMED_BY_ENGINE


LISTS = [name for name in Catalogue().names() if name.endswith(".list")]


@pytest.mark.parametrize("name", LISTS)
async def test_a_list_gives_what_it_declares(works: Works, name: str):
    output = await works.gave(name, {})

    kind = Catalogue().get(name)
    assert kind is not None
    schema = kind.output({}) if callable(kind.output) else kind.output
    jsonschema.validate(output, dict(schema))
    assert output["total"] >= len(output["items"])


GETS = [name for name in Catalogue().names() if name.endswith(".get") and name.startswith("procore.")]


@pytest.mark.parametrize("name", GETS)
async def test_a_get_gives_what_it_declares(works: Works, name: str):
    family = name.removesuffix(".get")
    config: dict[str, Any] = {}
    if name != "procore.project.get":
        wide = {"status": "any"} if "status" in _fields(f"{family}.list") else {}
        if name == "procore.document.get":
            wide = {"text": "a"}
        items = (await works.gave(f"{family}.list", wide))["items"]
        first = next(item for item in items if item.get("kind", "file") == "file")
        config = {f"{family.partition('.')[2]}_id": first["id"]}

    output = await works.gave(name, config)

    kind = Catalogue().get(name)
    assert kind is not None
    jsonschema.validate(output, dict(kind.output({}) if callable(kind.output) else kind.output))


def _fields(name: str) -> set[str]:
    kind = Catalogue().get(name)
    assert kind is not None
    return set(kind.config.model_fields)


async def test_a_list_over_all_active_projects_says_which_project_each_record_is_in(works: Works):
    output = await works.gave("procore.rfi.list", {"projects": "all_active"})

    assert len({item["project_id"] for item in output["items"]}) > 1


async def test_a_reply_reaches_procore_once(works: Works):
    rfi = (await works.gave("procore.rfi.list", {"limit": 1}))["items"][0]
    consent = [{"kind": "procore", "target": f"rfi.reply in project {works.project}", "max_per_run": 1}]
    config = {"rfi_id": rfi["id"], "body": "Use detail 4 on A-501."}

    execution_id = await works.run(node("a", "procore.rfi.reply", effect="write", config=config), consent=consent)

    step = (await works.steps(execution_id))["a"]
    assert step.status == "completed", step.error
    assert step.output["item"]["body"] == "Use detail 4 on A-501."


async def test_a_write_that_nobody_agreed_to_waits_for_an_approval(works: Works):
    rfi = (await works.gave("procore.rfi.list", {"limit": 1}))["items"][0]
    config = {"rfi_id": rfi["id"], "body": "Nobody agreed to this."}

    asking = asyncio.create_task(works.run(node("a", "procore.rfi.reply", effect="write", config=config)))
    async with asyncio.timeout(10):
        while not (found := await _waiting(works)):  # noqa: ASYNC110 - the store has no event for what others wrote
            await asyncio.sleep(0.01)
    asking.cancel()

    assert found["what"] == "approval"


async def _waiting(works: Works) -> Any:
    import json

    from construction_mcp.store.queries import Query

    query = Query("t.w", "value", "test", "SELECT waits_for FROM steps WHERE status = 'waiting'")
    text = await works.database.read(lambda tx: tx.value(query))
    return None if text is None else json.loads(text)
