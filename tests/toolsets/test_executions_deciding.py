"""decide_approval through an MCP client: a person decides, in a form or with a code, never the model (S8)."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from mcp.client.client import Client
from mcp_types import ElicitResult

from construction_mcp.bootstrap import House
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Settings
from construction_mcp.core.types import Principal, Role
from construction_mcp.engine.approvals import TERMINAL, Approvals
from construction_mcp.registry.catalog import View
from construction_mcp.server.app import build_server
from construction_mcp.store.approvals import Approval, NewApproval, digest_of

pytestmark = pytest.mark.anyio

ANA = Principal("user:ana", Role.APPROVER, "Ana Ruiz")
SHOWN: dict[str, Any] = {"answer": "Use type A", "copies": 2}


class Chat:
    """A model and its person in front of a house with one pending approval."""

    def __init__(self, client: Client, approvals: Approvals, approval: Approval) -> None:
        self.client, self.approvals, self.approval = client, approvals, approval

    async def decide(self, **arguments: Any) -> Any:
        return (await self.client.call_tool("decide_approval", arguments)).structured_content

    async def now(self) -> Approval:
        return await self.approvals.get(self.approval.id)


@asynccontextmanager
async def chat_at(folder: Path, mode: str, said: Any = None, who: Principal = ANA) -> AsyncIterator[Chat]:
    """`said`: what the person answers to a form, given its parameters; None for a client without forms."""

    async def answer(_context: object, params: Any) -> ElicitResult:
        return said(params)

    clock = ManualClock()
    async with House(Settings(folder / "data"), clock=clock) as house:
        approvals = await house.services.get(Approvals)
        new = NewApproval(
            execution_id=None,
            step="reply_to_rfi",
            summary="Answer RFI 42",
            shown=SHOWN,
            editable=("answer", "copies"),
            digest=digest_of("Answer RFI 42", SHOWN),
            requested_by="local:1",
            approvers=(),
            expires_at=clock.now() + timedelta(days=1),
            call="call",
        )
        approval = await approvals.request(new)
        server = build_server(house, View(("all",)), lambda _: who)
        options: dict[str, Any] = {"elicitation_callback": answer} if said is not None else {}
        async with Client(server, mode=mode, **options) as client:
            yield Chat(client, approvals, approval)


def accept(**content: Any) -> Any:
    return lambda _params: ElicitResult(action="accept", content=content)


both_eras = pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])


@both_eras
async def test_without_an_id_the_callers_pending_ones_are_listed(tmp_path: Path, mode: str) -> None:
    async with chat_at(tmp_path, mode) as chat:
        listed = await chat.decide()

    assert (listed["status"], [one["id"] for one in listed["approvals"]]) == ("listed", [chat.approval.id])
    assert listed["approvals"][0]["shown"] == SHOWN


@both_eras
async def test_the_person_decides_in_the_form_whatever_the_model_proposes(tmp_path: Path, mode: str) -> None:
    shown: list[Any] = []

    def say(params: Any) -> ElicitResult:
        shown.append(params)
        return ElicitResult(action="accept", content={"decision": "approve", "edit_1": "Use type C", "edit_2": 2})

    async with chat_at(tmp_path, mode, say) as chat:
        done = await chat.decide(approval_id=chat.approval.id, decision="reject", edits={"answer": "Use type B"})
        after = await chat.now()

    assert "answer: Use type A" in shown[0].message
    assert "answer: Use type B" in shown[0].message
    assert done["status"] == "approved"
    assert (after.decided_by, after.decided_how, after.changed) == ("user:ana", "form", {"answer": "Use type C"})


@both_eras
@pytest.mark.parametrize(
    "said",
    [
        lambda _params: ElicitResult(action="decline"),
        lambda _params: ElicitResult(action="cancel"),
        accept(decision="perhaps"),
    ],
)
async def test_whoever_does_not_say_yes_or_no_decides_nothing(tmp_path: Path, mode: str, said: Any) -> None:
    async with chat_at(tmp_path, mode, said) as chat:
        done = await chat.decide(approval_id=chat.approval.id, decision="approve")
        after = await chat.now()

    assert (done["status"], after.status) == ("declined", "pending")


@both_eras
async def test_without_a_form_a_model_decides_nothing_by_itself(tmp_path: Path, mode: str) -> None:
    async with chat_at(tmp_path, mode) as chat:
        alone = await chat.decide(approval_id=chat.approval.id, decision="approve")
        guessed = await chat.decide(approval_id=chat.approval.id, decision="approve", code="0000-0000")
        code = chat.approvals.code(chat.approval, TERMINAL)
        unseen = await chat.decide(
            approval_id=chat.approval.id, decision="approve", code=code, edits={"answer": "Use type B"}
        )
        before = await chat.now()
        done = await chat.decide(approval_id=chat.approval.id, decision="approve", code=code)
        again = await chat.decide(approval_id=chat.approval.id, decision="reject", code=code)

    assert alone["error"]["code"] == "APPROVAL_PERSON_REQUIRED"
    assert guessed["error"]["code"] == "APPROVAL_CODE_WRONG"
    assert unseen["error"]["code"] == "VALIDATION_INVALID"
    assert before.status == "pending"
    assert done["status"] == "approved"
    assert again["error"]["code"] == "APPROVAL_DECIDED"


@pytest.mark.parametrize("who", [Principal("local:1", Role.ADMIN), Principal("user:b", Role.BUILDER, "Bea")])
async def test_a_caller_and_a_builder_are_not_even_asked(tmp_path: Path, who: Principal) -> None:
    async with chat_at(tmp_path, "legacy", accept(decision="approve"), who) as chat:
        refused = await chat.decide(approval_id=chat.approval.id, decision="approve")
        after = await chat.now()

    assert refused["error"]["code"] in ("APPROVAL_NOT_YOURS", "AUTH_ROLE_REQUIRED")
    assert after.status == "pending"


async def test_what_changed_while_the_person_looked_is_not_decided(tmp_path: Path) -> None:
    """On 2026-07-28 the answer comes with a second call, by when something else could be asked under the same id."""
    async with chat_at(tmp_path, "2026-07-28", accept(decision="approve")) as chat:
        session, given = chat.client.session, {"approval_id": chat.approval.id}
        first: Any = await session.call_tool("decide_approval", given, allow_input_required=True)
        ((key, _),) = first.input_requests.items()
        shown = {**SHOWN, "answer": "Pay everything"}
        with sqlite3.connect(tmp_path / "data" / "construction.db") as other:
            other.execute(
                "UPDATE approvals SET shown = ?, digest = ?", [json.dumps(shown), digest_of("Answer RFI 42", shown)]
            )
        second = await session.call_tool(
            "decide_approval",
            given,
            input_responses={key: ElicitResult(action="accept", content={"decision": "approve"})},
            request_state=first.request_state,
        )
        after = await chat.now()

    assert second.structured_content is not None
    assert second.structured_content["error"]["code"] == "APPROVAL_CHANGED"
    assert after.status == "pending"
