"""HTML that cannot be written unescaped: text is text, and only `el` makes tags."""

from collections.abc import Iterable
from html import escape
from typing import TypeAlias

from construction_mcp.notify.message import cleaned

_VOID = frozenset({"input", "meta", "link", "br", "hr", "img"})


class Html(str):
    """Markup that `el` or `joined` made. Never made from text elsewhere."""

    __slots__ = ()


Child: TypeAlias = "str | int | Iterable[Child] | None"
"""Text, markup, nothing, or several of these."""

Attribute: TypeAlias = "str | int | float | bool | None"


def el(tag: str, /, *children: Child, **attributes: Attribute) -> Html:
    """One element. `class_` is `class`, `aria_label` is `aria-label`; False and None leave an attribute out."""
    head = "".join(_attribute(key, value) for key, value in attributes.items())
    if tag in _VOID:
        return Html(f"<{tag}{head}>")
    return Html(f"<{tag}{head}>{joined(*children)}</{tag}>")


def joined(*children: Child) -> Html:
    """The children one after the other, text escaped and without what nobody can see."""
    return Html("".join(_child(one) for one in children))


def _child(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Html):
        return child
    if isinstance(child, str | int):
        return escape(str(cleaned(str(child))))
    return "".join(_child(one) for one in child)


def _attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(cleaned(str(value))))}"'
