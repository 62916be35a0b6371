"""Add, replace and take out one entry of a JSON file while every other byte stays as a person left it.

Clients' config files hold other servers, hand-made layout and, in VS Code, comments and trailing commas. Parsing and
writing them anew would lose all that, so this reads the text with positions and edits only the piece that changes.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from construction_mcp.core.errors import Invalid

DEPTH_MAX = 64  # far deeper than any client's file; keeps a hostile one from exhausting the stack

_SPACE = re.compile(r"[ \t\r\n]+")
_COMMENT = re.compile(r"//[^\r\n]*|/\*.*?\*/", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_SCALAR = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")
_LINE_END = re.compile(r"[ \t]*,?[ \t]*\r?\n")
_FIRST_INDENT = re.compile(r"\{[ \t]*\r?\n([ \t]+)\S")


@dataclass(frozen=True, slots=True)
class Value:
    """A value and where it stands; `members` only of an object."""

    data: Any
    start: int
    end: int
    members: tuple["Member", ...] = ()

    def member(self, name: str) -> "Member | None":
        return next((member for member in self.members if member.name == name), None)


@dataclass(frozen=True, slots=True)
class Member:
    """One `"name": value` of an object."""

    name: str
    start: int
    value: Value


def read(text: str, *, comments: bool) -> Value:
    """The file's object; an empty file is an empty object.

    comments: whether comments and trailing commas are allowed, as VS Code does and the others do not.

    Raises:
        Invalid: the text is not one JSON object; names the line.
    """
    return _Reader(text if text.strip() else "{}", comments=comments).document()


def put(text: str, section: str, name: str, entry: Any, *, comments: bool) -> str:
    """The text with `entry` as member `name` of the object `section`, adding or replacing it.

    Raises:
        Invalid: the text cannot be edited safely.
    """
    text = text if text.strip() else "{\n}\n"
    root = read(text, comments=comments)
    expected = {**root.data, section: {**_object(root, section), name: entry}}
    layout = _Layout.of(text, root)
    inner = root.member(section)
    old = inner.value.member(name) if inner else None
    if old:
        after = text[: old.value.start] + layout.render(entry, 2) + text[old.value.end :]
    elif inner:
        after = _insert(text, inner.value, name, entry, depth=2, layout=layout)
    else:
        after = _insert(text, root, section, {name: entry}, depth=1, layout=layout)
    return proven(after, expected, comments=comments)


def take_out(text: str, section: str, name: str, *, drop_empty: bool, comments: bool) -> str:
    """The text without member `name` of `section`; the same text when it is not there.

    drop_empty: also take out the section when nothing is left in it.

    Raises:
        Invalid: the text cannot be edited safely.
    """
    root = read(text, comments=comments)
    if name not in _object(root, section):
        return text
    rest = {key: value for key, value in root.data[section].items() if key != name}
    inner = root.member(section)
    assert inner is not None
    after = proven(_remove(text, inner.value, name), {**root.data, section: rest}, comments=comments)
    if rest or not drop_empty:
        return after
    others = {key: value for key, value in root.data.items() if key != section}
    return proven(_remove(after, read(after, comments=comments), section), others, comments=comments)


def _object(root: Value, section: str) -> dict[str, Any]:
    found = root.data.get(section, {})
    if not isinstance(found, dict):
        raise Invalid(f'"{section}" is not an object.')
    return found


def proven(text: str, expected: Any, *, comments: bool) -> str:
    """`text`, after reading it back: an edit that is not exactly the one intended is never written."""
    if read(text, comments=comments).data != expected:
        raise Invalid("The file's layout does not allow a safe edit.")
    return text


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the file is written: its newline, its indent, and whether everything stands on one line."""

    newline: str
    indent: str
    inline: bool

    @classmethod
    def of(cls, text: str, root: Value) -> "_Layout":
        found = _FIRST_INDENT.search(text)
        inline = bool(root.members) and "\n" not in text.strip()
        return cls("\r\n" if "\r\n" in text else "\n", found[1] if found else "  ", inline)

    def gap(self, depth: int) -> str:
        return " " if self.inline else self.newline + self.indent * depth

    def render(self, value: Any, depth: int) -> str:
        if self.inline:
            return json.dumps(value, ensure_ascii=False)
        return json.dumps(value, ensure_ascii=False, indent=self.indent).replace("\n", self.gap(depth))


def _insert(text: str, container: Value, name: str, value: Any, *, depth: int, layout: _Layout) -> str:
    """Append a member to an object, behind whatever comment follows the last one."""
    piece = f"{json.dumps(name)}: {layout.render(value, depth)}"
    if not container.members:
        tail = _behind_comments(text, container.start + 1)
        rest = text[tail : container.end - 1]
        closing = rest if "\n" in rest else layout.gap(depth - 1)
        return text[:tail] + layout.gap(depth) + piece + closing + text[container.end - 1 :]
    end = container.members[-1].value.end
    comma = _comma_behind(text, end)
    if comma is not None:  # the file uses trailing commas: keep to it
        tail = _behind_comments(text, comma + 1)
        return text[:tail] + layout.gap(depth) + piece + "," + text[tail:]
    tail = _behind_comments(text, end)
    return text[:end] + "," + text[end:tail] + layout.gap(depth) + piece + text[tail:]


