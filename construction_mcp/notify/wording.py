"""From a notification template and its data to a message.

Holes are evaluated, their values put in and never looked at again: `{{ }}` in a record's text stays what it is.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import jsonschema_rs

from construction_mcp.actions import notifications
from construction_mcp.actions.notifications import Notification
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Invalid
from construction_mcp.core.nearest import nearest
from construction_mcp.expressions.port import ExpressionEngine
from construction_mcp.expressions.templates import Hole, fill, parse, render
from construction_mcp.notify.message import Line, Message, Section, cleaned, one_line, safe_link, shortened

_GAP = re.compile(r"\n[ \t]*(\n[ \t]*)+")  # a hole that gave nothing leaves a paragraph empty


class Wording:
    """Says what a template says about some data."""

    def __init__(self, engine: ExpressionEngine, limits: Limits) -> None:
        self._engine = engine
        self._limits = limits

    def own(self, subject: str | None, text: str) -> Message:
        """A text of the caller's own; nothing in it is evaluated."""
        limits = self._limits
        return Message(one_line(cleaned(subject or ""), limits.notification_line_chars_max), cleaned(text).strip())

    async def of(self, name: str, data: Mapping[str, Any], subject: str | None = None) -> Message:
        """What the template says; `subject` instead of its own.

        Raises:
            Invalid: there is no such template, the data is not what it asks for, or cannot be shown.
        """
        template = _template(name)
        self._check(template, data)
        values = {"data": cleaned(data)}
        sections = [await self._section(section, values) for section in template.sections]
        shown = tuple(section for section in sections if section.lines)
        is_empty = bool(template.sections) and not shown
        said = template.none if is_empty and template.none else await self._filled(template.text, values)
        written = cleaned(subject) if subject is not None else await self._filled(template.subject, values)
        return Message(
            subject=one_line(written, self._limits.notification_line_chars_max),
            text=shortened(_GAP.sub("\n\n", said).strip(), self._limits.notification_text_chars_max),
            sections=shown,
            link=safe_link(await self._engine.evaluate(template.link, values)) if template.link else None,
            is_empty=is_empty,
        )

    async def _filled(self, text: str, values: Mapping[str, Any]) -> str:
        return str(await fill(text, lambda hole: self._engine.evaluate(hole, values)))

    async def _section(self, section: notifications.Section, values: Mapping[str, Any]) -> Section:
        items: Sequence[Any] = await self._engine.evaluate(section.items, values)
        shown = items[: self._limits.notification_items_max]
        parts = parse(section.line).parts
        columns = [await self._column(part.text, shown, values) for part in parts if isinstance(part, Hole)]
        links = await self._column(section.link, shown, values) if section.link else [None] * len(shown)
        rows = zip(*columns, strict=True) if columns else [()] * len(shown)
        chars_max = self._limits.notification_line_chars_max
        lines = [
            Line(one_line(str(render(parts, row)), chars_max), safe_link(link))
            for row, link in zip(rows, links, strict=True)
        ]
        return Section(section.title, tuple(lines), len(items) - len(shown))

    async def _column(self, text: str, items: Sequence[Any], values: Mapping[str, Any]) -> Sequence[Any]:
        """The value of one hole for each item.

        Raises:
            Invalid: the first item's that failed: a list with a gap would look whole.
        """
        column = await self._engine.each(text, "item", items, values)
        for value in column:
            if isinstance(value, Invalid):
                raise value
        return column

    def _check(self, template: Notification, data: Mapping[str, Any]) -> None:
        most = self._limits.notification_data_bytes_max
        if len(json.dumps(data, ensure_ascii=False)) > most:
            raise Invalid(f"The data has more than {most} bytes.", code="VALIDATION_TOO_LARGE")
        needed = sorted(template.data)
        if sorted(data) != needed:
            raise Invalid(
                f"The template {template.name} needs data with exactly {', '.join(needed)}.",
                details={"field": "template_data", "needed": needed, "given": sorted(data)[:20]},
            )
        for name, schema in template.data.items():
            if not jsonschema_rs.is_valid(dict(schema), data[name]):
                raise Invalid(
                    f"data.{name} is not of type {schema.get('type')}: {schema.get('description', name)}.",
                    details={"field": f"template_data.{name}"},
                )


def _template(name: str) -> Notification:
    known = notifications.names()
    if name not in known:
        raise Invalid(
            f"There is no notification template {name[:60]!r}.",
            details={"field": "template", "nearest": nearest(name, known), "known": list(known)},
        )
    return notifications.load(name)
