"""The one gate that every change outside this server passes: preview, consent, intent, effect, outcome, audit.

A tool describes its change as an `Effect` and does nothing. The gate decides by the write policy:

    auto      perform
    confirm   ask the person by elicitation where the client can; else answer with a preview and a `confirmation`, and
              perform when the same call comes back with it (that proves preview-then-call, not a person)
    approve   open an approval, and perform exactly what it showed, once, when the same call comes back after another
              person's yes; what has changed since is another question

Asking again never performs twice: an effect has a key (the caller's idempotency key, or its confirmation), its intent
is durable before anything is sent, and one found without an outcome is reported as uncertain, never repeated. A known
key is answered before the tool looks at the world, for its own first effect has changed that since.
"""

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from pydantic import TypeAdapter

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Settings
from construction_mcp.core.cursor import Cursors
from construction_mcp.core.effects import Effect, Gated, Intent, Ledger, Recorded
from construction_mcp.core.errors import Conflict, ConstructionError, Invalid, Unavailable, Uncertain
from construction_mcp.core.ids import new_id
from construction_mcp.core.json import write_json
from construction_mcp.core.ports import Ask
from construction_mcp.core.types import Principal
from construction_mcp.store.approvals import Approval, NewApproval, digest_of

log = logging.getLogger(__name__)

