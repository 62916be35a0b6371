"""Making one change outside, durably once: consent, intent, effect, outcome; and looking before trying again.

The intent is on disk before anything is sent, its outcome in the transaction that ends the step. So an intent found
open is a change that nobody knows of: it is looked up where it would be, never simply repeated (PRODUCT.md section 6).
"""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

from construction_mcp.actions.performing import Act, Match, Output
from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.effects import Intent, Recorded
from construction_mcp.core.errors import ConstructionError, Invalid, Uncertain
from construction_mcp.core.json import write_json
from construction_mcp.engine.results import Result
from construction_mcp.engine.standing import Outcome, StepId
from construction_mcp.engine.trying import kept, retry_note, waiting_retry
from construction_mcp.engine.work import Work
from construction_mcp.store import approvals, intents
from construction_mcp.store.approvals import NewApproval, digest_of
from construction_mcp.store.database import Database
from construction_mcp.store.executions import LeaseLost, require_lease, step_name, wait_turn
from construction_mcp.store.groups import Tx
from construction_mcp.store.starts import is_held
from construction_mcp.workflow.plan import Node

log = logging.getLogger(__name__)

_ANY_PROJECT = " in any project"
_BEFORE_S = 60.0  # clocks differ: a look for an earlier try begins this much before it


@dataclass(frozen=True, slots=True)
class _Turn:
    """One act of one step, this time round."""

    work: Work
    node: Node
    step: StepId
    attempt: int
    act: Act
    intent: Intent


