"""Approvals against a model: cancelling, deciding, racing and expiring in any order has a single winner.

Source: engine.md, failure test 7; security.md S8.
"""

import asyncio
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from construction_mcp.core.clock import ManualClock
from construction_mcp.core.errors import ConstructionError
from construction_mcp.store import approvals as store
from construction_mcp.store.approvals import Decision, NewApproval, digest_of
from construction_mcp.store.database import Database
from construction_mcp.store.executions import NewExecution, enqueue
from construction_mcp.store.queries import load
from construction_mcp.store.workflows import Draft, Workflows
from tests.store.conftest import QUICK

OPEN_S = 60
ANSWERS = st.sampled_from(["approve", "reject"])
_ENDED = {"approve": "approved", "reject": "rejected"}


class ApprovalsMachine(RuleBasedStateMachine):
    made = Bundle("made")

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.clock = ManualClock()
        self.database = self.runner.run(Database.open(Path(self.directory.name) / "construction.db", limits=QUICK))
        self.workflow = self.runner.run(Workflows(self.database, self.clock).create(Draft("W", "simulator", "local:1")))
        self.model: dict[str, dict[str, Any]] = {}
        self.decided = 0

    def teardown(self) -> None:
        self.runner.run(self.database.close())
        self.runner.close()
        self.directory.cleanup()

    def write(self, function) -> Any:
        return self.runner.run(self.database.write(function))

    def decision(self, approval_id: str, answer: str, **changes: Any) -> Decision:
        row = self.model[approval_id]
        return replace(Decision(approval_id, row["digest"], answer, "ana", "link"), **changes)  # type: ignore[arg-type]  # as drawn

    async def attempt(self, decision: Decision) -> str:
        try:
            done = await self.database.write(lambda tx: store.decide(tx, decision, self.clock.now()))
        except ConstructionError as error:
            return error.code
        return done.status

    def expected(self, approval_id: str, answer: str) -> str:
        row = self.model[approval_id]
        if row["status"] == "expired" or (row["status"] == "pending" and row["until"] <= self.clock.now()):
            return "APPROVAL_EXPIRED"
        if row["status"] != "pending":
            return "APPROVAL_DECIDED"
        row["status"] = _ENDED[answer]
        self.decided += 1
        return row["status"]

    @rule(target=made, on_expiry=st.sampled_from(["reject", "fail", "escalate"]), number=st.integers(0, 9))
    def ask(self, on_expiry, number):
        now = self.clock.now()
        new = NewExecution(self.workflow.id, None, "h", {}, "simulator", 1, 7, "local:1", "local:1")
        execution_id = self.write(lambda tx: enqueue(tx, new, now)).id
        digest, until = digest_of("S", {"n": number}), now + timedelta(seconds=OPEN_S)
        asked = NewApproval(execution_id, "ask", "S", {"n": number}, digest, "local:1", ("ana",), until)
        asked = replace(asked, on_expiry=on_expiry, escalate_to=("boss",) if on_expiry == "escalate" else None)
        first, again = [self.write(lambda tx: store.request(tx, asked, now)) for _ in range(2)]
        assert first == again
        self.model[first] = {
            "execution": execution_id, "status": "pending", "until": until, "digest": digest, "on_expiry": on_expiry,
            "asked": now,
        }  # fmt: skip
        return first

    @rule(approval=made, answer=ANSWERS)
    def decide(self, approval, answer):
        got = self.runner.run(self.attempt(self.decision(approval, answer)))
        assert got == self.expected(approval, answer)

    @rule(approval=made, answers=st.lists(ANSWERS, min_size=2, max_size=4), cancels_at=st.integers(0, 4))
    def race(self, approval, answers, cancels_at):
        """Answers and perhaps a cancellation at the same time: they are carried out in some order, one wins."""
        was_open = self.model[approval]["status"] == "pending" and self.model[approval]["until"] > self.clock.now()
        execution_id = self.model[approval]["execution"]

        async def cancel() -> int:
            return await self.database.write(lambda tx: store.cancel_of(tx, [execution_id], self.clock.now()))

        async def all_at_once() -> list[Any]:
            attempts: list[Any] = [self.attempt(self.decision(approval, answer)) for answer in answers]
            if cancels_at < len(answers):
                attempts.insert(cancels_at, cancel())
            return await asyncio.gather(*attempts)

        results = self.runner.run(all_at_once())
        winners = [one for one in results if one in ("approved", "rejected") or one == 1]
        row = self.model[approval]
        if was_open:
            assert len(winners) == 1
            row["status"] = "cancelled" if winners[0] == 1 else winners[0]
            self.decided += winners[0] != 1
        elif row["status"] == "pending" and winners:  # late for an answer, not for a cancellation
            assert winners == [1]
            row["status"] = "cancelled"
        else:
            assert winners == []

    @rule(approval=made, answer=ANSWERS)
    def decide_on_something_else(self, approval, answer):
        got = self.runner.run(self.attempt(self.decision(approval, answer, digest="0" * 64)))
        assert got in ("APPROVAL_CHANGED", "APPROVAL_EXPIRED", "APPROVAL_DECIDED")

    @rule(approval=made)
    def cancel(self, approval):
        row = self.model[approval]
        ended = self.write(lambda tx: store.cancel_of(tx, [row["execution"]], self.clock.now()))
        assert ended == (row["status"] == "pending")
        if ended:
            row["status"] = "cancelled"

    @rule(seconds=st.sampled_from([1, OPEN_S // 2, OPEN_S, 2 * OPEN_S]))
    def time_goes_by(self, seconds):
        self.clock.advance(seconds)

    @rule()
    def sweep(self):
        now = self.clock.now()
        swept = {one.id: one for one in self.write(lambda tx: store.expire_due(tx, now))}
        due = {one for one, row in self.model.items() if row["status"] == "pending" and row["until"] <= now}
        assert swept.keys() == due
        for one in due:
            row = self.model[one]
            if row["on_expiry"] == "escalate":
                row.update(until=now + (row["until"] - row["asked"]), on_expiry="reject")
            else:
                row["status"] = "expired"

    @invariant()
    def the_store_agrees(self):
        def read(tx) -> tuple[dict[str, str], int]:
            kept = {one: store.get(tx, one).status for one in self.model}
            return kept, sum(row["action"] == "approval.decide" for row in tx.all(load("audit").chain))

        kept, audited = self.runner.run(self.database.read(read))
        assert kept == {one: row["status"] for one, row in self.model.items()}
        assert audited == self.decided


TestApprovalsModel = ApprovalsMachine.TestCase
TestApprovalsModel.settings = settings(
    max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.slow
def test_a_single_answer_wins_for_ten_thousand_steps():
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        ApprovalsMachine, settings=settings(TestApprovalsModel.settings, max_examples=200, stateful_step_count=50)
    )
