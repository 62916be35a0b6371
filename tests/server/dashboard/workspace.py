"""A workspace with a past: real workflows that the real engine carried out on the simulator, over days skipped.

Made once for the browser tests and for the screenshot of the README. What is in it was never written to the database by
hand, so a page that shows it shows what people will have.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

from mcp.client.client import Client

from construction_mcp.bootstrap import House
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Settings
from construction_mcp.core.types import Principal, Role, local_principal
from construction_mcp.engine.approvals import Approvals
from construction_mcp.engine.embedded import EmbeddedEngine
from construction_mcp.registry.catalog import View
from construction_mcp.server.app import build_server
from construction_mcp.simulator.app import Simulator
from construction_mcp.store.database import Database
from construction_mcp.store.executions import queue
from construction_mcp.store.users import Users
from construction_mcp.store.versions import Versions

HOSTILE = '<script>window.hacked=1</script>"><img src=x onerror="window.hacked=1">{{ 7*7 }} \u202eשלום\u202c `$(id)`'  # noqa: RUF001 - Hebrew, right to left
ANSWER = "Use the anchor of detail 5/S-301, as drawn."
_PAUSE_MAX_S = 15.0  # waits of the rate windows; looks at the clock are further apart
_DEADLINE_S = 60.0  # for anything: only a hang takes this long
_MORNING = {"type": "schedule", "cron": "0 9 * * *", "timezone": "UTC"}


class Past:
    """A house at some day, with a client that is its admin."""

    def __init__(self, house: House, client: Client, clock: ManualClock, simulator: Simulator) -> None:
        self.house, self.client, self.clock, self.simulator = house, client, clock, simulator
        world = simulator.world
        company = next(iter(world.table("company", 0)))
        self.project = int(next(iter(world.table("project", company.id))).id)

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The structured content of a call that must not fail."""
        result = await self.client.call_tool(tool, arguments)
        assert not result.is_error, (tool, result.structured_content)
        assert result.structured_content is not None
        return dict(result.structured_content)

    async def deployed(self, name: str, trigger: Any, *actions: Any, **more: Any) -> str:
        """A workflow that runs."""
        made = await self.call(
            "create_workflow", name=name, trigger=trigger, actions=list(actions), project_id=self.project, **more
        )
        answer = await self.call("deploy_workflow", workflow_id=made["workflow"]["id"])
        assert answer["status"] == "deployed", answer
        return str(made["workflow"]["id"])

    async def run(self, workflow_id: str, wait_s: float = 30, **more: Any) -> dict[str, Any]:
        """One run, to its end or its wait."""
        return dict((await self.call("run_workflow", workflow_id=workflow_id, wait_s=wait_s, **more))["execution"])

    async def parked(self, workflow_id: str) -> str:
        """The id of one run that now waits for somebody or something."""
        run = await self.run(workflow_id, wait_s=0)
        async with asyncio.timeout(_DEADLINE_S):
            while not await self._waits(run["id"]):  # noqa: ASYNC110 - the engine
                await asyncio.sleep(0.01)
        return str(run["id"])

    async def _waits(self, execution_id: str) -> bool:
        seen = await self.call("observe_workflow_execution", execution_id=execution_id)
        return bool(seen["execution"]["status"] == "waiting")

    async def rfi(self, subject: str) -> int:
        """The id of a new RFI."""
        asked = {
            "project_id": self.project,
            "subject": subject,
            "question": "Which anchor?\n" + subject,
            "rfi_manager": "Yuki Hartig",
            "draft": True,
        }
        preview = await self.call("create_procore_rfi", **asked)
        made = await self.call("create_procore_rfi", **asked, confirmation=preview["confirmation"])
        return int((made.get("item") or made.get("result") or made)["id"])

    def fail_submittals(self) -> None:
        """Procore is down for submittals, as long as one run tries."""
        down = {"match": {"method": "GET", "path": "*/submittals*"}, "do": "503", "times": 9}
        self.simulator.faults.append([down])

    async def until(self, moment: datetime, scheduled: Sequence[str]) -> None:
        """Let time pass to a moment, and let what is scheduled until then start and end."""
        self.clock.advance((moment - self.clock.now()).total_seconds())
        versions = await self.house.services.get(Versions)
        async with asyncio.timeout(_DEADLINE_S):
            for workflow_id in scheduled:
                while not _is_ahead((await versions.status(workflow_id)).due_at, self.clock.now()):  # noqa: ASYNC110 - the engine
                    await asyncio.sleep(0.002)
        await self.quiet()

    async def quiet(self) -> None:
        """Until the engine has carried out what was due."""
        engine, database = await self.house.services.get(EmbeddedEngine), await self.house.services.get(Database)
        async with asyncio.timeout(_DEADLINE_S):
            while engine.state()["running"] or (await database.read(queue)).length:  # noqa: ASYNC110 - the engine
                await asyncio.sleep(0.002)


def _is_ahead(due_at: datetime | None, now: datetime) -> bool:
    return due_at is not None and due_at > now


async def _let_waits_pass(clock: ManualClock) -> None:
    """Time goes by in small steps; a call that waits for its turn in the simulator's rate windows gets it at once."""
    steps = random.Random(7)
    while True:
        await asyncio.sleep(0.001)
        wait = clock.next_wake_s
        is_short = wait is not None and wait <= _PAUSE_MAX_S
        clock.advance(wait if is_short else steps.expovariate(20))


