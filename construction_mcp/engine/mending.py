"""What a person does about an execution that is over: run it again from somewhere, or say what became of a step."""

import json
from collections.abc import Sequence
from typing import Literal

from construction_mcp.core.clock import Clock
from construction_mcp.core.errors import Conflict, NextCall, NotFound
from construction_mcp.engine.standing import StepId
from construction_mcp.engine.work import step_key
from construction_mcp.store import audit, intents
from construction_mcp.store import executions as store
from construction_mcp.store.database import Database
from construction_mcp.store.executions import INTERACTIVE, NewExecution
from construction_mcp.store.groups import Tx
from construction_mcp.store.starts import startable
from construction_mcp.workflow.plan import Plan, plan_from

_STATUS = {"done": "completed", "not_done": "waiting", "skip": "skipped"}


class Mending:
    """Changes executions that have ended; the engine goes on from there."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def retry(self, execution_id: str, by: str, from_step: str | None, which: Literal["same", "active"]) -> str:
        """As `port.EnginePort.retry`."""
        now = self._clock.now()

        def write(tx: Tx) -> str:
            before = _ended(tx, execution_id)
            _require_known(tx, execution_id)
            active = startable(tx, before.workflow_id) if which == "active" else None
            version = before.version if active is None else active.number
            plan_hash = before.plan_hash if active is None else active.plan_hash
            new = NewExecution(
                workflow_id=before.workflow_id,
                version=version,
                plan_hash=plan_hash,
                trigger=before.trigger,
                environment=before.environment,
                company_id=before.company_id,
                project_id=before.project_id,
                run_as=before.run_as,
                requested_by=by,
                mode=before.mode,
                priority=INTERACTIVE,
                depth=before.depth,
                deliver_to=before.deliver_to,
            )
            made = store.enqueue(tx, new, now)
            execution = store.by_id(tx, made.id)
            assert execution is not None, "it was stored a moment ago"
            plan = plan_from(json.loads(store.plan_text(tx, execution) or "null"))
            store.copy_steps(tx, execution_id, made.id, _kept(plan, from_step), now)
            start = f"from {from_step}" if from_step else "from where it ended"
            store.note(tx, made.id, "retry", None, f"{by} ran {execution_id} again {start}.", now, by=by)
            return made.id

        return await self._database.write(write, durable=True)

    async def resolve(
        self, execution_id: str, step: str, outcome: Literal["done", "not_done", "skip"], by: str, evidence: str | None
    ) -> list[str]:
        """As `port.EnginePort.resolve`."""
        now = self._clock.now()
        output = {"resolved": outcome, "evidence": evidence} if outcome == "done" else None

        def write(tx: Tx) -> list[str]:
            before = _ended(tx, execution_id)
            parts = store.uncertain_parts(tx, execution_id, step)
            if not parts:
                raise Conflict(
                    f"The outcome of step {step[:64]!r} is not unknown.", code="EXECUTION_STEP_NOT_UNCERTAIN"
                )
            left = store.settle_parts(tx, execution_id, parts, _STATUS[outcome], output, now)
            for key, item, type_ in parts if outcome == "not_done" else ():
                intent = step_key(execution_id, before.plan_hash, StepId(key, item))
                intents.rule_out(tx, before.run_as, type_, intent, now)
            if not left:
                store.reopen(tx, execution_id, now)
            words = f"{by} said of {step}: {outcome.replace('_', ' ')}. {evidence or ''}".strip()
            store.note(tx, execution_id, "resolved", step, words, now, by=by)
            target = f"execution:{execution_id}/step/{step}"
            audit.append(tx, audit.Entry(by, "resolve_step", "done", words, [target]), now)
            return [store.step_name(one.key, one.item) for one in left]

        return await self._database.write(write, durable=True)


def _kept(plan: Plan, from_step: str | None) -> Sequence[str]:
    """The steps whose outcomes are taken over: all that were fine, or those that nothing from `from_step` on reaches.

    Raises:
        NotFound: VALIDATION_NOT_FOUND.
    """
    keys = [node.key for node in plan.nodes]
    if from_step is None:
        return keys
    if from_step not in keys:
        raise NotFound(f"The plan has no step {from_step[:64]!r}.", details={"steps": keys})
    again = {from_step}
    for _ in plan.nodes:  # a step may be written before what it waits for
        again |= {node.key for node in plan.nodes if again & set(node.after)}
    return [key for key in keys if key not in again]


def _require_known(tx: Tx, execution_id: str) -> None:
    """Running it again would send again what may have been made: a person looks first.

    Raises:
        Conflict: EXECUTION_NEEDS_REVIEW.
    """
    if store.status_of(tx, execution_id) == "needs_review":
        raise Conflict(
            "Nobody knows yet whether one of its changes was made.",
            code="EXECUTION_NEEDS_REVIEW",
            hint="Look where it would be, say what you found with resolve_step, and it goes on from there.",
            next_call=NextCall("observe_workflow_execution", {"execution_id": execution_id}, "says what to look at"),
        )


def _existing(tx: Tx, execution_id: str) -> store.Execution:
    found = store.by_id(tx, execution_id)
    if found is None:
        raise NotFound(f"There is no execution {execution_id[:64]!r}.", code="EXECUTION_NOT_FOUND")
    return found


def _ended(tx: Tx, execution_id: str) -> store.Execution:
    found = _existing(tx, execution_id)
    if store.status_of(tx, execution_id) not in store.ENDED:
        raise Conflict("The execution is still under way.", code="EXECUTION_NOT_ENDED")
    return found
