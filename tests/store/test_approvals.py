"""What is kept of a question and its answer: one answer, in time, to exactly what was shown (S8)."""

import sqlite3
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from construction_mcp.core.errors import Conflict, ConstructionError, Invalid, NeedsApproval, NotFound
from construction_mcp.store import approvals as store
from construction_mcp.store import audit
from construction_mcp.store.approvals import Approval, Decision, NewApproval, digest_of
from construction_mcp.store.executions import NewExecution, enqueue
from construction_mcp.store.queries import load
from construction_mcp.store.workflows import Draft

pytestmark = pytest.mark.anyio

SHOWN: dict[str, Any] = {"answer": "Use type A", "copies": 2, "rfi": {"number": "42"}}
ANA = "ana@builder.com"


@pytest.fixture
async def execution_id(database, workflows, clock) -> str:
    workflow = await workflows.create(Draft("Answers", "simulator", "local:1"))
    new = NewExecution(workflow.id, None, "h", {"type": "manual"}, "simulator", 1, 7, "local:1", "local:1")
    return (await database.write(lambda tx: enqueue(tx, new, clock.now()))).id


@pytest.fixture
def asked(execution_id, clock) -> NewApproval:
    return NewApproval(
        execution_id=execution_id,
        step="ask",
        summary="Answer RFI 42",
        shown=SHOWN,
        editable=("answer", "copies"),
        digest=digest_of("Answer RFI 42", SHOWN),
        requested_by="local:1",
        approvers=(ANA,),
        expires_at=clock.now() + timedelta(days=3),
        remind_at=clock.now() + timedelta(days=1),
    )


async def request(database, new: NewApproval, clock) -> Approval:
    return await database.write(lambda tx: store.get(tx, store.request(tx, new, clock.now())))


async def decide(database, approval: Approval, clock, answer: Any = "approve", **changes: Any) -> Approval:
    decision = replace(Decision(approval.id, approval.digest, answer, ANA, "link"), **changes)
    return await database.write(lambda tx: store.decide(tx, decision, clock.now()))


async def refusal(attempt) -> ConstructionError:
    with pytest.raises(ConstructionError) as refused:
        await attempt
    return refused.value


async def audited(database) -> list[sqlite3.Row]:
    return await database.read(lambda tx: tx.all(load("audit").chain))


async def test_a_step_asks_once_however_often_it_parks(database, asked, clock):
    first = await request(database, asked, clock)
    again = await request(database, asked, clock)
    found = await database.read(lambda tx: store.of_step(tx, asked.execution_id, "ask", -1))
    other = await request(database, replace(asked, item=0), clock)

    assert first == again == found
    assert first.shown == SHOWN
    assert (first.status, first.approvers, first.told_at) == ("pending", (ANA,), None)
    assert other.id != first.id


async def test_the_first_answer_stands_and_is_in_the_audit_log_once(database, asked, clock):
    approval = await request(database, asked, clock)
    decided = await decide(database, approval, clock, edits={"answer": "Use type B", "copies": 2}, comment="as on site")
    late = [await refusal(decide(database, approval, clock, answer)) for answer in ("approve", "reject")]
    after = await database.read(lambda tx: store.get(tx, approval.id))
    rows = await audited(database)

    assert decided == after
    assert (decided.status, decided.decided_by, decided.decided_how) == ("approved", ANA, "link")
    assert decided.changed == {"answer": "Use type B"}
    assert decided.edits == {"answer": "Use type B", "copies": 2}
    assert [error.code for error in late] == ["APPROVAL_DECIDED"] * 2
    assert [(row["principal"], row["action"], row["outcome"]) for row in rows] == [(ANA, "approval.decide", "done")]
    assert audit.first_break(rows) is None


async def test_an_answer_after_its_time_is_refused_before_any_sweep_ran(database, asked, clock):
    approval = await request(database, asked, clock)
    clock.set_now(asked.expires_at)
    late = await refusal(decide(database, approval, clock))

    assert (type(late), late.code) == (NeedsApproval, "APPROVAL_EXPIRED")
    assert await audited(database) == []


async def test_an_answer_to_something_else_than_was_shown_decides_nothing(database, asked, clock):
    approval = await request(database, asked, clock)
    stale = await refusal(decide(database, approval, clock, digest=digest_of("Answer RFI 42", {})))

    assert (type(stale), stale.code) == (Conflict, "APPROVAL_CHANGED")
    assert (await database.read(lambda tx: store.get(tx, approval.id))).status == "pending"


async def test_a_payload_that_was_changed_in_the_table_is_not_decided(database, asked, clock, path):
    """The digest is of what the row holds now, not what a column claims."""
    approval = await request(database, asked, clock)
    with sqlite3.connect(path) as other:
        other.execute("UPDATE approvals SET shown = json_set(shown, '$.answer', 'Pay everything')")
    changed = await refusal(decide(database, approval, clock))

    assert changed.code == "APPROVAL_CHANGED"


@pytest.mark.parametrize("answered", [False, True])
async def test_a_step_that_would_do_something_else_asks_anew(database, asked, clock, answered):
    """Its former question, the links to it and even a yes to it are void."""
    former = await request(database, asked, clock)
    await database.write(lambda tx: store.add_link(tx, "token", store.Link(former.id, ANA)))
    if answered:
        await decide(database, former, clock)
    shown = {**SHOWN, "answer": "Use type C"}
    now = await request(database, replace(asked, shown=shown, digest=digest_of(asked.summary, shown)), clock)

    assert (now.status, now.shown["answer"]) == ("pending", "Use type C")
    assert (await refusal(decide(database, former, clock))).code == "APPROVAL_NOT_FOUND"
    assert await database.read(lambda tx: store.link_of(tx, "token")) is None


