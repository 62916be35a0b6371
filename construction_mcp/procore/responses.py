"""Reading Procore's answers: two body shapes, several error shapes, and properties that may be missing or null.

Source: Procore "Error Reference", "New REST v2 Version", "Pagination"; the looser shapes were seen by other developers.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from construction_mcp.core.errors import Invalid
from construction_mcp.core.json import read_json

_SAID_MAX = 10  # sentences of one error; beyond it nobody reads on
_SENTENCE_MAX = 300
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_LINK = re.compile(r"<([^<>\s]+)>\s*((?:;[^,;<]*)*)(?:,|$)")
_REL = re.compile(r';\s*rel\s*=\s*"?([\w ]+)"?', re.IGNORECASE)


class Unreadable(Exception):
    """A success whose body is not the JSON it should be."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer: `data` is the v1 body, or what a v2 body wraps; shared with other callers, so read only."""

    status: int
    data: Any
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def items(self) -> list[dict[str, Any]]:
        """The rows of a list, whichever way it is drawn; anything that is no object is left out."""
        return [row for row in rows_of(self.data) if isinstance(row, dict)]

    @property
    def total(self) -> int | None:
        """How many rows there are in all, where the answer says so."""
        return total_of(self.headers)

    @property
    def item(self) -> dict[str, Any]:
        """The one record of a show, create or update; empty when there is none."""
        return self.data if isinstance(self.data, dict) else {}


def read_answer(status: int, headers: Mapping[str, str], body: bytes, *, bytes_max: int) -> Answer:
    """Parse a 2xx.

    Raises:
        Unreadable: it has a body that is not JSON (a login page, a cut-off answer).
    """
    if status == 204 or not body.strip():
        return Answer(status, None, headers)
    try:
        data = read_json(body, bytes_max=bytes_max)
    except Invalid:
        raise Unreadable from None
    return Answer(status, _unwrapped(data), headers)


def rows_of(data: Any) -> list[Any]:
    """A bare list, or the list a single wrapper holds (`data`, or the record's own name)."""
    if isinstance(data, list):
        return data
    if isinstance(data, dict):
        lists = [value for value in data.values() if isinstance(value, list)]
        return lists[0] if len(lists) == 1 else []
    return []


def _unwrapped(data: Any) -> Any:
    """v2 wraps 2xx bodies in `data`, sometimes beside paging facts; v1 never uses that name alone."""
    if isinstance(data, dict) and "data" in data and set(data) <= {"data", "meta", "pagination", "links"}:
        return data["data"]
    return data


def read_error(body: bytes) -> tuple[str, ...]:
    """What an error body says, in short sentences made safe to show; empty when it says nothing readable."""
    try:
        data = read_json(body, bytes_max=256 * 1024)
    except Invalid:
        return ()
    sentences = dict.fromkeys(text for text in map(_safe, _sentences(data)) if text)
    return tuple(sentences)[:_SAID_MAX]


def reason_codes(body: bytes) -> frozenset[str]:
    """The stable v2 codes (`error.code`, `details[].reason_code` or `.code`)."""
    try:
        data = read_json(body, bytes_max=256 * 1024)
    except Invalid:
        return frozenset()
    error = data.get("error") if isinstance(data, dict) else None
    if not isinstance(error, dict):
        return frozenset()
    details = error.get("details")
    rows = [error, *(details if isinstance(details, list) else [])]
    codes = (row.get(key) for row in rows if isinstance(row, dict) for key in ("code", "reason_code"))
    return frozenset(code for code in codes if isinstance(code, str))


def _sentences(data: Any) -> Iterator[str]:
    """`message`, `error`, `errors`, `reason`, `details`: each a string, a list, a map by field, or a list of maps."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, list):
        for entry in data[:_SAID_MAX]:
            yield from _sentences(entry)
    elif isinstance(data, dict):
        for key in ("message", "reason", "error_description", "error", "errors", "details"):
            yield from _of_key(key, data.get(key))


def _of_key(key: str, value: Any) -> Iterator[str]:
    if key == "errors" and isinstance(value, dict):
        for name, problems in list(value.items())[:_SAID_MAX]:
            for problem in problems if isinstance(problems, list) else [problems]:
                if isinstance(problem, str):
                    yield problem if name == "base" else f"{name}: {problem}"
    elif value is not None:
        yield from _sentences(value)


def _safe(text: str) -> str:
    """One line without control or direction characters, cut to a sentence's length."""
    line = _CONTROL.sub(" ", text).strip()
    return line if len(line) <= _SENTENCE_MAX else line[: _SENTENCE_MAX - 1] + "…"


def links_of(headers: Mapping[str, str]) -> dict[str, str]:
    """The `Link` header's URLs by relation (RFC 8288): next, last, first, prev."""
    links: dict[str, str] = {}
    for url, parameters in _LINK.findall(headers.get("link", "")[:8192]):
        found = _REL.search(parameters)
        for relation in found.group(1).lower().split() if found else ():
            links.setdefault(relation, url)
    return links


def total_of(headers: Mapping[str, str]) -> int | None:
    """The `Total` header; None when absent or no number."""
    text = headers.get("total", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def number_or_none(value: Any) -> int | None:
    """An id as v1 (int) or v2 and payload v4 (string) sends it; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    text = str(value) if isinstance(value, str) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 19 else None
