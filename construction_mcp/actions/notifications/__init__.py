"""What notification templates say: one YAML file each, named like the template.

doc: one sentence. data: the JSON Schema of each thing it shows. subject, text: one line and some paragraphs. link: the
expression that gives the record's address. sections: lists, each with a title, the expression that gives its items, and
a line and link per item. none: what is said when every list is empty. sample: invented data, as far as it is shown, for
previews. Holes are CEL over `data`, in lines also over `item`; what they give is escaped for the channel it goes to, so
nothing here is markup.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from construction_mcp.expressions.port import Schema

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Section:
    """One list. `items`, `link` are CEL, `line` has holes."""

    title: str
    items: str
    line: str
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """One template's source."""

    name: str
    doc: str
    data: Mapping[str, Schema]
    subject: str
    text: str
    sections: Sequence[Section]
    none: str | None
    sample: Mapping[str, Any]
    link: str | None = None


@cache
def names() -> Sequence[str]:
    """Every template, sorted."""
    return sorted(path.stem for path in _HERE.glob("*.yaml"))


@cache
def load(name: str) -> Notification:
    """The template of a known name."""
    import yaml  # only who notifies by template waits for it

    quick = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where PyYAML was built with it
    source: dict[str, Any] = yaml.load((_HERE / f"{name}.yaml").read_text(encoding="utf-8"), quick)  # noqa: S506 - safe
    sections = [Section(**section) for section in source.pop("sections", [])]
    return Notification(name=name, sections=sections, none=source.pop("none", None), **source)
