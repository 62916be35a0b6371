"""Processes that carry a template out and are killed at their n-th boundary: a commit, or a request to Procore.

Procore is the simulator, whose state is a file beside the database; mail arrives at a server of the test's own process.
So what a dead process wrote and sent stays written and sent.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from construction_mcp.core.clock import ManualClock
from construction_mcp.core.destinations import MailFrom, MailServer
from construction_mcp.engine.approvals import Said
from construction_mcp.simulator.wire import InProcessTransport
from construction_mcp.store.groups import Groups, Job
from tests.deployment.site import site_at
from tests.faults.crashing import Boundaries
from tests.flows.test_templates_run import APPROVER, ASSISTANT, HOURS, PLAYS, WAIT_S, Play, Stage, _begun, _hurry
from tests.notify.sinks import MailSink


@dataclass(frozen=True)
class Begun:
    """An accepted execution that nothing has carried out yet. before: the last request of Procore's ledger."""

    folder: Path
    template: str
    execution_id: str
    at: datetime
    before: int
    mail_port: int


@asynccontextmanager
async def stage_of(folder: Path, at: datetime, mail_port: int) -> AsyncIterator[Stage]:
    """The data directory of that moment, with nothing at work."""
    told = {
        "mail_server": MailServer("127.0.0.1", mail_port, "none"),
        "mail_from": MailFrom("automation@builder.com", "Riverside"),
    }
    async with site_at(folder, ManualClock(at), **told) as site:
        yield await Stage(site, MailSink()).open()


async def begin(folder: Path, template: str, mail_port: int) -> Begun:
    """Deploy the template and accept its execution."""
    async with stage_of(folder, ManualClock().now(), mail_port) as stage:
        execution_id = await _begun(stage, template)
        return Begun(folder, template, execution_id, stage.clock.now(), stage.before, mail_port)


async def carry_out(begun: Begun, at: datetime, kill_at: int) -> list[str]:
    """Until it has ended, or this process is dead; the boundaries that were passed: `commit`, or a method's name."""
    boundaries = Boundaries(kill_at)
    async with stage_of(begun.folder, at, begun.mail_port) as stage:
        with _Named(boundaries) as names:
            working = [
                asyncio.create_task(one) for one in (stage.engine.run(), _hurry(stage.clock), *_meanwhile(stage, begun))
            ]
            try:
                await stage.engine.ended(begun.execution_id, WAIT_S)
            finally:
                for task in working:
                    task.cancel()
                await asyncio.wait(working)
    return names


class _Named:
    """Commits and requests of this process are boundaries, before and after."""

    def __init__(self, boundaries: Boundaries) -> None:
        self._boundaries = boundaries

    def __enter__(self) -> list[str]:
        names: list[str] = []
        self._before = (Groups._commit, InProcessTransport.handle_async_request)
        commit, handle = self._before

        def here(name: str) -> None:
            names.append(name)
            self._boundaries.here()

        def committed(groups: Groups, writers: list[Job]) -> None:
            here("commit")
            commit(groups, writers)
            here("commit")

        async def handled(transport: InProcessTransport, request: httpx.Request) -> httpx.Response:
            here(request.method)
            response = await handle(transport, request)
            here(request.method)
            return response

        Groups._commit = committed  # type: ignore[method-assign]  # the seam where the crash goes in
        InProcessTransport.handle_async_request = handled  # type: ignore[method-assign]  # as above
        return names

    def __exit__(self, *_: object) -> None:
        Groups._commit, InProcessTransport.handle_async_request = self._before  # type: ignore[method-assign]  # as above


def _meanwhile(stage: Stage, begun: Begun) -> list[Coroutine[Any, Any, None]]:
    """What happens while it runs: the approver answers, and hours pass where the play has them."""
    play = PLAYS[begun.template]
    passing = [_pass(stage, begun.execution_id, play.waits_h * HOURS)] if play.waits_h else []
    return [_decide(stage, play), *passing]


async def _pass(stage: Stage, execution_id: str, seconds: float) -> None:
    """Once, when it waits for time."""
    await stage.parked(execution_id, "time")
    stage.clock.advance(seconds)


async def _decide(stage: Stage, play: Play) -> None:
    """The approver says yes to whatever is asked, as the play has it."""
    while True:
        await asyncio.sleep(0.005)
        for approval in await stage.approvals.page("pending", 5):
            said = Said(approval.id, approval.digest, "approve", play.edits)
            await stage.approvals.decide_by_code(said, ASSISTANT, stage.approvals.code(approval, APPROVER))


def die(begun: Begun, kill_at: int) -> None:
    """The whole life of such a process."""
    asyncio.run(carry_out(begun, begun.at, kill_at))
