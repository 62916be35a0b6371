"""Where a call's time went, told to a tracing system if there is one: a seam that costs nothing while nobody listens.

`server/tracing.py` puts OpenTelemetry behind it. Spans name what we did and how it ended, in words of the program:
neither values of statements, nor bodies, nor queries, nor anything else from a record.
"""

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Literal, Protocol

Kind = Literal["internal", "client", "server"]
Value = str | int | float | bool


class Span(Protocol):
    """One piece of work under way."""

    def note(self, name: str, value: Value, /) -> None:
        """Set an attribute that is only known now."""
        ...

    def failed(self, code: str, /) -> None:
        """It ended badly; `code` is a public error code or a status."""
        ...


class Sink(Protocol):
    """A tracing system."""

    def open(self, name: str, kind: Kind, attributes: Mapping[str, Value]) -> AbstractContextManager[Span]:
        """A span around a block, inside whichever is open."""
        ...

    def joined(self, carried: Mapping[str, str]) -> AbstractContextManager[object]:
        """A block inside the span that W3C headers name; as if without them where they do not."""
        ...

    def here(self) -> object:
        """The open span, for work that is done elsewhere."""
        ...

    def past(
        self, name: str, kind: Kind, attributes: Mapping[str, Value], parent: object, began_ns: int, took_ns: int
    ) -> None:
        """A span that is over. parent: of `here`; `began_ns` since 1970."""
        ...


class _Nothing:
    """The span of nobody's."""

    def __enter__(self) -> "Span":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def note(self, _name: str, _value: Value) -> None:
        return None

    def failed(self, _code: str) -> None:
        return None


_NOTHING = _Nothing()
_sink: Sink | None = None


def listen(sink: Sink | None) -> None:
    """Tell spans to `sink` from now on; None ends that."""
    global _sink  # noqa: PLW0603 - as with meters, the process has one
    _sink = sink


def listener() -> Sink | None:
    """Who is told, for whatever costs something to prepare."""
    return _sink


def span(name: str, kind: Kind = "internal", **attributes: Value) -> AbstractContextManager[Span]:
    """A block of work; attributes in the conventions' words, with `__` for their dots."""
    if _sink is None:
        return _NOTHING
    return _sink.open(name, kind, {key.replace("__", "."): value for key, value in attributes.items()})


def wall_ns(perf: float) -> int:
    """Nanoseconds since 1970 of a moment that `time.perf_counter` showed."""
    return time.time_ns() - int((time.perf_counter() - perf) * 1e9)