@asynccontextmanager
async def past_at(data_dir: Path, start: datetime) -> AsyncIterator[Past]:
    """The workspace as of a day, with everything at work."""
    clock = ManualClock(start)
    settings = Settings(data_dir=data_dir, procore_grant="client_credentials")
    me = local_principal()
    async with House(settings, clock=clock) as house:
        server = build_server(house, View(("all",)), lambda _: Principal(me.id, Role.ADMIN))
        working = [asyncio.create_task(house.run_services()), asyncio.create_task(_let_waits_pass(clock))]
        try:
            async with Client(server) as client:
                yield Past(house, client, clock, await house.services.get(Simulator))
        finally:
            for task in working:
                task.cancel()
            await asyncio.wait(working)


async def build(data_dir: Path, days: int, *, draft: str = HOSTILE, subject: str = HOSTILE) -> dict[str, str]:
    """Live through so many days up to now; the ids that tests look for.

    draft: what one workflow is called; subject: of the RFI that somebody is to answer.
    """
    now = datetime.now(UTC)
    first = now - timedelta(days=days, hours=2)  # the clock runs ahead while it works
    async with past_at(data_dir, first) as past:
        _, bearer = await (await past.house.services.get(Users)).add("Ana Lopez", Role.APPROVER)
        ids = {"ana": bearer, **await _deploy(past, draft, subject)}
        for day in range(days):
            if day % 7 == 4:
                past.fail_submittals()
            morning = datetime.combine(first.date() + timedelta(days=day + 1), time(9, 0, 30), UTC)
            if morning < now - timedelta(hours=2):
                await past.until(morning, [ids["overdue"], ids["submittals"]])
        past.clock.advance(max((now - timedelta(hours=2) - past.clock.now()).total_seconds(), 0))
        return {**ids, **await _under_way(past, ids)}


async def _deploy(past: Past, draft_name: str, subject: str) -> dict[str, str]:
    overdue = await past.deployed(
        "Overdue RFIs, every morning",
        _MORNING,
        {"key": "open_rfis", "type": "procore.rfi.list", "config": {"status": "open", "overdue": True}},
        {
            "key": "tell",
            "type": "notify.log",
            "condition": "size(steps.open_rfis.output.items) > 0",
            "config": {"text": "{{ size(steps.open_rfis.output.items) }} RFIs are overdue"},
        },
        description="Looks each morning at what is overdue and who holds the ball.",
    )
    submittals = await past.deployed(
        "Submittals waiting for review",
        _MORNING,
        {"key": "submittals", "type": "procore.submittal.list", "config": {}},
        {
            "key": "note",
            "type": "notify.log",
            "config": {"text": "{{ size(steps.submittals.output.items) }} submittals"},
        },
    )
    answering = await past.deployed(
        "Answer an RFI, once the architect agrees",
        {"type": "manual"},
        {"key": "rfi", "type": "procore.rfi.get", "config": {"rfi_id": "{{ int(vars.rfi) }}"}},
        {
            "key": "agree",
            "type": "approval.request",
            "config": {
                "approvers": ["Ana Lopez"],
                "message": "Send this answer to the RFI?",
                "show": {"rfi": "{{ steps.rfi.output.item.subject }}", "answer": ANSWER},
                "editable": ["answer"],
            },
        },
        {
            "key": "reply",
            "type": "procore.rfi.reply",
            "config": {"rfi_id": "{{ int(vars.rfi) }}", "body": "{{ steps.agree.output.edits.answer }}"},
        },
        variables={"rfi": {"type": "number", "required": True, "default": await past.rfi(subject)}},
    )
    gone = await past.deployed(
        "Watch the RFI about the crane pad",
        {"type": "manual"},
        {"key": "rfi", "type": "procore.rfi.get", "config": {"rfi_id": 999_999_999}},
    )
    curing = await past.deployed(
        "Remind after curing",
        {"type": "manual"},
        {"key": "cure", "type": "wait.for", "config": {"duration": "7 days"}},
        {"key": "note", "type": "notify.log", "config": {"text": "Seven days are over."}},
    )
    draft = (await past.call("create_workflow", name=draft_name, description=draft_name))["workflow"]["id"]
    return {
        "overdue": overdue,
        "submittals": submittals,
        "answering": answering,
        "gone": gone,
        "curing": curing,
        "draft": draft,
    }


async def _under_way(past: Past, ids: dict[str, str]) -> dict[str, str]:
    await past.quiet()
    failed = [await past.run(ids["gone"]) for _ in range(5)][-1]
    done = await past.run(ids["overdue"])
    asking = [await past.parked(ids["answering"]) for _ in range(2)]
    waiting = await past.parked(ids["curing"])
    asked = (await past.call("list_executions", workflow_id=ids["answering"], status="waiting"))["items"]
    assert len(asked) == len(asking)
    approvals = await (await past.house.services.get(Approvals)).page("pending", 10)
    by_run = {one.execution_id: one.id for one in approvals}
    return {
        "failed": failed["id"],
        "waiting": waiting,
        "asking": asking[0],
        "done": done["id"],
        "approval": by_run[asking[0]],
        "approval_2": by_run[asking[1]],
    }