QUESTION = "confirm"
_FORM = {
    "type": "object",
    "properties": {"confirm": {"type": "boolean", "title": "Do it", "description": "Yes, make this change"}},
    "required": ["confirm"],
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One gated call: who calls what, with which arguments, and what it carries to be let through."""

    principal: Principal
    tool: str
    arguments: Mapping[str, Any]
    ask: Ask | None
    confirmation: str | None = None
    idempotency_key: str | None = None

    @property
    def request(self) -> str:
        """The digest of what was asked, whatever the world looks like: what a key belongs to."""
        return _digest([self.tool, self.principal.id, dict(self.arguments)])

    @property
    def call(self) -> str:
        """What an approval of this call is found by; another idempotency key asks for another change."""
        return _digest([self.request, self.idempotency_key])

    def digest(self, effect: Effect[Any]) -> str:
        """Binds a consent to the call and to everything that was shown."""
        return _digest([self.tool, self.principal.id, dict(self.arguments), effect.summary, dict(effect.shown)])


class Questions(Protocol):
    """Where a call asks somebody else than its caller: the approvals of the engine."""

    async def of_call(self, call: str) -> Approval | None:
        """What was asked last for this call, until its time is over."""
        ...

    async def request(self, new: NewApproval) -> Approval:
        """Ask; what this call had asked before and nobody answered is void."""
        ...


class Gate:
    """One per process."""

    def __init__(
        self, intents: Ledger, signer: Cursors, settings: Settings, clock: Clock, approvals: Questions
    ) -> None:
        self._intents = intents
        self._signer = signer
        self._approvals = approvals
        self._settings = settings
        self._clock = clock

    async def earlier(self, asked: Asked) -> Gated[Any] | None:
        """The first outcome of a call that was carried out before under the same key; None when it was not.

        Raises:
            Conflict: IDEMPOTENCY_CONFLICT, or how the first one failed.
            Invalid: the confirmation is for something else.
            Uncertain: the first one has no known outcome.
        """
        key = asked.idempotency_key
        if key is None and asked.confirmation is not None:
            key = self._said(asked)["key"]
        if key is None and (question := _question_before(asked)) is not None:
            key = question["key"]
        if key is None and self._settings.write_policy == "approve":
            approval = await self._approvals.of_call(asked.call)
            key = approval.id if approval is not None else None
        recorded = None if key is None else await self._intents.find(asked.principal.id, asked.tool, key)
        return None if recorded is None else _again(recorded, asked.request)

    async def pass_through(self, effect: Effect[Any], asked: Asked, returns: TypeAdapter[Any]) -> Gated[Any]:
        """Perform the effect, or say what has to happen first.

        Raises:
            Conflict: IDEMPOTENCY_CONFLICT.
            Invalid: the confirmation is for something else.
            Uncertain: an earlier try of the same effect has no known outcome.
            ConstructionError: what the effect itself raised.
        """
        if effect.is_read:
            return Gated("done", item=await effect.perform())
        digest = asked.digest(effect)
        key = asked.idempotency_key or new_id("once")
        if self._settings.write_policy == "confirm":
            consent = await self._consent(effect, asked, digest)
            if isinstance(consent, Gated):
                return consent
            key = asked.idempotency_key or consent
        if self._settings.write_policy == "approve":
            approval = await self._approval(effect, asked)
            if approval.status != "approved":
                return _unapproved(approval, effect)
            key = asked.idempotency_key or approval.id
        return await self._perform(effect, _intent(asked, key, effect), returns)

    async def _consent(self, effect: Effect[Any], asked: Asked, digest: str) -> str | Gated[Any]:
        """The key of a consent that was given, or the answer that asks for one."""
        if asked.confirmation is not None:
            return self._confirmed(asked, digest)
        if asked.ask is None or not asked.ask.can_form:
            return self._preview(effect, asked, digest)
        before = _question_before(asked)
        # The key travels with the question, sealed: the same answer sent twice is the same consent, given once.
        key = before["key"] if before is not None else new_id("once")
        state = write_json({"key": key, "shown": digest})
        answer = await asked.ask.form(QUESTION, _question(effect), _FORM, state=state)
        if before is not None and before["shown"] != digest:
            return self._preview(effect, asked, digest)  # what would change is not what was shown a moment ago
        if answer.action == "accept" and (answer.content or {}).get("confirm") is True:
            return key
        await self._intents.decline(_intent(asked, "", effect))
        return Gated("declined", preview=_preview(effect))

    async def _approval(self, effect: Effect[Any], asked: Asked) -> Approval:
        """What another person is asked about exactly this effect, answered or not."""
        shown: Mapping[str, Any] = json.loads(json.dumps(dict(effect.shown), default=str))
        new = NewApproval(
            execution_id=None,
            step=asked.tool,
            summary=effect.summary,
            shown=shown,
            digest=digest_of(effect.summary, shown),
            requested_by=asked.principal.id,
            approvers=(),
            expires_at=self._clock.now() + timedelta(seconds=self._settings.limits.call_approval_s),
            call=asked.call,
        )
        return await latest_of(self._approvals, new)

    def _preview(self, effect: Effect[Any], asked: Asked, digest: str) -> Gated[Any]:
        expires_at = self._clock.now() + timedelta(seconds=self._settings.limits.confirmation_s)
        said = {"key": new_id("once"), "until": expires_at.isoformat(), "shown": digest}
        token = self._signer.sign(said, ["confirmation", asked.request])
        return Gated(
            "needs_confirmation", preview=_preview(effect), confirmation=token, expires_at=expires_at.isoformat()
        )

    def _confirmed(self, asked: Asked, digest: str) -> str:
        """The key that the confirmation carries.

        Raises:
            Invalid: AUTH_STATE_INVALID; altered, expired, or what would change is not what was shown.
        """
        said = self._said(asked)
        if said["shown"] != digest:
            raise _stale("What would change is not what was shown when the confirmation was given.")
        if self._clock.now() > datetime.fromisoformat(said["until"]):
            raise _stale("The confirmation has expired.")
        return str(said["key"])

    def _said(self, asked: Asked) -> Any:
        """What the confirmation says.

        Raises:
            Invalid: AUTH_STATE_INVALID; altered, or given for another call.
        """
        try:
            return self._signer.read(asked.confirmation or "", ["confirmation", asked.request])
        except Invalid:
            raise _stale("The confirmation does not belong to this call.") from None

    async def _perform(self, effect: Effect[Any], intent: Intent, returns: TypeAdapter[Any]) -> Gated[Any]:
        recorded, is_new = await self._intents.intend(intent)
        if not is_new:
            return _again(recorded, intent.digest)
        try:
            item = await effect.perform()
        except Uncertain as error:
            await self._keep(recorded.id, intent, "uncertain", error.public())
            raise
        except ConstructionError as error:
            await self._keep(recorded.id, intent, "failed", error.public())
            raise
        done = Gated("done", item=item)
        await self._keep(recorded.id, intent, "done", returns.dump_python(done, mode="json", exclude_none=True))
        return done

    async def _keep(
        self, intent_id: str, intent: Intent, state: Literal["done", "failed", "uncertain"], outcome: Any
    ) -> None:
        """Record the outcome. The effect is over by now, so a disk that is full must not make the caller hear that
        nothing was changed; the intent stays open, and asking again says that its outcome is unknown."""
        try:
            await self._intents.finish(intent_id, intent, state, outcome)
        except Unavailable as problem:
            log.exception(
                "intent %s of %s ended %s and is not recorded: %s", intent_id, intent.tool, state, problem.code
            )


async def latest_of(approvals: Questions, new: NewApproval) -> Approval:
    """The approval of exactly what `new` shows for its call, asked now unless it was asked before."""
    assert new.call is not None
    approval = await approvals.of_call(new.call)
    if approval is not None and approval.digest == new.digest:
        return approval
    return await approvals.request(new)


def _question_before(asked: Asked) -> dict[str, str] | None:
    """The key and digest of the question this call answers (2026-07-28, second round); the wire has unsealed it."""
    state = asked.ask.state if asked.ask is not None else None
    return json.loads(state) if state is not None else None


def _intent(asked: Asked, key: str, effect: Effect[Any]) -> Intent:
    return Intent(asked.principal.id, asked.tool, key, asked.request, effect.summary, effect.shown, effect.targets)


def _digest(told: Any) -> str:
    return hashlib.sha256(write_json(json.loads(json.dumps(told, default=str))).encode()).hexdigest()


def _again(recorded: Recorded, digest: str) -> Gated[Any]:
    """What the same request gets the second time: the first outcome, never a second effect."""
    if recorded.digest != digest:
        raise Conflict("The idempotency key was used before with other arguments.", code="IDEMPOTENCY_CONFLICT")
    if recorded.state == "done":
        return Gated("done", item=recorded.outcome.get("item"))
    if recorded.state == "failed":
        error = recorded.outcome["error"]
        raise Conflict(
            f"This change failed before: {error['message']}",
            code=error["code"],
            hint="Use a new idempotency_key, or none, to try again.",
            details=error.get("details"),
        )
    # An intent left open by a crash has no error to say whose outcome is unknown.
    error = recorded.outcome["error"] if recorded.outcome is not None else {}
    raise Uncertain(
        "An earlier try of this change has no known outcome.",
        code=error.get("code"),
        hint="Look whether it happened before asking again with a new key.",
        details={"intent_id": recorded.id},
    )


def _preview(effect: Effect[Any]) -> dict[str, Any]:
    return {"summary": effect.summary, "changes": effect.shown}


def _unapproved(approval: Approval, effect: Effect[Any]) -> Gated[Any]:
    if approval.status == "rejected":
        return Gated("declined", preview=_preview(effect), approval_id=approval.id)
    until = approval.expires_at.isoformat()
    return Gated("needs_approval", preview=_preview(effect), approval_id=approval.id, expires_at=until)


def _question(effect: Effect[Any]) -> str:
    """What the person reads: the sentence, then each field on a line of its own."""
    lines = [f"{name}: {value}" for name, value in effect.shown.items()]
    return "\n".join([effect.summary, "", *lines])[:4000]


def _stale(message: str) -> Invalid:
    return Invalid(message, code="AUTH_STATE_INVALID", hint="Call again without confirmation to see it afresh.")
