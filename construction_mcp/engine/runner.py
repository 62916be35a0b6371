"""Performs one step: condition, config, reading or changing, under a deadline; and says what came of it.

What changes something passes through `acts.py`, which makes the intent durable first. A step that is tried again gets
here again; how often and when is decided here as well, by what went wrong.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pydantic import ValidationError

from construction_mcp.actions.action import ActionType, ActionTypes, cel_fields
from construction_mcp.actions.performing import Act, Context, Memory, Run, Telling, Web
from construction_mcp.core import meters, spans
from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import ConstructionError, Invalid, Unavailable
from construction_mcp.core.types import Principal, Role
from construction_mcp.engine.acts import Acts
from construction_mcp.engine.deadline import within
from construction_mcp.engine.results import Result
from construction_mcp.engine.standing import WHOLE, Outcome, StepId
from construction_mcp.engine.trying import completed, retry_note, waiting_retry
from construction_mcp.engine.waits import Waits
from construction_mcp.engine.work import Work
from construction_mcp.expressions.port import ExpressionEngine
from construction_mcp.expressions.templates import fill
from construction_mcp.procore.access import Procore
from construction_mcp.procore.budget import Account, current_account
from construction_mcp.procore.limiter import Priority, Standby
from construction_mcp.store.executions import LeaseLost
from construction_mcp.workflow.plan import Node

log = logging.getLogger(__name__)


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


class NodeRunner:
    """One per engine."""

    def __init__(self, tools: Tools, acts: Acts, waits: Waits) -> None:
        self._tools = tools
        self._acts = acts
        self._waits = waits

    async def run(self, work: Work, step: StepId, attempt: int) -> Result:
        """Carry the step out once more. Never raises but for cancellation: whatever went wrong is the outcome."""
        node = work.nodes[step.key]
        notes: list[tuple[str, str]] = []
        token = current_account.set(self._account(work, step))
        try:
            with spans.span(f"step {node.type}", construction_mcp__step__try=attempt):
                body = self._body(work, node, step, attempt, notes)
                result = await within(node.timeout_s or self._tools.limits.step_timeout_s, body)
                if isinstance(result, Act):  # has a deadline of its own: what was sent late is not known to have failed
                    result = await self._acts.carry_out(work, node, step, attempt, result)
        except LeaseLost:
            raise
        except TimeoutError:
            seconds = node.timeout_s or self._tools.limits.step_timeout_s
            late = Unavailable(f"The step took longer than {seconds:g} s.", code="EXECUTION_STEP_TIMEOUT")
            result = self._failed(node, attempt, late)
        except ConstructionError as error:
            result = self._failed(node, attempt, error)
        except Exception:
            # A body may be somebody else's code: its mistake ends its step, not the engine.
            log.exception("step %s of execution %s failed by mistake", step.key, work.execution.id)
            broken = Unavailable("The action made a mistake; the server's log has it.", code="SYSTEM_INTERNAL")
            result = self._failed(node, attempt, broken)
        finally:
            spent = current_account.get()
            work.requests += self._tools.limits.requests_per_call - (spent.left if spent else 0)
            current_account.reset(token)
        return replace(result, notes=(*notes, *result.notes)) if notes else result

    async def _body(
        self, work: Work, node: Node, step: StepId, attempt: int, notes: list[tuple[str, str]]
    ) -> Result | Act:
        now = self._tools.clock.now()
        values = work.values_of(step, now)
        if step.item == WHOLE and work.is_fresh(step, attempt) and not await self._applies(work, node, step, values):
            assert node.condition is not None
            return Result(Outcome("skipped", because=self._seen(node.condition, values), attempts=attempt))
        if step.item == WHOLE and node.for_each is not None:
            return Result(Outcome("running", items=await self._items(node, values), attempts=attempt))
        kind = self._tools.types.get(node.type)
        if kind is None:
            raise Invalid(f"There is no action type {node.type!r} in this installation.")
        config = await self._config(kind, node, values)
        if kind.perform is None:
            return await self._waits.carry_out(work, node, step, attempt, config)
        made = await kind.perform(config, self._context(work, step, attempt, values, notes))
        if isinstance(made, Act):
            return made
        return completed(made, attempt, self._tools.limits)

    async def _applies(self, work: Work, node: Node, step: StepId, values: Mapping[str, Any]) -> bool:
        """Whether its condition is true, or was: a change that was begun is not forgotten because time has passed."""
        if node.condition is None or await self._tools.expressions.condition(node.condition, values):
            return True
        return await self._acts.is_begun(work, node, step)

    async def _items(self, node: Node, values: Mapping[str, Any]) -> Sequence[Any]:
        assert node.for_each is not None
        text = node.for_each.items.strip()
        if text.startswith("{{") and text.endswith("}}"):
            text = text[2:-2]
        items = await self._tools.expressions.evaluate(text, values)
        if not isinstance(items, list):
            raise Invalid(f"for_each needs a list; {node.for_each.items[:100]!r} gave something else.")
        if len(items) > node.for_each.max_items:
            raise Invalid(
                f"for_each met {len(items)} items and takes {node.for_each.max_items}.",
                hint="Filter the list, or raise max_items.",
            )
        return items

    async def _config(self, kind: ActionType, node: Node, values: Mapping[str, Any]) -> Any:
        marked = cel_fields(kind.config)
        evaluate = self._tools.expressions.evaluate
        filled = {
            name: value if name in marked else await fill(value, lambda text: evaluate(text, values))
            for name, value in node.config.items()
        }
        try:
            return kind.config.model_validate(filled)
        except ValidationError as problem:
            first = problem.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise Invalid(
                f"The config of {node.key} does not fit {node.type}: {place}: {first['msg']}.",
                details={"field": place},
            ) from None

    def _context(
        self, work: Work, step: StepId, attempt: int, values: Mapping[str, Any], notes: list[tuple[str, str]]
    ) -> Context:
        tools, execution = self._tools, work.execution
        run = Run(
            execution_id=execution.id,
            workflow_id=execution.workflow_id,
            workflow_name=work.workflow_name,
            step=step.key,
            item=None if step.item == WHOLE else step.item,
            key_of=lambda: work.key_of(step),
            began_at=work.began.get(step) or tools.clock.now(),
            attempt=attempt,
            project_id=work.plan.project_id,
            timezone=work.timezone or "UTC",
            run_as=execution.run_as,
            depth=execution.depth,
            is_simulated=work.is_simulated,
            deliver_to=execution.deliver_to,
            consent=work.plan.consent,
        )

        who = Principal(execution.run_as, Role.BUILDER)

        async def call(name: str, arguments: Mapping[str, Any]) -> Any:
            return await tools.call(name, arguments, who)

        async def procore() -> Procore:
            return await tools.account(who)

        async def each(text: str, items: Sequence[Any]) -> Sequence[Any]:
            return await tools.expressions.each(text, "item", items, values)

        async def evaluate(text: str) -> Any:
            return await tools.expressions.evaluate(text, values)

        async def note(kind: str, text: str) -> None:
            notes.append((kind, text[: tools.limits.note_chars_max]))

        return Context(
            run, tools.clock, tools.limits, call, procore, each, evaluate, tools.telling, tools.web, tools.memory, note
        )

    def _account(self, work: Work, step: StepId) -> Account:
        return Account(
            self._tools.limits.requests_per_call,
            Priority.BACKGROUND,
            execution=work.execution.id,
            standby=Standby(partial(self._acts.mark_turn, work, step)),
            before_write=partial(self._acts.require_ours, work),
        )

    def _seen(self, condition: str, values: Mapping[str, Any]) -> dict[str, Any]:
        return {"expression": condition, "values": dict(self._tools.expressions.explain(condition, values))}

    def _failed(self, node: Node, attempt: int, error: ConstructionError) -> Result:
        """Another try later where that can help and one is left; else the end of the step."""
        public = error.public()["error"]
        if not error.retryable or attempt >= node.retry.max_attempts:
            return Result(Outcome("failed", error=public, attempts=attempt))
        meters.STEP_RETRIES.add(node.type)
        outcome = waiting_retry(node, attempt, error, self._tools.clock)
        return Result(outcome, notes=(retry_note(node, outcome, error),))
