"""Tools that tell people something, and show what was told. How each channel does it is in `notify/`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from construction_mcp.core.arguments import Cursor, Limit
from construction_mcp.core.config import Limits
from construction_mcp.core.cursor import Cursors
from construction_mcp.core.effects import Effect
from construction_mcp.core.errors import Invalid
from construction_mcp.core.toolset import tool
from construction_mcp.core.types import Page, Principal, Role
from construction_mcp.notify.message import Message
from construction_mcp.notify.notifier import Channel, Destination, Notifier
from construction_mcp.notify.wording import Wording
from construction_mcp.store.columns import time_text
from construction_mcp.store.notifications import Kept, Notifications, Status

_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Sent:
    """What went out. `refused` are recipients that the mail server did not take."""

    id: str
    channel: str
    recipients: list[str]
    refused: list[str]
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """One message and what became of it. Mail addresses are shortened; `error` is the code of the failure."""

    id: str
    channel: str
    status: Status
    subject: str
    recipients: list[str]
    sent_by: str
    created_at: datetime
    template: str | None = None
    refused: list[str] | None = None
    error: str | None = None
    finished_at: datetime | None = None


@tool(effect="outside", open_world=True)
async def send_notification(
    channel: Annotated[Channel, "email, slack, teams or webhook"],
    to: Annotated[list[str] | None, Field(min_length=1, max_length=_LIMITS.recipients_max), "Mail addresses"] = None,
    url: Annotated[
        str | None,
        Field(min_length=8, max_length=2000, json_schema_extra={"format": "uri"}),
        "Webhook's, or another channel's",
    ] = None,
    subject: Annotated[str | None, Field(min_length=1, max_length=400), "Subject, unless the template's"] = None,
    text: Annotated[str | None, Field(min_length=1, max_length=20_000), "Plain text, or a template"] = None,
    template: Annotated[str | None, Field(min_length=1, max_length=64), "As rfi_overdue_alert"] = None,
    template_data: Annotated[dict[str, Any] | None, "What it shows"] = None,
    *,
    principal: Principal,
    wording: Wording,
    notifier: Notifier,
) -> Effect[Sent]:
    """Send a mail, Slack or Teams post, or signed webhook, after a preview."""
    destination = _destination(channel, to, url)
    message = await _message(wording, channel, subject, text, template, template_data)
    shown = notifier.preview(destination, message)

    async def perform() -> Sent:
        kept_id, receipt = await notifier.send(destination, message, principal=principal.id, template=template)
        return Sent(kept_id, channel, list(receipt.recipients), list(receipt.refused), receipt.message_id)

    where = ", ".join(destination.recipients[:3]) + (" and others" if len(destination.recipients) > 3 else "")
    kind = "mail" if channel == "email" else "post"
    return Effect(f"Send a {kind} to {where}", shown, perform, destination.targets)


@tool(effect="read")
async def list_notifications(
    failed: Annotated[bool, "Only those that did not surely arrive"] = False,
    limit: Limit = 25,
    cursor: Cursor = None,
    *,
    principal: Principal,
    kept: Notifications,
    cursors: Cursors,
) -> Page[Notification]:
    """List what was sent in 90 days, newest first, with outcome; an admin sees everybody's."""
    whose = None if principal.role is Role.ADMIN else principal.id
    query = ["list_notifications", whose, failed]
    before = cursors.read(cursor, query) if cursor is not None else None
    rows = await kept.page(
        principal=whose,
        failed=failed,
        before=before and (before[0], before[1]),
        most=limit + 1,
    )
    shown = rows[:limit]
    more = cursors.sign([time_text(shown[-1].created_at), shown[-1].id], query) if len(rows) > limit else None
    return Page([_notification(row) for row in shown], next_cursor=more)


def _destination(channel: Channel, to: list[str] | None, url: str | None) -> Destination:
    """Raises: Invalid: what the channel needs is missing, or what it has no use for is given."""
    if (channel == "email") != (to is not None):
        raise Invalid("email needs to; other channels have no use for it.", details={"field": "to"})
    if (channel == "webhook" and url is None) or (channel == "email" and url is not None):
        raise Invalid("webhook needs url; email has no use for it.", details={"field": "url"})
    return Destination(channel, tuple(dict.fromkeys(to or ())), url)


async def _message(
    wording: Wording,
    channel: Channel,
    subject: str | None,
    text: str | None,
    template: str | None,
    data: dict[str, Any] | None,
) -> Message:
    """Raises: Invalid: there is not exactly one thing to say."""
    if (text is None) == (template is None):
        raise Invalid("Give either text or template.", details={"field": "text"})
    if template is not None:
        return await wording.of(template, data or {}, subject)
    if data is not None:
        raise Invalid("template_data is for a template.", details={"field": "template_data"})
    if channel == "email" and subject is None:
        raise Invalid("A mail needs a subject.", details={"field": "subject"})
    return wording.own(subject, text or "")


def _notification(row: Kept) -> Notification:
    return Notification(
        id=row.id,
        channel=row.channel,
        status=row.status,
        subject=row.subject,
        recipients=row.recipients,
        sent_by=row.principal,
        created_at=row.created_at,
        template=row.template,
        refused=row.refused or None,
        error=row.error,
        finished_at=row.finished_at,
    )
