"""Scripted trouble: what to do to which requests, how often, after how many (PRODUCT.md section 8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

FaultKind = Literal["429", "503", "401", "403", "timeout", "lost_response", "truncate", "html"]
KINDS: tuple[FaultKind, ...] = get_args(FaultKind)


@dataclass(slots=True)
class Fault:
    """`after` matching requests pass first, then `times` are hit."""

    method: str | None
    path: str  # a glob
    do: FaultKind
    times: int
    after: int
    seen: int = 0

    def hits(self, method: str, path: str) -> bool:
        """Whether this request is hit; counts it when it matches."""
        if (self.method and self.method != method) or not fnmatchcase(path, self.path):
            return False
        self.seen += 1
        return self.after < self.seen <= self.after + self.times

    @property
    def is_spent(self) -> bool:
        return self.seen >= self.after + self.times

    def public(self) -> dict[str, Any]:
        match = {"path": self.path, **({"method": self.method} if self.method else {})}
        return {"match": match, "do": self.do, "times": self.times, "after": self.after, "seen": self.seen}


class FaultScript:
    """The faults in the order they were added; the first that hits a request decides."""

    def __init__(self, script: Sequence[Any] = ()) -> None:
        self._faults: list[Fault] = []
        self.append(script)

    def append(self, script: Any) -> None:
        """Add faults; an empty list clears. A ValueError says which entry is wrong; then nothing was added."""
        if not isinstance(script, Sequence) or isinstance(script, str):
            raise ValueError("faults are an array")
        added = [_parse(entry, place) for place, entry in enumerate(script)]
        self._faults = [*self._faults, *added] if added else []

    def next_for(self, method: str, path: str) -> FaultKind | None:
        hit = None
        for fault in self._faults:
            if hit is None and fault.hits(method, path):
                hit = fault.do
        self._faults = [fault for fault in self._faults if not fault.is_spent]
        return hit

    def public(self) -> list[dict[str, Any]]:
        return [fault.public() for fault in self._faults]


def _parse(entry: Any, place: int) -> Fault:
    if not isinstance(entry, dict) or set(entry) - {"match", "do", "times", "after"}:
        raise ValueError(f"fault {place} has match, do, times and after, nothing else")
    match = entry.get("match") or {}
    if not isinstance(match, dict) or set(match) - {"method", "path"}:
        raise ValueError(f"fault {place}: match has method and path, nothing else")
    kind = str(entry.get("do"))
    if kind not in KINDS:
        raise ValueError(f"fault {place}: do is one of {', '.join(KINDS)}")
    times, after = entry.get("times", 1), entry.get("after", 0)
    if not isinstance(times, int) or times < 1 or not isinstance(after, int) or after < 0:
        raise ValueError(f"fault {place}: times is 1 or more, after 0 or more")
    method = match.get("method")
    known = next(each for each in KINDS if each == kind)
    return Fault(method.upper() if method else None, str(match.get("path", "*")), known, times, after)
