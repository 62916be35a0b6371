"""A circuit breaker per host: after failures in a row the host rests, then one request finds out whether it is back."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cachetools import LRUCache

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Unavailable


@dataclass(slots=True)
class _Circuit:
    failures: int = 0
    open_until: float = 0.0
    probing: bool = False


class Attempt:
    """What the caller learned; unset means neither (the request never left, or was cancelled)."""

    ok: bool | None = None


class Breakers:
    """One circuit per host, the least used forgotten beyond `breaker_hosts_max`."""

    def __init__(self, clock: Clock, limits: Limits, *, code: str = "SYSTEM_UNAVAILABLE") -> None:
        self._code = code
        self._clock = clock
        self._limits = limits
        self._circuits: LRUCache[str, _Circuit] = LRUCache(limits.breaker_hosts_max)

    @contextmanager
    def attempt(self, host: str) -> Iterator[Attempt]:
        """Around one request: set `ok` to whether the host worked (a refusal such as 404 is a working host).

        Raises:
            Unavailable: the host rests; `retry_after_s` says how long still.
        """
        circuit = self._circuits.setdefault(host, _Circuit())
        is_probe = self._enter(circuit)
        attempt = Attempt()
        try:
            yield attempt
        finally:
            if is_probe:
                circuit.probing = False
            self._learn(circuit, attempt.ok)

    def is_open(self, host: str) -> bool:
        """Whether requests to the host are refused at the moment; for health reports."""
        circuit = self._circuits.get(host)
        return circuit is not None and circuit.open_until > self._clock.monotonic()

    def _enter(self, circuit: _Circuit) -> bool:
        if circuit.failures < self._limits.breaker_failures_max:
            return False
        rest_s = circuit.open_until - self._clock.monotonic()
        if rest_s > 0 or circuit.probing:
            raise Unavailable(
                "The host failed several times in a row and is left alone for a while.",
                code=self._code,
                retry_after_s=round(max(rest_s, 1.0), 1),
            )
        circuit.probing = True
        return True

    def _learn(self, circuit: _Circuit, ok: bool | None) -> None:
        if ok:
            circuit.failures = 0
        elif ok is False:
            circuit.failures += 1
            if circuit.failures >= self._limits.breaker_failures_max:
                circuit.open_until = self._clock.monotonic() + self._limits.breaker_rest_s
