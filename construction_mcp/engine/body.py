"""One try of one step, as its action sees it: what it may read and use.

One is made for every body, and most ask for little of it. So what costs something is made when it is first asked for.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from construction_mcp.actions.action import ActionTypes
from construction_mcp.actions.performing import Memory, Run, Telling, Web
from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.types import Principal, Role
from construction_mcp.engine.standing import WHOLE, StepId
from construction_mcp.engine.work import Work
from construction_mcp.expressions.port import ExpressionEngine
from construction_mcp.procore.access import Procore
from construction_mcp.workflow.plan import Node


@dataclass(frozen=True, slots=True)
class Tools:
    """What bodies work with; the same for every execution of a process."""

    types: ActionTypes
    expressions: ExpressionEngine
    call: Callable[[str, Mapping[str, Any], Principal], Awaitable[Any]]
    account: Callable[[Principal], Awaitable[Procore]]
    telling: Telling
    web: Web
    memory: Memory
    clock: Clock
    limits: Limits


class Body:
    """Implements `performing.Context`."""

    __slots__ = (
        "_run",
        "_tools",
        "_values",
        "attempt",
        "clock",
        "limits",
        "memory",
        "node",
        "notes",
        "step",
        "telling",
        "web",
        "work",
    )

    def __init__(self, tools: Tools, work: Work, step: StepId, attempt: int) -> None:
        self.work = work
        self.node: Node = work.nodes[step.key]
        self.step = step
        self.attempt = attempt
        self.notes: list[tuple[str, str]] = []
        self.clock = tools.clock
        self.limits = tools.limits
        self.telling = tools.telling
        self.web = tools.web
        self.memory = tools.memory
        self._tools = tools
        self._run: Run | None = None
        self._values: Mapping[str, Any] | None = None

    @property
    def values(self) -> Mapping[str, Any]:
        """What expressions of the step read; at the same moment however often it is asked."""
        if self._values is None:
            self._values = self.work.values_of(self.step, self.clock.now())
        return self._values

    @property
    def run(self) -> Run:
        """As `Context.run`."""
        if self._run is None:
            self._run = self._as_run()
        return self._run

    def _as_run(self) -> Run:
        work, execution, step = self.work, self.work.execution, self.step
        return Run(
            execution_id=execution.id,
            workflow_id=execution.workflow_id,
            workflow_name=work.workflow_name,
            step=step.key,
            item=None if step.item == WHOLE else step.item,
            key_of=lambda: work.key_of(step),
            began_at=work.began.get(step) or self.clock.now(),
            attempt=self.attempt,
            project_id=work.plan.project_id,
            timezone=work.timezone or "UTC",
            run_as=execution.run_as,
            depth=execution.depth,
            is_simulated=work.is_simulated,
            deliver_to=execution.deliver_to,
            consent=work.plan.consent,
        )

    @property
    def _who(self) -> Principal:
        return Principal(self.work.execution.run_as, Role.BUILDER)

    async def call(self, name: str, arguments: Mapping[str, Any], /) -> Any:
        """As `Context.call`."""
        return await self._tools.call(name, arguments, self._who)

    async def procore(self) -> Procore:
        """As `Context.procore`."""
        return await self._tools.account(self._who)

    async def each(self, text: str, items: Sequence[Any], /) -> Sequence[Any]:
        """As `Context.each`."""
        return await self._tools.expressions.each(text, "item", items, self.values)

    async def evaluate(self, text: str, /) -> Any:
        """As `Context.evaluate`."""
        return await self._tools.expressions.evaluate(text, self.values)

    async def note(self, kind: str, text: str, /) -> None:
        """As `Context.note`."""
        self.notes.append((kind, text[: self.limits.note_chars_max]))
