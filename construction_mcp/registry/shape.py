"""From what a tool returned to what a client gets: structured content within its size, and one short text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from construction_mcp.core.errors import Invalid
from construction_mcp.core.nearest import nearest
from construction_mcp.core.ports import Content

_TEXT_MAX = 300
_NAMED_ITEMS = 5
_LABELS = ("name", "title", "subject", "status", "message", "summary")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished call. `blocks` only when the tool answered with content of its own."""

    structured: dict[str, Any] | None
    text: str
    blocks: Sequence[Mapping[str, Any]] | None = None
    is_error: bool = False


def shape(
    value: Any,
    returns: TypeAdapter[Any],
    fields: Sequence[str] | None,
    bytes_max: int,
    *,
    summary_to: str | None = None,
) -> Outcome:
    """Dump, trim and measure. Without `fields` an item ends at its field `summary_to`.

    Raises:
        Invalid: VALIDATION_TOO_LARGE, with the way to ask for less.
    """
    if isinstance(value, Content):
        return Outcome(None, "", value.blocks, value.is_error)
    # Without warnings: the first outcome of a repeated effect comes from the ledger as JSON, not as its class.
    raw = returns.dump_json(value, exclude_none=True, warnings=False)
    structured = from_json(raw)
    if fields:
        structured["items"] = _only(structured["items"], fields)
        raw = to_json(structured)
    elif summary_to is not None:
        structured["items"] = [_up_to(item, summary_to) for item in structured["items"]]
        raw = to_json(structured)
    if len(raw) > bytes_max:
        raise Invalid(
            f"The answer would be {len(raw)} bytes; at most {bytes_max} are sent.",
            code="VALIDATION_TOO_LARGE",
            hint="Ask for a smaller limit, only some fields, detail=summary, or a narrower filter.",
        )
    return Outcome(structured, short_text(structured))


def _only(items: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> list[dict[str, Any]]:
    """Each item with only the fields asked for; an unknown name is an error, not an empty answer."""
    known = {name for item in items for name in item}
    for name in fields if items else ():
        if name not in known:
            raise Invalid(
                f"Items have no field {name[:100]!r}.",
                code="VALIDATION_UNKNOWN_FIELD",
                details={"field": "fields", "nearest": nearest(name, known), "known": sorted(known)},
            )
    wanted = {"id", *fields}
    return [{key: value for key, value in item.items() if key in wanted} for item in items]


def _up_to(item: Mapping[str, Any], last: str) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in item.items():
        kept[name] = value
        if name == last:
            break
    return kept


def short_text(structured: Mapping[str, Any]) -> str:
    """One line for people and for logs; programs and models read the structured content."""
    items = structured.get("items")
    if isinstance(items, list):
        total = structured.get("total", len(items))
        names = [label for item in items[:_NAMED_ITEMS] if (label := _label(item))]
        more = ", more with next_cursor" if structured.get("next_cursor") else ""
        listed = f": {'; '.join(names)}" if names else ""
        return f"{len(items)} of {total}{listed}{more}."[:_TEXT_MAX]
    parts = [f"{key}: {label}" for key, value in structured.items() if (label := _label(value))]
    return ("; ".join(parts) or "Done")[:_TEXT_MAX]


def _label(value: Any) -> str:
    """The word a person would use for a value."""
    if isinstance(value, Mapping):
        return next((str(value[key]) for key in _LABELS if value.get(key)), str(value.get("id", "")))
    if isinstance(value, list):
        return str(len(value))
    return "" if value is None else str(value)
