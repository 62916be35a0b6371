"""How much of a config is settled before its templates are filled in."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

HOLE = "{{"
_ONE_VARIABLE = re.compile(r"\{\{\s*vars\.\w+\s*\}\}")


def is_settled(value: Any) -> bool:
    """No text in it has a template."""
    return not any(HOLE in text for text in texts(value))


def awaits_user(text: str) -> bool:
    """It is a variable that nobody has filled in yet: the user will, so no run decides it."""
    return HOLE in text and _ONE_VARIABLE.fullmatch(text.strip()) is not None


def texts(value: Any) -> Iterator[str]:
    """Every text in a value, names of fields too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts(inner)


def in_words(parts: Sequence[str], more: str) -> str:
    """`a, b and c`; of many, the first three and how many `more`."""
    shown = [*parts] if len(parts) <= 4 else [*parts[:3], f"{len(parts) - 3} {more}"]
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))
