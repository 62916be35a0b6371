"""What a notification says, before any channel shows it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

# Controls but tab and line feed, and what hides or reverses text: a person has to see what is there.
# Source: Unicode UAX #9 (direction), UTS #39 (invisible); as core/untrusted.py spells out for models.
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e01ef]"
)
_LINE_BREAKS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_URL_CHARS_MAX = 2000
OPEN = "Open in Procore"
_CUT = "…"


@dataclass(frozen=True, slots=True)
class Line:
    """One item of a list; `link` is where it leads, if it leads somewhere safe."""

    text: str
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """One list; `more` items were left out."""

    title: str
    lines: tuple[Line, ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """A subject of one line, a text of paragraphs and lists.

    link: the one record it is about, where it is about one. is_empty: it has lists, and nothing is in any.
    """

    subject: str
    text: str
    sections: tuple[Section, ...] = ()
    link: str | None = None
    is_empty: bool = False

    def with_lines(self, most: int) -> "Message":
        """The same with at most so many lines per list, the rest counted."""
        return replace(self, sections=tuple(_cut(section, most) for section in self.sections))


def _cut(section: Section, most: int) -> Section:
    left_out = max(0, len(section.lines) - most)
    return Section(section.title, section.lines[:most], section.more + left_out)


def cleaned(value: Any) -> Any:
    """JSON without characters that nobody can see, that turn text around, or that end a line unexpectedly."""
    if isinstance(value, str):
        return UNSEEN.sub("", _LINE_BREAKS.sub("\n", _SURROGATES.sub("\ufffd", value)))
    if isinstance(value, Mapping):
        return {str(key): cleaned(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(one) for one in value]
    return value


def one_line(text: str, chars_max: int) -> str:
    """Without line breaks: one in a subject would start a header of its own (RFC 5322 section 2.2)."""
    return shortened(" ".join(text.split()), chars_max)


def shortened(text: str, chars_max: int) -> str:
    """The text, or its beginning and a sign that it goes on."""
    return text if len(text) <= chars_max else text[: chars_max - len(_CUT)].rstrip() + _CUT


def safe_link(value: Any) -> str | None:
    """An http or https address without user name or blanks; anything else leads nowhere."""
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or len(value) > _URL_CHARS_MAX:
        return None
    try:
        split = urlsplit(value)
        is_safe = split.scheme in ("http", "https") and bool(split.hostname) and split.username is None
    except ValueError:
        return None
    return value if is_safe and not re.search(r"[\s\"'<>\\^`{|}]", value) else None