def _remove(text: str, container: Value, name: str) -> str:
    """The reverse of `_insert`: the member, the space before it and the comma that is now one too many."""
    index = next(index for index, member in enumerate(container.members) if member.name == name)
    member = container.members[index]
    start = len(text[: member.start].rstrip(" \t\r\n"))
    if not _LINE_END.match(text, member.value.end):
        # What follows on the member's line moves up; it must not land behind a comment that ends with the line.
        start = text.rfind("\n", start, member.start) + 1 or start
    comma = _comma_behind(text, member.value.end)
    if comma is not None:
        return text[:start] + text[comma + 1 :]
    if index == 0:
        rest = text[member.value.end : container.end - 1]
        is_bare = start == container.start + 1 and not rest.strip()
        return text[:start] + ("" if is_bare else rest) + text[container.end - 1 :]
    before = _comma_behind(text, container.members[index - 1].value.end)
    assert before is not None
    return text[:before] + text[before + 1 : start] + text[member.value.end :]


def _behind_comments(text: str, position: int) -> int:
    """The end of the last comment that follows `position`; `position` itself when none does."""
    end = position
    while True:
        space = _SPACE.match(text, position)
        position = space.end() if space else position
        comment = _COMMENT.match(text, position)
        if comment is None:
            return end
        end = position = comment.end()


def _comma_behind(text: str, position: int) -> int | None:
    position = _behind_comments(text, position)
    space = _SPACE.match(text, position)
    position = space.end() if space else position
    return position if text[position : position + 1] == "," else None


class _Reader:
    """A recursive reader of JSON with positions."""

    def __init__(self, text: str, *, comments: bool) -> None:
        self._text = text
        self._comments = comments
        self._at = 0

    def document(self) -> Value:
        value = self._value(0)
        self._skip()
        if self._at < len(self._text):
            raise self._wrong("unexpected text behind the end")
        if not isinstance(value.data, dict):
            raise Invalid("The file is not a JSON object.")
        return value

    def _value(self, depth: int) -> Value:
        if depth > DEPTH_MAX:
            raise self._wrong("nested too deeply")
        self._skip()
        start = self._at
        if self._eat("{"):
            return self._members(start, depth)
        if self._eat("["):
            return self._items(start, depth)
        found = _STRING.match(self._text, start) or _SCALAR.match(self._text, start)
        if not found:
            raise self._wrong("a value is missing")
        self._at = found.end()
        return Value(self._literal(found[0]), start, self._at)

    def _members(self, start: int, depth: int) -> Value:
        members: list[Member] = []
        while not self._closed("}", is_first=not members):
            self._skip()
            name_start = self._at
            found = _STRING.match(self._text, name_start)
            if not found:
                raise self._wrong("a name in double quotes is missing")
            self._at = found.end()
            name = self._literal(found[0])
            if any(member.name == name for member in members):
                raise self._wrong(f"the name {name!r} is used twice")
            self._skip()
            if not self._eat(":"):
                raise self._wrong("a colon is missing")
            members.append(Member(name, name_start, self._value(depth + 1)))
        return Value({member.name: member.value.data for member in members}, start, self._at, tuple(members))

    def _items(self, start: int, depth: int) -> Value:
        items: list[Any] = []
        while not self._closed("]", is_first=not items):
            items.append(self._value(depth + 1).data)
        return Value(items, start, self._at)

    def _closed(self, bracket: str, *, is_first: bool) -> bool:
        """Step over the comma before the next element, or over the closing bracket."""
        self._skip()
        if self._eat(bracket):
            return True
        if is_first:
            return False
        if not self._eat(","):
            raise self._wrong(f"a comma or {bracket} is missing")
        self._skip()
        return self._comments and self._eat(bracket)

    def _literal(self, token: str) -> Any:
        try:
            return json.loads(token)
        except ValueError:
            raise self._wrong("a string is malformed") from None

    def _skip(self) -> None:
        while found := _SPACE.match(self._text, self._at) or _COMMENT.match(self._text, self._at):
            if found[0].startswith("/") and not self._comments:
                raise self._wrong("this client does not accept comments")
            self._at = found.end()

    def _eat(self, character: str) -> bool:
        if self._text.startswith(character, self._at):
            self._at += 1
            return True
        return False

    def _wrong(self, what: str) -> Invalid:
        line = self._text.count("\n", 0, self._at) + 1
        return Invalid(f"The file is not valid JSON: line {line}, {what}.")