@pytest.mark.parametrize(
    "edits",
    [{"rfi": {"number": "43"}}, {"decision": "approve"}, {"answer": 3}, {"copies": True}, {"answer": "x" * 70_000}],
)
async def test_only_editable_values_are_edited_and_keep_their_type(database, asked, clock, edits):
    approval = await request(database, asked, clock)
    refused = await refusal(decide(database, approval, clock, edits=edits))

    assert isinstance(refused, Invalid)
    assert (await database.read(lambda tx: store.get(tx, approval.id))).status == "pending"


async def test_a_no_keeps_no_edits(database, asked, clock):
    approval = await request(database, asked, clock)
    decided = await decide(database, approval, clock, "reject", edits={"answer": "Use type B"})

    assert (decided.status, decided.changed, decided.edits["answer"]) == ("rejected", {}, "Use type A")


async def test_cancelling_an_execution_asks_no_more_and_keeps_what_was_decided(database, asked, clock):
    decided = await request(database, asked, clock)
    pending = await request(database, replace(asked, item=0), clock)
    await decide(database, decided, clock)
    ended = await database.write(lambda tx: store.cancel_of(tx, [asked.execution_id], clock.now()))
    late = await refusal(decide(database, pending, clock))

    assert ended == 1
    assert (late.code, late.details["status"]) == ("APPROVAL_DECIDED", "cancelled")
    assert (await database.read(lambda tx: store.get(tx, decided.id))).status == "approved"


async def test_what_nobody_answered_expires_once(database, asked, clock):
    approval = await request(database, asked, clock)
    clock.set_now(asked.expires_at)
    swept, again = [await database.write(lambda tx: store.expire_due(tx, clock.now())) for _ in range(2)]

    assert [(one.id, one.status) for one in swept] == [(approval.id, "expired")]
    assert again == []
    assert (await refusal(decide(database, approval, clock))).code == "APPROVAL_EXPIRED"


async def test_an_escalation_asks_others_once_for_as_long_again(database, asked, clock):
    await request(database, replace(asked, on_expiry="escalate", escalate_to=("boss@builder.com",)), clock)
    clock.set_now(asked.expires_at)
    (again,) = await database.write(lambda tx: store.expire_due(tx, clock.now()))
    clock.set_now(again.expires_at)
    (over,) = await database.write(lambda tx: store.expire_due(tx, clock.now()))

    assert (again.status, again.approvers, again.told_at) == ("pending", ("boss@builder.com",), None)
    assert again.expires_at - asked.expires_at == timedelta(days=3)
    assert (over.status, over.on_expiry) == ("expired", "reject")


async def test_links_of_those_asked_before_an_escalation_lead_nowhere(database, asked, clock):
    approval = await request(database, replace(asked, on_expiry="escalate", escalate_to=("b@c.de",)), clock)
    await database.write(lambda tx: store.add_link(tx, "token", store.Link(approval.id, ANA)))
    clock.set_now(asked.expires_at)
    await database.write(lambda tx: store.expire_due(tx, clock.now()))

    assert await database.read(lambda tx: store.link_of(tx, "token")) is None


async def test_they_are_told_then_reminded_once(database, asked, clock):
    approval = await request(database, asked, clock)
    untold = await database.read(store.untold)
    await database.write(lambda tx: store.told(tx, approval, clock.now()))
    early = await database.read(lambda tx: store.to_remind(tx, clock.now()))
    due = await database.read(store.next_due)
    clock.set_now(asked.remind_at)
    (reminded,) = await database.read(lambda tx: store.to_remind(tx, clock.now()))
    await database.write(lambda tx: store.told(tx, reminded, clock.now()))

    assert [one.id for one in untold] == [approval.id]
    assert (early, due) == ([], asked.remind_at)
    assert await database.read(lambda tx: store.to_remind(tx, clock.now())) == []
    assert await database.read(store.untold) == []
    assert await database.read(store.next_due) == asked.expires_at


async def test_pages_are_newest_first_and_complete(database, asked, clock):
    made = []
    for item in range(5):
        clock.advance(1)
        made.append((await request(database, replace(asked, item=item), clock)).id)
    first = await database.read(lambda tx: store.page(tx, "pending", 3))
    second = await database.read(lambda tx: store.page(tx, None, 3, store.position(first[-1])))

    assert [one.id for one in (*first, *second)] == made[::-1]
    assert await database.read(lambda tx: store.page(tx, "approved", 3)) == []


async def test_the_tables_hold_no_code_and_no_token(database, asked, clock, path):
    approval = await request(database, asked, clock)
    await database.write(lambda tx: store.add_link(tx, "a-secret-token", store.Link(approval.id, ANA)))
    with sqlite3.connect(path) as other:
        dump = "\n".join(other.iterdump())

    assert "a-secret-token" not in dump
    assert await database.read(lambda tx: store.link_of(tx, "a-secret-token")) == (approval.id, ANA)


async def test_an_unknown_approval_is_not_found(database):
    with pytest.raises(NotFound):
        await database.read(lambda tx: store.get(tx, "apr_none"))
