"""A message as Slack shows it.

Everything is rich text, whose texts are never parsed: no mention, link or emphasis comes out of a record. Only the
one-line fallback of banners is text that Slack parses, so there `&`, `<` and `>` are escaped.
Source: Slack "Block Kit: rich text", "Formatting text for app surfaces: escaping text", "Incoming webhooks".
"""

from collections.abc import Mapping
from typing import Any

from construction_mcp.notify.message import OPEN, Line, Message, Section, shortened

_HEADER_CHARS_MAX = 150


def payload(message: Message) -> Mapping[str, Any]:
    """The body that an incoming webhook takes."""
    title = message.subject or message.text
    elements = [_paragraph(message.text)]
    elements += (
        [{"type": "rich_text_section", "elements": [_element(Line(OPEN, message.link))]}] if message.link else []
    )
    for section in message.sections:
        elements += [_paragraph(section.title, bold=True), _list(section)]
        elements += [_paragraph(f"and {section.more} more")] if section.more else []
    blocks: list[Mapping[str, Any]] = [{"type": "rich_text", "elements": elements}]
    if message.subject:
        plain = {"type": "plain_text", "text": shortened(title, _HEADER_CHARS_MAX), "emoji": False}
        blocks = [{"type": "header", "text": plain}, *blocks]
    fallback = shortened(" ".join(title.split()), _HEADER_CHARS_MAX)
    return {"text": _escaped(fallback), "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def _paragraph(text: str, *, bold: bool = False) -> dict[str, Any]:
    element: dict[str, Any] = {"type": "text", "text": text + "\n"}
    return {"type": "rich_text_section", "elements": [{**element, "style": {"bold": True}} if bold else element]}


def _list(section: Section) -> dict[str, Any]:
    items = [{"type": "rich_text_section", "elements": [_element(line)]} for line in section.lines]
    return {"type": "rich_text_list", "style": "bullet", "elements": items}


def _element(line: Line) -> dict[str, Any]:
    if line.link is None:
        return {"type": "text", "text": line.text}
    return {"type": "link", "url": line.link, "text": line.text}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
