"""Sends one message through one channel, and keeps what became of it."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from construction_mcp.core import meters
from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Settings
from construction_mcp.core.errors import ConstructionError, Invalid, Unavailable, Uncertain
from construction_mcp.core.ids import new_id
from construction_mcp.notify import mail_parts, slack, teams
from construction_mcp.notify.mailer import Mailer
from construction_mcp.notify.message import Message
from construction_mcp.notify.posts import Posts, as_json
from construction_mcp.notify.receipt import NOTHING, Receipt, not_configured
from construction_mcp.notify.signing import Signatures
from construction_mcp.store.notifications import New, Notifications

log = logging.getLogger(__name__)

Channel = Literal["email", "slack", "teams", "webhook"]
_PRODUCTS = {"slack": "Slack", "teams": "Teams"}


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a message goes: `to` for mail, `url` for a webhook; for Slack and Teams the settings', unless given."""

    channel: Channel
    to: tuple[str, ...] = ()
    url: str | None = None

    @property
    def recipients(self) -> tuple[str, ...]:
        """For the person who decides: addresses whole, of a channel no more than tells it from others."""
        if self.channel == "email":
            return self.to
        if self.url is None:
            return (f"the {_PRODUCTS[self.channel]} channel of the settings",)
        return (_known_by(self.url),)

    @property
    def masked(self) -> tuple[str, ...]:
        """For a list that many may read."""
        return tuple(_masked(address) for address in self.to) if self.channel == "email" else self.recipients

    @property
    def targets(self) -> tuple[str, ...]:
        """For the audit log."""
        if self.channel == "email":
            return tuple(f"mailto:{address}" for address in self.to)
        return (f"{self.channel}:{urlsplit(self.url).hostname if self.url else 'default'}",)


class Notifier:
    """One per process."""

    def __init__(
        self,
        mailer: Mailer | None,
        posts: Posts,
        signatures: Signatures,
        kept: Notifications,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._mailer = mailer
        self._posts = posts
        self._signatures = signatures
        self._kept = kept
        self._settings = settings
        self._clock = clock

    def preview(self, destination: Destination, message: Message) -> Mapping[str, Any]:
        """What the recipient will read, as text; refuses now what could not be sent later.

        Raises:
            Invalid: the channel is not set up, the destination is none, or the message is too large for it.
            EgressRefused: an argument may not lead there.
        """
        shown: dict[str, Any] = {"channel": destination.channel, "to": list(destination.recipients)}
        if destination.channel == "email":
            mailer = self._mailer_or_refuse()
            letter = mailer.letter(destination.to, message)
            return {**shown, "from": letter.sender, "subject": message.subject, "text": mail_parts.plain(message)}
        self._address(destination)
        body = self._body(destination, message)
        if destination.channel == "webhook":
            return {**shown, "signed": True, "body": json.loads(body)}
        return {**shown, "subject": message.subject, "text": mail_parts.paragraphs(message)}

    async def send(
        self, destination: Destination, message: Message, *, principal: str, template: str | None
    ) -> tuple[str, Receipt]:
        """Send it once; the id under which it is kept, and the receipt.

        Raises:
            ConstructionError: as `Mailer.send` and `Posts.post`; what happened is kept as well.
        """
        new = New(principal, destination.channel, template, message.subject, destination.masked)
        kept_id = await self._kept.begin(new)
        try:
            receipt = await self._deliver(destination, message)
        except ConstructionError as error:
            status: Literal["uncertain", "failed"] = "uncertain" if isinstance(error, Uncertain) else "failed"
            meters.NOTIFICATIONS.add(destination.channel, status)
            await self._finish(kept_id, status, error.code)
            raise
        meters.NOTIFICATIONS.add(destination.channel, "sent")
        await self._finish(kept_id, "sent", None, receipt)
        return kept_id, receipt

    async def _finish(
        self, kept_id: str, status: Literal["sent", "failed", "uncertain"], code: str | None, receipt: Receipt = NOTHING
    ) -> None:
        """Keep the outcome. The message is gone by now: a full disk must not make anybody believe that it is not."""
        refused = tuple(_masked(address) for address in receipt.refused)
        try:
            await self._kept.finish(kept_id, status, code, receipt.message_id, refused)
        except Unavailable as problem:
            log.exception("notification %s ended %s and that is not recorded: %s", kept_id, status, problem.code)

    async def _deliver(self, destination: Destination, message: Message) -> Receipt:
        if destination.channel == "email":
            return await self._mailer_or_refuse().send(destination.to, message)
        url, body = self._address(destination), self._body(destination, message)
        if destination.channel != "webhook":
            await self._posts.post(url, body, is_chosen=destination.url is None)
            return Receipt(destination.recipients)
        message_id = new_id("msg")
        headers = self._signatures.headers(url, message_id, self._clock.now(), body)
        await self._posts.post(url, body, is_chosen=False, headers=headers)
        return Receipt(destination.recipients, message_id=message_id)

    def _mailer_or_refuse(self) -> Mailer:
        if self._mailer is None:
            raise not_configured("email", "CONSTRUCTION_MCP_SMTP_URL")
        return self._mailer

    def _address(self, destination: Destination) -> str:
        if destination.url is not None:
            self._posts.admit(destination.url)
            return destination.url
        settings = self._settings
        chosen = {"slack": settings.slack_webhook_url, "teams": settings.teams_webhook_url}.get(destination.channel)
        if chosen is None:
            raise not_configured(destination.channel, f"CONSTRUCTION_MCP_{destination.channel.upper()}_WEBHOOK_URL")
        return chosen

    def _body(self, destination: Destination, message: Message) -> bytes:
        limits = self._settings.limits
        if destination.channel == "slack":
            return _fitted(message, slack.payload, limits.slack_chars_max)
        if destination.channel == "teams":
            return _fitted(message, teams.payload, limits.teams_bytes_max)
        return as_json(_event(message, self._clock.now().isoformat()), limits.webhook_bytes_max)


def _fitted(message: Message, layout: Callable[[Message], Mapping[str, Any]], bytes_max: int) -> bytes:
    """With as many lines of each list as fit.

    Raises:
        Invalid: VALIDATION_TOO_LARGE; not even without its lists.
    """
    most = max((len(section.lines) for section in message.sections), default=0)
    while most:
        try:
            return as_json(layout(message.with_lines(most)), bytes_max)
        except Invalid:
            most //= 2
    return as_json(layout(message.with_lines(0)), bytes_max)


def _event(message: Message, at: str) -> Mapping[str, Any]:
    """Source: Standard Webhooks, "Payload structure"."""
    sections = [
        {
            "title": section.title,
            "items": [{"text": line.text, "link": line.link} for line in section.lines],
            "more": section.more,
        }
        for section in message.sections
    ]
    data = {"subject": message.subject, "text": message.text, "link": message.link, "sections": sections}
    return {"type": "notification", "timestamp": at, "data": data}


def _masked(address: str) -> str:
    """`ann.lee@builder.com` as `a…@builder.com`: enough for who knows her."""
    name, _, domain = address.partition("@")
    return f"{name[:1]}…@{domain}"


def _known_by(url: str) -> str:
    """The host and the end: what comes between is what lets one post there."""
    return f"{urlsplit(url).hostname} (…{url[-4:]})"
