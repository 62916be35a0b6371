"""What each notification template looks like, with sample data."""

from construction_mcp.actions import notifications
from construction_mcp.core.errors import NotFound
from construction_mcp.core.toolset import completes, resource
from construction_mcp.notify.mail_parts import paragraphs
from construction_mcp.notify.wording import Wording

_URI = "notification://{template}/preview"


@resource(_URI, mime_type="text/plain", title="A notification as its reader sees it")
async def notification_preview(template: str, *, wording: Wording) -> str:
    """A notification template with invented records: what it needs, its subject and its text."""
    if template not in notifications.names():
        raise NotFound("There is no such notification template.", details={"known": list(notifications.names())})
    source = notifications.load(template)
    message = await wording.of(template, source.sample)
    needs = [f"data.{name}: {schema.get('description', '')}" for name, schema in source.data.items()]
    return "\n".join([source.doc, *needs, "", f"Subject: {message.subject}", "", paragraphs(message), ""])


@completes(_URI, "template")
async def complete_template(prefix: str) -> list[str]:
    """The templates whose name begins with what was typed."""
    return [name for name in notifications.names() if name.startswith(prefix)]
