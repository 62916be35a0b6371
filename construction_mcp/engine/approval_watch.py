"""Tells approvers what they are asked, reminds them, and ends what nobody answered in time.

Mail goes out before it is noted: a process that dies in between tells somebody twice, never nobody.
"""

import asyncio
import json
import logging
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from construction_mcp.actions import mail
from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Settings
from construction_mcp.core.errors import ConstructionError
from construction_mcp.engine.approvals import Approvals
from construction_mcp.notify.message import Message, shortened
from construction_mcp.notify.notifier import Destination, Notifier
from construction_mcp.notify.wording import Wording
from construction_mcp.store import approvals as store
from construction_mcp.store.approvals import SWEEP_MAX, Approval
from construction_mcp.store.database import Database

log = logging.getLogger(__name__)

APPROVALS_PATH: Final = "/approvals"
_LOOK_EVERY_S = 900.0  # however far away the next time is: a clock that was set forward is noticed
_RETRY_S = 60.0  # after a failure, doubled each time up to _LOOK_EVERY_S
_VALUE_CHARS_MAX = 2000  # of one value in a mail; the page shows all of it

Round = tuple[str, datetime, bool]
"""One telling: which approval, until when it is asked, and whether it is the reminder."""


class ApprovalWatch:
    """One per process."""

    def __init__(
        self,
        approvals: Approvals,
        database: Database,
        notifier: Notifier,
        wording: Wording,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._approvals = approvals
        self._database = database
        self._notifier = notifier
        self._wording = wording
        self._settings = settings
        self._clock = clock
        self._mailed: dict[Round, set[str]] = {}  # of rounds that are not noted yet: nobody is told again for others
        self._retries: dict[Round, tuple[int, datetime]] = {}  # how often it failed, and when it is tried again

    async def run(self) -> None:
        """Until cancelled. A store or mail server that fails is tried again; nothing that was asked is forgotten."""
        failures = 0
        while True:
            self._approvals.asked.clear()
            try:
                wait_s = await self.look()
                failures = 0
            except ConstructionError as error:
                failures += 1
                log.warning("approvals could not be looked at: %s", error.code)
                wait_s = _backoff_s(failures)
            await self._until_asked(wait_s)

    async def look(self) -> float:
        """Do what is due now; seconds until something is next."""
        now = self._clock.now()
        swept = await self._database.write(lambda tx: store.expire_due(tx, now), durable=True)
        for approval in swept:
            if approval.status == "expired" and approval.execution_id is not None:
                self._approvals.nudge(approval.execution_id)
        untold = await self._database.read(store.untold)
        reminded = await self._database.read(lambda tx: store.to_remind(tx, now))
        for approval in untold:
            await self._tell(approval, is_reminder=False)
        for approval in reminded:
            await self._tell(approval, is_reminder=True)
        if SWEEP_MAX in (len(swept), len(untold), len(reminded)) and not self._retries:
            return 0.0  # there may be more
        self._forget_others([*untold, *reminded])
        return await self._next_s()

    async def _next_s(self) -> float:
        due = await self._database.read(store.next_due)
        times = [at for at in (due, *(at for _, at in self._retries.values())) if at is not None]
        now = self._clock.now()
        # A reminder that failed stays due in the store: its retry says when it is tried again.
        waits = [(at - now).total_seconds() for at in times if at > now]
        return min([_LOOK_EVERY_S, *waits])

    async def _tell(self, approval: Approval, *, is_reminder: bool) -> None:
        this: Round = (approval.id, approval.expires_at, is_reminder)
        failed, again_at = self._retries.get(this, (0, None))
        if again_at is not None and again_at > self._clock.now():
            return
        try:
            await self._mail(approval, self._mailed.setdefault(this, set()), is_reminder=is_reminder)
        except ConstructionError as error:
            log.warning("the approvers of %s could not be told: %s", approval.id, error.code)
            wait = timedelta(seconds=_backoff_s(failed + 1))
            self._retries[this] = (failed + 1, self._clock.now() + wait)
            return
        now = self._clock.now()
        await self._database.write(lambda tx: store.told(tx, approval, now), durable=True)
        self._mailed.pop(this, None)
        self._retries.pop(this, None)

    async def _mail(self, approval: Approval, mailed: set[str], *, is_reminder: bool) -> None:
        """To each approver with an address, a code and a link of their own; the others see it in their client."""
        if "email" not in self._settings.channels:
            return
        problem = None
        for approver in approval.approvers:
            if approver in mailed or not re.fullmatch(mail.ADDRESS, approver):
                continue
            link = await self._link(approval, approver)
            code = self._approvals.code(approval, approver)
            message = letter(self._wording, approval, code, link, is_reminder=is_reminder)
            try:
                to = Destination("email", (approver,))
                await self._notifier.send(to, message, principal=approval.requested_by, template=None)
            except ConstructionError as error:
                problem = error  # the others are told all the same
            else:
                mailed.add(approver)
        if problem is not None:
            raise problem

    async def _link(self, approval: Approval, approver: str) -> str | None:
        settings = self._settings
        if settings.serve_url is None:
            return None
        base = (settings.public_url or settings.serve_url).rstrip("/")
        return f"{base}{APPROVALS_PATH}/{await self._approvals.new_link(approval, approver)}"

    def _forget_others(self, waiting: Sequence[Approval]) -> None:
        """What was decided meanwhile is told to nobody any more."""
        alive = {(one.id, one.expires_at) for one in waiting}
        for kept in (self._mailed, self._retries):
            for this in [one for one in kept if one[:2] not in alive]:
                del kept[this]

    async def _until_asked(self, seconds: float) -> None:
        waits = {asyncio.ensure_future(self._approvals.asked.wait()), asyncio.ensure_future(self._clock.sleep(seconds))}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


def letter(wording: Wording, approval: Approval, code: str, link: str | None, *, is_reminder: bool) -> Message:
    """What one approver reads. What is shown is quoted, so that no text in it passes for ours."""
    subject = f"{'Reminder: approval' if is_reminder else 'Approval'} needed: {approval.summary}"
    until = approval.expires_at.strftime("%Y-%m-%d %H:%M UTC")
    ways = [f"Decide here: {link}"] if link else []
    ways.append(f"{'Or tell' if link else 'Tell'} your assistant: approval {approval.id}, code {code}")
    parts = [
        "You are asked to approve or reject this:",
        _quoted(approval.summary),
        *([_quoted(shown_text(approval.shown))] if approval.shown else []),
        *([f"You may change: {', '.join(approval.editable)}."] if approval.editable else []),
        "\n".join(ways),
        f"It is open until {until}. {_AFTERWARDS[approval.on_expiry]}",
        "The code and the link decide in your name: pass them on to nobody.",
    ]
    return wording.own(subject, "\n\n".join(parts))


def shown_text(shown: Mapping[str, Any]) -> str:
    """Each value by its name, long ones cut."""
    return "\n".join(f"{name}: {shortened(value_text(value), _VALUE_CHARS_MAX)}" for name, value in shown.items())


def value_text(value: Any) -> str:
    """A text as it is, anything else as JSON that a person can read."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


_AFTERWARDS = {
    "reject": "When nobody answers, it counts as rejected.",
    "fail": "When nobody answers, the workflow stops there.",
    "escalate": "When nobody answers, others are asked.",
}


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.splitlines())


def _backoff_s(failures: int) -> float:
    return min(_LOOK_EVERY_S, _RETRY_S * 2.0 ** min(failures - 1, 10))
