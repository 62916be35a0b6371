"""Notifications as actions send them: worded, shown and brought there by `notify/`."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from construction_mcp.actions.performing import Letter
from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.notify.notifier import Channel, Destination, Notifier
from construction_mcp.notify.posts import Posts, as_json
from construction_mcp.notify.signing import Signatures
from construction_mcp.notify.wording import Wording


class Notices:
    """Implements `performing.Telling`."""

    def __init__(
        self, wording: Wording, notifier: Notifier, posts: Posts, signatures: Signatures, limits: Limits, clock: Clock
    ) -> None:
        self._wording = wording
        self._notifier = notifier
        self._posts = posts
        self._signatures = signatures
        self._limits = limits
        self._clock = clock

    async def letter(
        self,
        channel: str,
        *,
        principal: str,
        to: Sequence[str] = (),
        url: str | None = None,
        subject: str | None = None,
        text: str | None = None,
        template: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Letter:
        """Word it, and refuse now what could not be sent later. Raises: as `Telling.letter`."""
        if template is None:
            message = self._wording.own(subject, text or "")
        else:
            message = await self._wording.of(template, data or {}, subject)
        destination = Destination(cast("Channel", channel), tuple(to), url)
        shown = self._notifier.preview(destination, message)

        async def send() -> tuple[Sequence[str], str | None]:
            kept_id, receipt = await self._notifier.send(destination, message, principal=principal, template=template)
            taken = [one for one in receipt.recipients if one not in receipt.refused]
            return taken, receipt.message_id or kept_id

        return Letter(shown, destination.recipients, destination.targets, message.is_empty, send)

    async def post(
        self, url: str, body: Any, *, signed: bool, principal: str, message_id: str
    ) -> tuple[Sequence[str], str]:
        """Post a JSON body. Raises: as `Posts.post`."""
        del principal  # the audit row of the act names it
        raw = as_json(body, self._limits.webhook_bytes_max)
        headers = self._signatures.headers(url, message_id, self._clock.now(), raw) if signed else {}
        await self._posts.post(url, raw, is_chosen=False, headers=headers)
        return Destination("webhook", url=url).recipients, message_id

    def admit(self, url: str) -> None:
        """Raises: EgressRefused: arguments may not lead there."""
        self._posts.admit(url)
