"""A message as Microsoft Teams shows it: an Adaptive Card made of text runs, in which Markdown is not read.

Source: Adaptive Cards schema, RichTextBlock and TextRun ("Markdown is not supported"), both of version 1.2; Teams
"Create incoming webhooks with Workflows": a message with the card as its attachment.
"""

from collections.abc import Mapping
from typing import Any

from construction_mcp.notify.message import OPEN, Line, Message, Section


def payload(message: Message) -> Mapping[str, Any]:
    """The body that an incoming webhook takes."""
    body = [_block(_run(message.subject, weight="Bolder", size="Medium"))] if message.subject else []
    body += [_block(_run(part)) for part in message.text.split("\n") if part.strip()]
    body += [_block(_linked(Line(OPEN, message.link)))] if message.link else []
    for section in message.sections:
        body += _section(section)
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "msteams": {"width": "Full"},
    }
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _section(section: Section) -> list[dict[str, Any]]:
    more = [_block(_run(f"and {section.more} more"))] if section.more else []
    title = {**_block(_run(section.title, weight="Bolder")), "separator": True}
    return [title, *(_block(_run("• "), _linked(line)) for line in section.lines), *more]


def _linked(line: Line) -> dict[str, Any]:
    run = _run(line.text)
    return run if line.link is None else {**run, "selectAction": {"type": "Action.OpenUrl", "url": line.link}}


def _run(text: str, **style: str) -> dict[str, Any]:
    return {"type": "TextRun", "text": text, **style}


def _block(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": list(runs)}
