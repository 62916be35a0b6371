"""The gate: one effect for one consent, however often, whatever breaks in between."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Settings
from construction_mcp.core.cursor import Cursors
from construction_mcp.core.effects import Effect, Gated
from construction_mcp.core.errors import Conflict, ConstructionError, Invalid, NotPermitted, Unavailable, Uncertain
from construction_mcp.core.keys import KeyRing
from construction_mcp.core.ports import Answer, InputNeeded
from construction_mcp.core.types import Principal, Role
from construction_mcp.engine.approvals import Approvals, Said
from construction_mcp.registry.gate import Asked, Gate
from construction_mcp.store import audit
from construction_mcp.store.database import Database
from construction_mcp.store.intents import Intents
from construction_mcp.store.queries import load
from tests.registry.conftest import ADMIN

pytestmark = pytest.mark.anyio

RETURNS = TypeAdapter(Gated[dict[str, Any]])


@dataclass
class Outside:
    """The world behind the gate: counts what reached it, and can fail."""

    done: list[str] = field(default_factory=list)
    failure: ConstructionError | None = None
    title: str = "Slab edge"

    def effect(self) -> Effect[dict[str, Any]]:
        async def perform() -> dict[str, Any]:
            if self.failure is not None:
                raise self.failure
            self.done.append(self.title)
            return {"id": len(self.done)}

        return Effect(f"Close RFI 42 {self.title}", {"status": "open -> closed"}, perform, ("procore:rfi/42",))


@dataclass
class Person:
    """An `Ask` of the era with rounds: the first round raises, the second has the answer and the state."""

    answer: Answer | None = None
    state: str | None = None
    can_form: bool = True
    can_url: bool = False

    async def form(self, key: str, message: str, schema: Mapping[str, Any], *, state: str | None = None) -> Answer:
        if self.answer is None:
            raise InputNeeded({key: message}, state)
        return self.answer

    async def url(self, key: str, message: str, url: str, *, state: str | None = None) -> Answer:
        raise AssertionError("the gate opens no links")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "construction.db")
    yield opened
    await opened.close()


@pytest.fixture
def approvals(database: Database, clock: ManualClock) -> Approvals:
    return Approvals(database, KeyRing([b"k" * 32]), clock)


@pytest.fixture
def gate(database: Database, clock: ManualClock, tmp_path: Path, approvals: Approvals) -> Gate:
    return gate_of(Settings(data_dir=tmp_path), Intents(database, clock), clock, approvals)


@pytest.fixture
def outside() -> Outside:
    return Outside()


async def ask_gate(gate: Gate, outside: Outside, asked: Asked) -> Gated[Any]:
    """As dispatch does: what happened before under this key, else through the gate."""
    return await gate.earlier(asked) or await gate.pass_through(outside.effect(), asked, RETURNS)


def gate_of(settings: Settings, intents: Intents, clock: ManualClock, approvals: Approvals) -> Gate:
    return Gate(intents, Cursors(b"k" * 32), settings, clock, approvals)


CALL = Asked(ADMIN, "close_rfi", {"id": 42}, None)


async def test_without_a_form_the_call_is_previewed_and_its_confirmation_performs_it_once(
    gate: Gate, outside: Outside
) -> None:
    shown = await ask_gate(gate, outside, CALL)
    confirmed = replace(CALL, confirmation=shown.confirmation)
    first, again = [await ask_gate(gate, outside, confirmed) for _ in range(2)]

    assert shown.status == "needs_confirmation"
    assert shown.preview == {"summary": "Close RFI 42 Slab edge", "changes": {"status": "open -> closed"}}
    assert (first.status, first.item, again.item) == ("done", {"id": 1}, {"id": 1})
    assert outside.done == ["Slab edge"]


async def test_a_confirmation_is_for_its_call_its_caller_and_its_time(
    gate: Gate, outside: Outside, clock: ManualClock
) -> None:
    token = (await ask_gate(gate, outside, CALL)).confirmation
    others = [
        replace(CALL, confirmation=token, arguments={"id": 43}),
        replace(CALL, confirmation=token, tool="open_rfi"),
        replace(CALL, confirmation=token, principal=replace(ADMIN, id="user:2")),
        replace(CALL, confirmation=f"{token}x"),
    ]

    for other in others:
        with pytest.raises(Invalid):
            await ask_gate(gate, outside, other)
    clock.advance(601)
    with pytest.raises(Invalid, match="expired"):
        await ask_gate(gate, outside, replace(CALL, confirmation=token))
    assert outside.done == []


async def test_what_changed_since_the_preview_voids_the_confirmation(gate: Gate, outside: Outside) -> None:
    token = (await ask_gate(gate, outside, CALL)).confirmation
    outside.title = "Something else"

    with pytest.raises(Invalid, match="not what was shown"):
        await ask_gate(gate, outside, replace(CALL, confirmation=token))
    assert outside.done == []


async def test_a_person_who_accepts_is_asked_once_and_their_answer_counts_once(gate: Gate, outside: Outside) -> None:
    """2026-07-28: the client sends the answer with our sealed state; the same answer again is the same consent."""
    with pytest.raises(InputNeeded) as question:
        await ask_gate(gate, outside, replace(CALL, ask=Person()))
    answered = replace(CALL, ask=Person(Answer("accept", {"confirm": True}), question.value.state))

    first, again = [await ask_gate(gate, outside, answered) for _ in range(2)]

    assert (first.item, again.item) == ({"id": 1}, {"id": 1})
    assert outside.done == ["Slab edge"]


async def test_an_answer_to_another_question_shows_the_change_afresh(gate: Gate, outside: Outside) -> None:
    with pytest.raises(InputNeeded) as question:
        await ask_gate(gate, outside, replace(CALL, ask=Person()))
    outside.title = "Something else"

    answered = replace(CALL, ask=Person(Answer("accept", {"confirm": True}), question.value.state))

    assert (await ask_gate(gate, outside, answered)).status == "needs_confirmation"
    assert outside.done == []


@pytest.mark.parametrize(
    "answer", [Answer("decline"), Answer("cancel"), Answer("accept", {"confirm": False}), Answer("accept", {})]
)
async def test_anything_but_yes_is_no_and_is_written_down(
    gate: Gate, outside: Outside, database: Database, answer: Answer
) -> None:
    declined = await ask_gate(gate, outside, replace(CALL, ask=Person(answer)))

    rows = await database.read(lambda tx: tx.all(load("audit").chain))
    assert (declined.status, outside.done) == ("declined", [])
    assert [(row["outcome"], row["principal"]) for row in rows] == [("declined", ADMIN.id)]


async def test_an_idempotency_key_is_one_effect(gate: Gate, outside: Outside) -> None:
    keyed = replace(CALL, idempotency_key="k", ask=Person(Answer("accept", {"confirm": True})))
    first, again = [await ask_gate(gate, outside, keyed) for _ in range(2)]

    assert first.item == again.item
    assert outside.done == ["Slab edge"]
    with pytest.raises(Conflict) as caught:
        await ask_gate(gate, outside, replace(keyed, arguments={"id": 43}))
    assert caught.value.code == "IDEMPOTENCY_CONFLICT"


async def test_an_effect_that_failed_tells_the_same_failure_again(gate: Gate, outside: Outside) -> None:
    keyed = replace(CALL, idempotency_key="k", ask=Person(Answer("accept", {"confirm": True})))
    outside.failure = NotPermitted("Procore refused.", code="PROCORE_FORBIDDEN")

    with pytest.raises(NotPermitted):
        await ask_gate(gate, outside, keyed)
    outside.failure = None
    with pytest.raises(Conflict) as caught:
        await ask_gate(gate, outside, keyed)

    assert caught.value.code == "PROCORE_FORBIDDEN"
    assert outside.done == []


@pytest.mark.parametrize("ending", ["unknown", "crash"])
async def test_an_effect_without_known_outcome_is_never_repeated(
    gate: Gate, outside: Outside, database: Database, ending: str
) -> None:
    keyed = replace(CALL, idempotency_key="k", ask=Person(Answer("accept", {"confirm": True})))
    outside.failure = Uncertain("The answer was lost.") if ending == "unknown" else None

    if ending == "crash":

        async def dies() -> dict[str, Any]:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await gate.pass_through(replace(outside.effect(), perform=dies), keyed, RETURNS)
        assert len(await database.read(lambda tx: tx.all(load("intents").left_open))) == 1
    else:
        with pytest.raises(Uncertain):
            await ask_gate(gate, outside, keyed)
    outside.failure = None

    with pytest.raises(Uncertain):
        await ask_gate(gate, outside, keyed)
    assert outside.done == []


class FullDisk(Intents):
    """A ledger that could still be opened for the intent, and not for its outcome."""

    async def finish(self, *_: Any) -> None:
        raise Unavailable("The disk is full; nothing was changed.", code="SYSTEM_STORAGE_FULL")


@pytest.mark.parametrize("failure", [None, Uncertain("The answer was lost."), NotPermitted("Procore refused.")])
async def test_a_ledger_that_cannot_keep_the_outcome_does_not_change_the_answer(
    outside: Outside,
    database: Database,
    clock: ManualClock,
    tmp_path: Path,
    approvals: Approvals,
    failure: ConstructionError | None,
) -> None:
    """Else the caller of a change that was made hears that nothing was changed, and repeats it."""
    gate = gate_of(Settings(data_dir=tmp_path), FullDisk(database, clock), clock, approvals)
    keyed = replace(CALL, idempotency_key="k", ask=Person(Answer("accept", {"confirm": True})))
    outside.failure = failure

    if failure is None:
        assert (await ask_gate(gate, outside, keyed)).status == "done"
    else:
        with pytest.raises(type(failure)):
            await ask_gate(gate, outside, keyed)

    with pytest.raises(Uncertain):
        await ask_gate(gate, outside, keyed)
    assert len(outside.done) == (failure is None)


async def test_every_outcome_extends_an_unbroken_chain(gate: Gate, outside: Outside, database: Database) -> None:
    for number in range(3):
        call = replace(CALL, idempotency_key=f"k{number}", ask=Person(Answer("accept", {"confirm": True})))
        await ask_gate(gate, outside, call)

    rows = [dict(row) for row in await database.read(lambda tx: tx.all(load("audit").chain))]
    assert [row["outcome"] for row in rows] == ["done"] * 3
    assert audit.first_break(rows) is None
    assert audit.first_break([rows[0], {**rows[1], "summary": "forged"}, rows[2]]) == 2
    assert audit.first_break([rows[0], rows[2]]) == 2
    assert audit.first_break([rows[1], rows[0], rows[2]]) == 1


@pytest.fixture
def strict(database: Database, clock: ManualClock, tmp_path: Path, approvals: Approvals) -> Gate:
    """A gate under the policy `approve`."""
    settings = Settings(data_dir=tmp_path, write_policy="approve")
    return gate_of(settings, Intents(database, clock), clock, approvals)


BOSS = Principal("user:boss", Role.APPROVER, "Boss")


async def say(approvals: Approvals, approval_id: str | None, answer: Any, who: Principal = BOSS) -> None:
    assert approval_id is not None
    approval = await approvals.get(approval_id)
    await approvals.decide(Said(approval.id, approval.digest, answer), who, "form")


async def test_under_approve_the_same_call_performs_once_what_another_person_approved(
    strict: Gate, outside: Outside, approvals: Approvals
) -> None:
    asked = await ask_gate(strict, outside, CALL)
    waiting = await ask_gate(strict, outside, CALL)
    assert outside.done == []
    await say(approvals, asked.approval_id, "approve")
    first = await ask_gate(strict, outside, CALL)
    outside.title = "changed by the first effect"
    again = await ask_gate(strict, outside, CALL)

    assert (asked.status, waiting.approval_id) == ("needs_approval", asked.approval_id)
    assert asked.preview == {"summary": "Close RFI 42 Slab edge", "changes": {"status": "open -> closed"}}
    assert asked.expires_at is not None
    assert (first.status, again.item) == ("done", first.item)
    assert outside.done == ["Slab edge"]


async def test_under_approve_the_caller_approves_nothing_of_their_own(
    strict: Gate, outside: Outside, approvals: Approvals
) -> None:
    """Not even an admin whose client has a form, nor with a code that somebody read to the model (S8)."""
    asked = await ask_gate(strict, outside, replace(CALL, ask=Person(Answer("accept", {"confirm": True}))))
    approval = await approvals.get(asked.approval_id or "")
    said = Said(approval.id, approval.digest, "approve")

    for tried in (
        approvals.decide(said, ADMIN, "form"),
        approvals.decide(said, ADMIN, "terminal"),
        approvals.decide_by_code(said, ADMIN, approvals.code(approval, "terminal")),
    ):
        with pytest.raises(NotPermitted) as refused:
            await tried
        assert refused.value.code == "APPROVAL_NOT_YOURS"
    assert (await ask_gate(strict, outside, CALL)).status == "needs_approval"
    assert outside.done == []


async def test_under_approve_a_changed_effect_voids_the_yes_and_a_no_declines(
    strict: Gate, outside: Outside, approvals: Approvals
) -> None:
    first = await ask_gate(strict, outside, CALL)
    await say(approvals, first.approval_id, "approve")
    outside.title = "Roof edge"
    second = await ask_gate(strict, outside, CALL)
    await say(approvals, second.approval_id, "reject")
    declined = await ask_gate(strict, outside, CALL)

    assert (second.status, declined.status) == ("needs_approval", "declined")
    assert second.approval_id != first.approval_id
    assert outside.done == []


async def test_under_approve_a_yes_ends_with_its_time(
    strict: Gate, outside: Outside, approvals: Approvals, clock: ManualClock, tmp_path: Path
) -> None:
    asked = await ask_gate(strict, outside, CALL)
    await say(approvals, asked.approval_id, "approve")
    clock.advance(Settings(data_dir=tmp_path).limits.call_approval_s + 1)

    late = await ask_gate(strict, outside, CALL)

    assert late.status == "needs_approval"
    assert late.approval_id != asked.approval_id
    assert outside.done == []
