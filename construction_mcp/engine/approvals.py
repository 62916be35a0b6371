"""Who decides an approval, and by what proof that a person did.

A model asks and carries the answer; it is never the answer. Each way shows that a person was there: a form that the
client puts to its person, a code that is shown only where no model looks, a link that was mailed to one approver, or
this machine's terminal. Codes are derived from the workspace key, so nothing in the database gives one away.
"""

import asyncio
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from construction_mcp.core.clock import Clock
from construction_mcp.core.errors import ConstructionError, NotFound, NotPermitted
from construction_mcp.core.json import write_json
from construction_mcp.core.keys import KeyRing
from construction_mcp.core.types import Principal, Role
from construction_mcp.store import approvals as store
from construction_mcp.store.approvals import Answer, Approval, Decision, How, Link, NewApproval, Status
from construction_mcp.store.columns import time_text
from construction_mcp.store.database import Database
from construction_mcp.store.groups import Tx

TERMINAL: Final = "terminal"  # who a code is for that `construction-mcp approvals show` prints
WRONG_CODES_MAX: Final = 10  # of 2**40 codes; a person who mistypes that often takes the link
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford base32: what looks alike is not in it
_ALIKE = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})
_CODE_CHARS = 8
_TOKEN_BYTES = 32
_LOOKED_AT_MAX = 500  # pending approvals that a caller's own are picked from

Nudge = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, about what (`digest` of what the person saw), before it is known who gave it."""

    approval_id: str
    digest: str
    answer: Answer
    edits: Mapping[str, Any] | None = None
    comment: str | None = None


class Approvals:
    """One per process. `nudge` is told the execution after each decision; the engine sets it."""

    def __init__(self, database: Database, keys: KeyRing, clock: Clock) -> None:
        self._database = database
        self._code_key = keys.derive("approval codes")
        self._page_key = keys.derive("approval pages")
        self._clock = clock
        self.asked = asyncio.Event()
        self.nudge: Nudge = lambda _execution_id: None

    def wake(self) -> None:
        """Something was requested in a transaction of the caller's own: its approvers are to be told."""
        self.asked.set()

    async def of_call(self, call: str) -> Approval | None:
        """What was asked for this call of a tool, until its time is over."""
        now = self._clock.now()
        return await self._database.read(lambda tx: store.of_call(tx, call, now))

    async def request(self, new: NewApproval) -> Approval:
        """Ask on behalf of a call that has no transaction of its own."""

        def write(tx: Tx) -> Approval:
            return store.get(tx, store.request(tx, new, self._clock.now()))

        approval = await self._database.write(write, durable=True)
        self.wake()
        return approval

    async def get(self, approval_id: str) -> Approval:
        """Raises:
        NotFound: APPROVAL_NOT_FOUND.
        """
        return await self._database.read(lambda tx: store.get(tx, approval_id))

    async def page(self, status: Status | None, most: int, before: tuple[str, str] | None = None) -> list[Approval]:
        """Newest first."""
        return await self._database.read(lambda tx: store.page(tx, status, most, before))

    async def pending_for(self, principal: Principal, most: int) -> list[Approval]:
        """What this caller may decide now, newest first."""
        now = self._clock.now()
        found = await self.page("pending", _LOOKED_AT_MAX)
        return [one for one in found if one.expires_at > now and may_decide(one, principal)][:most]

    async def decide(self, said: Said, principal: Principal, how: How) -> Approval:
        """Keep the answer of the person behind `principal`, which a form or a terminal took from them.

        Raises:
            NotPermitted: APPROVAL_NOT_YOURS. ConstructionError: as `store.approvals.decide`.
        """

        def write(tx: Tx) -> Approval:
            _require(store.get(tx, said.approval_id), principal)
            return store.decide(tx, _decision(said, principal.id, how), self._clock.now())

        return await self._decided(write)

    async def decide_by_code(self, said: Said, principal: Principal, code: str) -> Approval:
        """Keep the answer that came with a code: it is the answer of whoever the code was shown to.

        Raises:
            NotPermitted: APPROVAL_CODE_WRONG, APPROVAL_NOT_YOURS. ConstructionError: as `store.approvals.decide`.
        """

        def write(tx: Tx) -> Approval | None:
            approval = store.get(tx, said.approval_id)
            _refuse_requester(approval, principal)
            shown_to = self._shown_to(approval, code)
            if shown_to is None:
                store.count_wrong_code(tx, approval.id)
                return None
            by = principal.id if shown_to == TERMINAL else shown_to
            return store.decide(tx, _decision(said, by, "code"), self._clock.now())

        return await self._decided(write)

    async def decide_by_link(self, said: Said, token: str) -> Approval:
        """Keep the answer of the approver whose link it is.

        Raises:
            NotFound: APPROVAL_NOT_FOUND; the link leads nowhere. ConstructionError: as `store.approvals.decide`.
        """

        def write(tx: Tx) -> Approval:
            link = store.link_of(tx, token)
            if link is None or link.approval_id != said.approval_id:
                raise _no_link()
            return store.decide(tx, _decision(said, link.approver, "link"), self._clock.now())

        return await self._decided(write)

    async def of_link(self, token: str) -> tuple[Approval, Link]:
        """What a link leads to. Changes nothing.

        Raises:
            NotFound: APPROVAL_NOT_FOUND.
        """

        def read(tx: Tx) -> tuple[Approval, Link]:
            link = store.link_of(tx, token)
            if link is None:
                raise _no_link()
            return store.get(tx, link.approval_id), link

        return await self._database.read(read)

    async def new_link(self, approval: Approval, approver: str) -> str:
        """A token for one approver's page; only its hash stays here."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        link = Link(approval.id, approver)
        await self._database.write(lambda tx: store.add_link(tx, token, link), durable=True)
        return token

    def form_key(self, token: str, digest: str) -> str:
        """What a page's form brings back: only a page that was shown for this link and this content has it."""
        return hmac.digest(self._page_key, write_json([token, digest]).encode(), "sha256").hex()

    def code(self, approval: Approval, approver: str) -> str:
        """The code that `approver` is shown, as `ABCD-EFGH`; another one after an escalation."""
        told = [approval.id, approval.digest, time_text(approval.expires_at), approver]
        number = int.from_bytes(hmac.digest(self._code_key, write_json(told).encode(), "sha256")[:5], "big")
        text = "".join(_ALPHABET[(number >> shift) & 31] for shift in range(5 * (_CODE_CHARS - 1), -1, -5))
        return f"{text[:4]}-{text[4:]}"

    def _shown_to(self, approval: Approval, code: str) -> str | None:
        """Whose code it is; None for a wrong one, and for any once too many were wrong."""
        if approval.wrong_codes >= WRONG_CODES_MAX:
            return None
        given = _plain(code).encode("utf-8", "surrogatepass")
        found = None
        for approver in (TERMINAL, *approval.approvers):  # all of them: how long it takes tells nothing
            if hmac.compare_digest(_plain(self.code(approval, approver)).encode(), given):
                found = approver
        return found

    async def _decided(self, write: Callable[[Tx], Approval | None]) -> Approval:
        approval = await self._database.write(write, durable=True)
        if approval is None:
            raise _wrong_code()
        if approval.execution_id is not None:
            self.nudge(approval.execution_id)
        return approval