class Acts:
    """One per engine."""

    def __init__(self, database: Database, clock: Clock, limits: Limits) -> None:
        self._database = database
        self._clock = clock
        self._limits = limits

    async def carry_out(self, work: Work, node: Node, step: StepId, attempt: int, act: Act) -> Result:
        """Preview it, ask for it, look it up or make it; the result records how its intent ended."""
        shown = {"summary": act.summary, "shown": json.loads(write_json(dict(act.shown)))}
        if act.is_nothing or work.is_simulated:
            preview, would = kept(act.preview, self._limits), None if act.is_nothing else {"would": shown}
            return Result(
                Outcome("simulated" if work.is_simulated else "completed", preview, because=would, attempts=attempt)
            )
        digest = digest_of(act.summary, shown["shown"])
        refused = await self._beyond_consent(work, step, attempt, act, shown["shown"])
        if refused is not None:
            return refused
        execution = work.execution
        within = (f"workflow:{execution.workflow_id}", f"execution:{execution.id}/step/{step.key}")
        key = work.key_of(step)
        intent = Intent(
            execution.run_as, node.type, key, digest, act.summary, shown["shown"], act.targets, within, act.touches
        )
        turn = _Turn(work, node, step, attempt, act, intent)
        return await self._once(turn)

    async def is_begun(self, work: Work, node: Node, step: StepId) -> bool:
        """Whether an earlier try of the step got as far as its intent."""
        place = (work.execution.run_as, node.type, work.key_of(step))
        return await self._database.read(lambda tx: intents.is_known(tx, *place))

    async def mark_turn(self, work: Work, step: StepId, is_waiting: bool) -> None:
        """Let it be known that the step only waits for its turn at Procore, or that it goes on right now."""
        since = self._clock.now().isoformat()
        waits_for = {"what": "turn", "since": since, "who": "Procore's rate windows", "next_timer_at": None}
        told = waits_for if is_waiting else None
        await self._database.write(lambda tx: wait_turn(tx, work.execution.id, work.lease, step, told))

    async def require_ours(self, work: Work) -> None:
        """Look again at who carries it out: while a write waited for its turn, this process may have been frozen.

        Raises:
            LeaseLost: another engine does; nothing may be sent.
        """
        await self._database.read(lambda tx: require_lease(tx, work.execution.id, work.lease))

    async def _once(self, turn: _Turn) -> Result:
        """By what is known of an earlier try."""
        intended = await self._intend(turn)
        if intended is None:
            return self._held(turn)
        recorded, is_new = intended
        if is_new:
            return await self._perform(turn, recorded)
        if recorded.state == "done":
            return Result(Outcome("completed", recorded.outcome, attempts=turn.attempt))
        if recorded.state == "failed" or turn.act.is_repeatable:
            return await self._perform_again(turn, recorded)
        return await self._find_out(turn, recorded)

    async def _intend(self, turn: _Turn) -> tuple[Recorded, bool] | None:
        """Durable before anything is sent, only while the execution is this engine's; None while it is held."""
        now, execution = self._clock.now(), turn.work.execution

        def write(tx: Tx) -> tuple[Recorded, bool] | None:
            require_lease(tx, execution.id, turn.work.lease)
            if is_held(tx, execution.project_id, execution.run_as):
                return None
            return intents.intend(tx, turn.intent, now)

        return await self._database.write(write, durable=True)

    def _held(self, turn: _Turn) -> Result:
        """pause_all came first: it waits, and this was no try. What is held is not looked at until it is released."""
        now = self._clock.now()
        due_at = now + timedelta(seconds=self._limits.hold_look_s)
        waits_for = {"what": "hold", "since": now.isoformat(), "who": "resume_all", "next_timer_at": None}
        outcome = Outcome("waiting", attempts=turn.attempt - 1, waits_for=waits_for, due_at=due_at)
        return Result(outcome, notes=(("hold", "pause_all holds it back."),))

    async def _perform_again(self, turn: _Turn, recorded: Recorded) -> Result:
        now = self._clock.now()

        def write(tx: Tx) -> Recorded:
            require_lease(tx, turn.work.execution.id, turn.work.lease)
            return intents.intend_again(tx, turn.intent, recorded, now)

        return await self._perform(turn, await self._database.write(write, durable=True))

    async def _perform(self, turn: _Turn, recorded: Recorded) -> Result:
        try:
            async with asyncio.timeout(turn.node.timeout_s or self._limits.step_timeout_s):
                output = kept(await turn.act.perform(), self._limits)
        except LeaseLost:
            raise  # it was not sent
        except (Uncertain, TimeoutError) as error:
            return self._unknown(turn, recorded, error)
        except ConstructionError as error:
            return self._failed(turn, recorded, error)
        except Exception as error:
            log.exception("an act of step %s of execution %s failed by mistake", turn.step.key, turn.work.execution.id)
            return self._unknown(turn, recorded, error)
        return self._done(turn, recorded, output)

    def _done(self, turn: _Turn, recorded: Recorded, output: Output) -> Result:
        outcome = Outcome("completed", output, attempts=turn.attempt)
        return Result(outcome, records=(self._ends(turn, recorded, "done", output),), is_durable=True)

    def _failed(self, turn: _Turn, recorded: Recorded, error: ConstructionError) -> Result:
        """It certainly did not happen."""
        ends = self._ends(turn, recorded, "failed", error.public())
        if error.retryable and turn.attempt < turn.node.retry.max_attempts:
            outcome = waiting_retry(turn.node, turn.attempt, error, self._clock)
            return Result(outcome, (retry_note(turn.node, outcome, error),), (ends,), is_durable=True)
        failed = Outcome("failed", error=error.public()["error"], attempts=turn.attempt)
        return Result(failed, records=(ends,), is_durable=True)

    def _unknown(self, turn: _Turn, recorded: Recorded, error: BaseException) -> Result:
        """It may have happened. Where it can be looked up, a moment later; what may happen twice is tried again."""
        can_tell = turn.act.look is not None or turn.act.is_repeatable
        if can_tell and turn.attempt < turn.node.retry.max_attempts + self._limits.step_looks_max:
            note = f"Its outcome is unknown; it is looked for in {self._limits.step_settle_s:g} s: {_said(error)}"
            return Result(self._settling(turn, looks=0), (("uncertain", note),), is_durable=True)
        return self._review(turn, recorded, f"{_said(error)} Nothing can tell whether it happened.")

    async def _find_out(self, turn: _Turn, recorded: Recorded) -> Result:
        """Look for what the earlier try may have made: one is it, several need a person, none is sent after a second
        look."""
        if turn.act.look is None:
            return self._review(turn, recorded, "It was cut off while it was being sent, and it cannot be looked up.")
        since = (turn.work.began.get(turn.step) or self._clock.now()) - timedelta(seconds=_BEFORE_S)
        matches = await self._unclaimed(turn, await turn.act.look(since), since)
        if len(matches) == 1:
            found = self._done(turn, recorded, kept(matches[0].output, self._limits))
            return Result(
                found.outcome,
                (("found", f"An earlier try had made it: {matches[0].id}."),),
                found.records,
                is_durable=True,
            )
        if len(matches) > 1:
            several = ", ".join(match.id for match in matches[:5])
            return self._review(turn, recorded, f"Several could be it: {several}.")
        before = turn.work.before.get(turn.step)
        looks = ((before.waits_for or {}) if before is not None else {}).get("looks", 0)
        if looks == 0:
            return Result(self._settling(turn, looks=1), (("look", "It is not there yet; one more look follows."),))
        return await self._perform_again(turn, recorded)

    async def _unclaimed(self, turn: _Turn, matches: Sequence[Match], since: datetime) -> list[Match]:
        """Without those that belong to effects we know of."""
        tool = turn.intent.tool
        known = await self._database.read(lambda tx: intents.outcomes_since(tx, tool, since))
        taken = {identity for outcome in known for identity in _ids_in(outcome)}
        return [match for match in matches if match.id not in taken]

    def _settling(self, turn: _Turn, *, looks: int) -> Outcome:
        now = self._clock.now()
        due_at = now + timedelta(seconds=self._limits.step_settle_s)
        waits_for = {
            "what": "outcome",
            "since": now.isoformat(),
            "who": None,
            "next_timer_at": due_at.isoformat(),
            "looks": looks,
        }
        return Outcome(
            "waiting", error=self._question(turn, ""), attempts=turn.attempt, waits_for=waits_for, due_at=due_at
        )

    def _review(self, turn: _Turn, recorded: Recorded, why: str) -> Result:
        error = self._question(turn, why)
        would_give = kept(turn.act.preview, self._limits)  # what it gave, once a person says that it was done
        outcome = Outcome("uncertain", would_give, error=error, attempts=turn.attempt)
        return Result(outcome, records=(self._ends(turn, recorded, "uncertain", {"error": error}),), is_durable=True)

    def _question(self, turn: _Turn, why: str) -> dict[str, Any]:
        """What a person has to look at, and how to say what they found."""
        arguments = {"execution_id": turn.work.execution.id, "step": step_name(*turn.step), "outcome": "done"}
        return {
            "code": "EXECUTION_NEEDS_REVIEW",
            "message": f"Nobody knows whether this happened: {turn.act.summary}. {why}".strip(),
            "details": {"look_at": list(turn.act.targets), "shown": turn.intent.shown},
            "retryable": False,
            "next": {"tool": "resolve_step", "arguments": arguments, "why": "says what you found there"},
        }

    def _ends(
        self, turn: _Turn, recorded: Recorded, state: Literal["done", "failed", "uncertain"], outcome: Any
    ) -> Any:
        now = self._clock.now()
        return partial(intents.finish, intent_id=recorded.id, intent=turn.intent, state=state, outcome=outcome, now=now)

    async def _beyond_consent(
        self, work: Work, step: StepId, attempt: int, act: Act, shown: Mapping[str, Any]
    ) -> Result | None:
        """What stops an act that deploying did not agree to: an approval of exactly this act, or its refusal."""
        beyond = [touched for touched in act.touches if not self._admits(work, step, touched)]
        if not beyond:
            for touched in act.touches:
                work.touched.setdefault(touched, set()).add(step)
            return None
        asked = await self._database.read(lambda tx: approvals.of_step(tx, work.execution.id, *step))
        question = f"{act.summary} ({_words(beyond)} is beyond what deploying agreed to)"
        if asked is not None and asked.status == "approved" and asked.digest == digest_of(question, shown):
            return None
        if asked is not None and asked.status not in ("pending", "approved"):
            refused = Invalid(
                f"{_words(beyond)} is beyond what was agreed to, and nobody approved it.",
                code="EXECUTION_CONSENT_EXCEEDED",
            )
            return Result(Outcome("failed", error=refused.public()["error"], attempts=attempt))
        return self._asking(work, step, attempt, question, shown)

    def _asking(self, work: Work, step: StepId, attempt: int, question: str, shown: Mapping[str, Any]) -> Result:
        now = self._clock.now()
        expires_at = now + timedelta(seconds=self._limits.consent_wait_s)
        new = NewApproval(
            execution_id=work.execution.id,
            step=step.key,
            item=step.item,
            summary=question,
            shown=shown,
            digest=digest_of(question, shown),
            requested_by=work.execution.run_as,
            approvers=(work.execution.run_as,),
            expires_at=expires_at,
        )

        def ask(tx: Tx) -> None:
            approvals.request(tx, new, now)

        waits_for = {
            "what": "approval",
            "since": now.isoformat(),
            "who": [work.execution.run_as],
            "next_timer_at": expires_at.isoformat(),
        }
        outcome = Outcome("waiting", attempts=attempt, waits_for=waits_for, due_at=expires_at)
        return Result(outcome, records=(ask,), is_durable=True)

    @staticmethod
    def _admits(work: Work, step: StepId, touched: tuple[str, str]) -> bool:
        """A further try of the same step is not a further time."""
        kind, target = touched
        if kind == "mail" and work.execution.deliver_to is not None:
            return target == work.execution.deliver_to
        for one in work.plan.consent:
            if one["kind"] == kind and _covers(str(one["target"]), target):
                most = one.get("max_per_run") or 0
                return most == 0 or len(work.touched.get(touched, set()) - {step}) < most
        return False


def _covers(agreed: str, target: str) -> bool:
    """Whether what was agreed to in words includes the target: itself, any project, or everybody of a domain."""
    if agreed == target:
        return True
    if agreed.endswith(_ANY_PROJECT):
        return target.startswith(agreed.removesuffix(_ANY_PROJECT) + " in ")
    return agreed.startswith("@") and target.endswith(agreed)


def _words(beyond: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{kind} {target}" for kind, target in beyond)


def _ids_in(outcome: Any) -> set[str]:
    item = outcome.get("item") if isinstance(outcome, Mapping) else None
    return {str(item["id"])} if isinstance(item, Mapping) and "id" in item else set()


def _said(error: BaseException) -> str:
    return error.message if isinstance(error, ConstructionError) else "It took too long or failed by mistake."
