"""Who decides, by what proof, and how approvers hear of it (S8)."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from construction_mcp.bootstrap import House
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Limits, Settings
from construction_mcp.core.destinations import MailFrom, MailServer
from construction_mcp.core.errors import ConstructionError
from construction_mcp.core.types import Principal, Role
from construction_mcp.engine.approval_watch import ApprovalWatch
from construction_mcp.engine.approvals import TERMINAL, WRONG_CODES_MAX, Approvals, Said
from construction_mcp.store import approvals as store
from construction_mcp.store.approvals import Approval, NewApproval, digest_of
from construction_mcp.store.database import Database
from construction_mcp.store.executions import NewExecution, enqueue
from construction_mcp.store.workflows import Draft, Workflows
from tests.notify.sinks import MailSink, mail_sink

pytestmark = pytest.mark.anyio

ANA, BEN = "ana@builder.com", "ben@builder.com"
SHOWN: dict[str, Any] = {"answer": "Use type A\nApproval apr_fake, code AAAA-AAAA"}
REQUESTER = Principal("local:1", Role.ADMIN)


class Office:
    """A house with a mail server, and one execution that asks."""

    def __init__(self, house: House, mail: MailSink, clock: ManualClock) -> None:
        self.house, self.mail, self.clock = house, mail, clock
        self.nudged: list[str] = []

    async def open(self) -> "Office":
        self.approvals = await self.house.services.get(Approvals)
        self.watch = await self.house.services.get(ApprovalWatch)
        self.database = await self.house.services.get(Database)
        self.approvals.nudge = self.nudged.append
        workflows = await self.house.services.get(Workflows)
        workflow = await workflows.create(Draft("Answers", "simulator", "local:1"))
        new = NewExecution(workflow.id, None, "h", {}, "simulator", 1, 7, "local:1", "local:1")
        self.execution_id = (await self.database.write(lambda tx: enqueue(tx, new, self.clock.now()))).id
        return self

    async def ask(self, *approvers: str, **changes: Any) -> Approval:
        digest, until = digest_of("Answer RFI 42", SHOWN), self.clock.now() + timedelta(days=3)
        new = NewApproval(self.execution_id, "ask", "Answer RFI 42", SHOWN, digest, "local:1", approvers, until)
        return await self.approvals.request(replace(new, **changes))

    async def status(self, approval: Approval) -> str:
        return (await self.approvals.get(approval.id)).status

    def letters(self) -> list[tuple[str, str]]:
        """To whom, and the text."""
        return [
            (str(letter["to"]), letter.get_body(("plain",)).get_content())  # type: ignore[union-attr]  # ours have one
            for _, letter in self.mail.letters
        ]


@asynccontextmanager
async def office_at(folder: Path, **mail: Any) -> AsyncIterator[Office]:
    clock = ManualClock()
    async with mail_sink(**mail) as letters:
        settings = Settings(
            folder / "data",
            mail_server=MailServer("127.0.0.1", letters.port, "none"),
            mail_from=MailFrom("automation@builder.com", "Riverside"),
            serve_url="http://127.0.0.1:8765",
            limits=Limits(mail_timeout_s=3.0, connect_timeout_s=1.0),
        )
        async with House(settings, clock=clock) as house:
            yield await Office(house, letters, clock).open()


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with office_at(tmp_path) as made:
        yield made


def said(approval: Approval, answer: Any = "approve") -> Said:
    return Said(approval.id, approval.digest, answer)


async def code_of(attempt: Any) -> str:
    with pytest.raises(ConstructionError) as refused:
        await attempt
    return refused.value.code


@pytest.mark.parametrize(
    ("who", "approvers", "may"),
    [
        (Principal("user:b", Role.BUILDER, "Ana Ruiz"), ("Ana Ruiz",), False),
        (Principal("user:v", Role.VIEWER, "Ana Ruiz"), ("Ana Ruiz",), False),
        (Principal("user:a", Role.APPROVER, "ana ruiz"), ("Ana Ruiz",), True),
        (Principal("user:a", Role.APPROVER, "Ana Ruiz"), ("user:a",), True),
        (Principal("user:o", Role.APPROVER, "Other"), ("Ana Ruiz",), False),
        (Principal("user:o", Role.APPROVER, "Other"), (), True),
        (Principal("user:o", Role.ADMIN, "Other"), ("Ana Ruiz",), True),
        (Principal("oauth:https://idp|1", Role.APPROVER, "Ana Ruiz"), ("Ana Ruiz",), False),
        (Principal("user:n", Role.APPROVER, ""), ("", "x"), False),
    ],
)
async def test_who_may_decide(office: Office, who: Principal, approvers: tuple[str, ...], may: bool) -> None:
    """The role and, where people are named, being one of them; a foreign token's name is nobody's."""
    approval = await office.ask(*approvers)
    listed = [one.id for one in await office.approvals.pending_for(who, 10)]
    if may:
        await office.approvals.decide(said(approval), who, "form")
    else:
        assert await code_of(office.approvals.decide(said(approval), who, "form")) == "APPROVAL_NOT_YOURS"

    assert listed == ([approval.id] if may else [])
    assert await office.status(approval) == ("approved" if may else "pending")
    assert office.nudged == ([office.execution_id] if may else [])


async def test_a_code_is_its_approvers_answer(office: Office) -> None:
    approval = await office.ask(ANA, BEN)
    code = office.approvals.code(approval, BEN)
    decided = await office.approvals.decide_by_code(said(approval, "reject"), REQUESTER, f" {code.lower()} ")

    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}", code)
    assert len({code, office.approvals.code(approval, ANA), office.approvals.code(approval, TERMINAL)}) == 3
    assert (decided.status, decided.decided_by, decided.decided_how) == ("rejected", BEN, "code")
    assert office.nudged == [office.execution_id]


async def test_wrong_codes_decide_nothing_and_too_many_end_guessing(office: Office) -> None:
    approval = await office.ask(ANA)
    other = await office.ask(ANA, item=1)
    stranger = office.approvals.code(other, ANA)
    for guess in [stranger, "", "é" * 8, *["0000-0000"] * (WRONG_CODES_MAX - 3)]:
        attempt = office.approvals.decide_by_code(said(approval), REQUESTER, guess)
        assert await code_of(attempt) == "APPROVAL_CODE_WRONG"
    right = office.approvals.decide_by_code(said(approval), REQUESTER, office.approvals.code(approval, ANA))

    assert await code_of(right) == "APPROVAL_CODE_WRONG"
    assert await office.status(approval) == "pending"
    assert (await office.approvals.decide_by_code(said(other), REQUESTER, stranger)).status == "approved"


async def test_a_code_ends_with_its_round(office: Office) -> None:
    """After an escalation the people asked before have no say, not even with the code they were mailed."""
    approval = await office.ask(ANA, on_expiry="escalate", escalate_to=(ANA,))
    old = office.approvals.code(approval, ANA)
    office.clock.set_now(approval.expires_at)
    await office.watch.look()

    assert await code_of(office.approvals.decide_by_code(said(approval), REQUESTER, old)) == "APPROVAL_CODE_WRONG"


async def test_two_answers_at_once_have_one_winner_and_one_nudge(office: Office) -> None:
    approval = await office.ask(ANA)
    token = await office.approvals.new_link(approval, ANA)
    code = office.approvals.code(approval, ANA)
    results = await asyncio.gather(
        office.approvals.decide_by_link(said(approval), token),
        office.approvals.decide_by_code(said(approval, "reject"), REQUESTER, code),
        office.approvals.decide(said(approval, "reject"), REQUESTER, "terminal"),
        return_exceptions=True,
    )

    assert sum(isinstance(one, Approval) for one in results) == 1
    assert {one.code for one in results if isinstance(one, ConstructionError)} == {"APPROVAL_DECIDED"}
    assert office.nudged == [office.execution_id]


async def test_a_link_decides_only_its_own_approval(office: Office) -> None:
    mine, other = await office.ask(ANA), await office.ask(ANA, item=1)
    token = await office.approvals.new_link(mine, ANA)

    assert await code_of(office.approvals.decide_by_link(said(other), token)) == "APPROVAL_NOT_FOUND"
    assert await code_of(office.approvals.decide_by_link(said(mine), "guess")) == "APPROVAL_NOT_FOUND"


async def test_each_approver_with_an_address_is_mailed_a_code_and_a_link_of_their_own(office: Office) -> None:
    approval = await office.ask(ANA, "Ben of the office", BEN)
    await office.watch.look()
    await office.watch.look()
    letters = dict(office.letters())

    assert len(office.mail.letters) == 2
    assert set(letters) == {ANA, BEN}
    for address, text in letters.items():
        link = re.search(r"http://127.0.0.1:8765/approvals/(\S+)", text)
        assert link is not None
        assert f"code {office.approvals.code(approval, address)}" in text
        assert "Answer RFI 42" in text
        # What a record says is quoted, so that it passes for none of our own lines.
        assert all(line.startswith("> ") for line in text.splitlines() if "apr_fake" in line)
        assert (await office.approvals.of_link(link[1]))[1].approver == address


async def test_a_mail_that_failed_is_sent_again_to_those_it_did_not_reach(tmp_path: Path) -> None:
    async with office_at(tmp_path, refuses={BEN: "451 4.3.0 later"}) as office:
        approval = await office.ask(ANA, BEN)
        wait_s = await office.watch.look()
        untold = (await office.approvals.get(approval.id)).told_at
        office.mail.refuses = {}
        await office.watch.look()
        early = [to for to, _ in office.letters()]
        office.clock.advance(wait_s)
        await office.watch.look()

        assert untold is None
        assert early == [ANA]
        assert [to for to, _ in office.letters()] == [ANA, BEN]
        assert (await office.approvals.get(approval.id)).told_at == office.clock.now()


async def test_a_crash_after_the_mail_tells_twice_never_nobody(tmp_path: Path) -> None:
    async with office_at(tmp_path) as office:
        approval = await office.ask(ANA)
        letters = await office.database.read(store.untold)
        await office.watch._mail(letters[0], set(), is_reminder=False)  # the process ends before it is noted
        await office.watch.look()

        assert [to for to, _ in office.letters()] == [ANA, ANA]
        assert (await office.approvals.get(approval.id)).told_at is not None


async def until(condition: Any) -> None:
    """Let the service work until it is so."""
    async with asyncio.timeout(5):
        while not await condition():  # noqa: ASYNC110 - it lets others run; no time passes
            await asyncio.sleep(0)


async def test_the_service_tells_when_asked_reminds_in_time_and_ends_what_is_late(office: Office) -> None:
    running = asyncio.ensure_future(office.watch.run())
    try:
        approval = await office.ask(ANA, remind_at=office.clock.now() + timedelta(days=1))

        async def at_rest() -> bool:
            return office.clock.next_wake_s is not None and not office.approvals.asked.is_set()

        async def told() -> bool:
            return (await office.approvals.get(approval.id)).told_at is not None

        await until(told)
        for _ in range(3 * 96 + 2):  # three days in steps of the service's own
            await until(at_rest)
            office.clock.advance(900)

        async def expired() -> bool:
            return await office.status(approval) == "expired"

        await until(expired)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    subjects = [str(letter["subject"]) for _, letter in office.mail.letters]
    assert subjects == ["Approval needed: Answer RFI 42", "Reminder: approval needed: Answer RFI 42"]
    assert office.nudged == [office.execution_id]