def may_decide(approval: Approval, principal: Principal) -> bool:
    """Whether this is the caller's to decide: asked of them by name, or of nobody in particular, or of an admin."""
    return hindrance(approval, principal) is None


def hindrance(approval: Approval, principal: Principal) -> str | None:
    """Why it is not the caller's to decide, in a sentence; None when it is."""
    try:
        _require(approval, principal)
    except ConstructionError as refusal:
        return refusal.message
    return None


def _require(approval: Approval, principal: Principal) -> None:
    """Raises:
    NotPermitted: APPROVAL_NOT_YOURS.
    """
    _refuse_requester(approval, principal)
    if not principal.role.includes(Role.APPROVER):
        raise not_yours(approval, "Deciding needs the role approver.")
    if approval.approvers and principal.role is not Role.ADMIN and not _is_named(principal, approval.approvers):
        raise not_yours(approval, "It was asked of other people.")


def _refuse_requester(approval: Approval, principal: Principal) -> None:
    """A call that waits for another person is not decided by its caller, whatever they carry."""
    if approval.execution_id is None and approval.requested_by == principal.id:
        raise not_yours(approval, "You asked for it, so somebody else has to decide.")


def _is_named(principal: Principal, approvers: Sequence[str]) -> bool:
    """By id, or by the name that an admin gave a user; what a foreign token calls its bearer counts for nothing."""
    if principal.id in approvers:
        return True
    names = {one.strip().casefold() for one in approvers}
    return principal.id.startswith("user:") and principal.name.strip().casefold() in names - {""}


def _decision(said: Said, by: str, how: How) -> Decision:
    return Decision(said.approval_id, said.digest, said.answer, by, how, said.edits, said.comment)


def _plain(code: str) -> str:
    return code.strip().upper().translate(_ALIKE)[: 4 * _CODE_CHARS]


def not_yours(approval: Approval, message: str) -> NotPermitted:
    """With who may decide it instead."""
    details = {"approval_id": approval.id, "approvers": list(approval.approvers)}
    return NotPermitted(message, code="APPROVAL_NOT_YOURS", details=details)


def _wrong_code() -> NotPermitted:
    return NotPermitted(
        "The code is not this approval's.",
        code="APPROVAL_CODE_WRONG",
        hint=f"After {WRONG_CODES_MAX} wrong ones no code counts any more: the link in the mail and the terminal do.",
    )


def _no_link() -> NotFound:
    return NotFound(
        "This link leads to nothing that can be decided.",
        code="APPROVAL_NOT_FOUND",
        hint="It was used, the question went to other people, or it changed.",
    )
