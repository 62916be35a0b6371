"""What is claimed and whether it holds: told as soon as it is known, and the first that fails ends the story."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Check:
    """One claim, whether it held, what was seen, and how long it took; `act` is the part of the story it belongs to."""

    claim: str
    verified: bool
    detail: str
    ms: float
    act: str = ""

    def public(self) -> dict[str, Any]:
        return {**asdict(self), "ms": round(self.ms, 1)}


class Failed(Exception):
    """A claim did not hold; it was told."""


class Teller:
    """Times each claim, tells it, and stops the story at the first that does not hold."""

    def __init__(self, tell: Callable[[Check], None]) -> None:
        self._tell = tell
        self._act = ""
        self._since = time.perf_counter()

    def act(self, name: str) -> None:
        """The claims after this belong to it."""
        self._act = name

    def claim(self, claim: str, holds: bool, detail: str = "") -> None:
        """Tell a claim with the time since the one before.

        Raises:
            Failed: it does not hold.
        """
        self._tell(Check(claim, holds, detail, (time.perf_counter() - self._since) * 1000, self._act))
        self._since = time.perf_counter()
        if not holds:
            raise Failed(claim)

    def failed(self, claim: str, detail: str) -> Failed:
        """Tell a claim that could not even be looked at; to be raised."""
        self._tell(Check(claim, verified=False, detail=detail, ms=0.0, act=self._act))
        return Failed(claim)
