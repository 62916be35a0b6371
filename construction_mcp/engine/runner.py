"""Performs one step: condition, config, reading or changing, under a deadline; and says what came of it.

What changes something passes through `acts.py`, which makes the intent durable first. A step that is tried again gets
here again; how often and when is decided here as well, by what went wrong.
"""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import ValidationError

from construction_mcp.actions.action import ActionType, cel_fields
from construction_mcp.actions.performing import Act
from construction_mcp.core import meters, spans
from construction_mcp.core.errors import ConstructionError, Invalid, Unavailable
from construction_mcp.engine.acts import Acts
from construction_mcp.engine.body import Body, Tools
from construction_mcp.engine.deadline import within
from construction_mcp.engine.results import Result
from construction_mcp.engine.standing import WHOLE, Outcome, StepId
from construction_mcp.engine.trying import completed, retry_note, waiting_retry
from construction_mcp.engine.waits import Waits
from construction_mcp.engine.work import Work
from construction_mcp.expressions.templates import fill
from construction_mcp.procore.budget import Account, current_account
from construction_mcp.procore.limiter import Priority, Standby
from construction_mcp.store.executions import LeaseLost
from construction_mcp.workflow.plan import Node

log = logging.getLogger(__name__)


class NodeRunner:
    """One per engine."""

    def __init__(self, tools: Tools, acts: Acts, waits: Waits) -> None:
        self._tools = tools
        self._acts = acts
        self._waits = waits

    async def run(self, work: Work, step: StepId, attempt: int) -> Result:
        """Carry the step out once more. Never raises but for cancellation: whatever went wrong is the outcome."""
        body = Body(self._tools, work, step, attempt)
        node, limits = body.node, self._tools.limits
        account = self._account(work, step)
        token = current_account.set(account)
        try:
            with spans.span(f"step {node.type}", construction_mcp__step__try=attempt):
                result = await within(node.timeout_s or limits.step_timeout_s, self._perform(body))
                if isinstance(result, Act):  # has a deadline of its own: what was sent late is not known to have failed
                    result = await self._acts.carry_out(work, node, step, attempt, result)
        except LeaseLost:
            raise
        except TimeoutError:
            seconds = node.timeout_s or limits.step_timeout_s
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
            work.requests += limits.requests_per_call - account.left
            current_account.reset(token)
        return result._replace(notes=(*body.notes, *result.notes)) if body.notes else result

    def only_computes(self, node: Node) -> bool:
        """Whether bodies of the node wait for nothing outside: what they may wait for is their turn to compute."""
        kind = self._tools.types.get(node.type)
        return kind is not None and kind.effect == "pure"

    async def _perform(self, body: Body) -> Result | Act:
        work, node, step, attempt = body.work, body.node, body.step, body.attempt
        if step.item == WHOLE:
            if node.condition is not None and work.is_fresh(step, attempt) and not await self._applies(body):
                return Result(Outcome("skipped", because=self._seen(node.condition, body.values), attempts=attempt))
            if node.for_each is not None:
                return Result(Outcome("running", items=await self._items(node, body.values), attempts=attempt))
        kind = self._tools.types.get(node.type)
        if kind is None:
            raise Invalid(f"There is no action type {node.type!r} in this installation.")
        config = await self._config(kind, body)
        if kind.perform is None:
            return await self._waits.carry_out(work, node, step, attempt, config)
        made = await kind.perform(config, body)
        return made if isinstance(made, Act) else completed(made, attempt, self._tools.limits)

    async def _applies(self, body: Body) -> bool:
        """Whether its condition is true, or was: a change that was begun is not forgotten because time has passed."""
        assert body.node.condition is not None
        if await self._tools.expressions.condition(body.node.condition, body.values):
            return True
        return await self._acts.is_begun(body.work, body.node, body.step)

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

    async def _config(self, kind: ActionType, body: Body) -> Any:
        """The node's config with its templates filled in, as its action takes it; one without any is made once."""
        plan, key = body.work.plan, body.node.key
        if (ready := plan.ready.get(key)) is not None:
            return ready
        given, names = body.node.config, plan.filled[key]
        if names:
            marked = cel_fields(kind.config)
            given = {**given, **{name: await fill(given[name], body.evaluate) for name in names if name not in marked}}
        config = _validated(kind, body.node, given)
        if not names:
            plan.ready[key] = config
        return config

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


def _validated(kind: ActionType, node: Node, given: Mapping[str, Any]) -> Any:
    """Raises: Invalid: it does not fit."""
    try:
        return kind.config.model_validate(given)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Invalid(
            f"The config of {node.key} does not fit {node.type}: {place}: {first['msg']}.",
            details={"field": place},
        ) from None
