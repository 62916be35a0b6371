"""From what is kept of a workflow to what is wrong with it, worst first, each with what mends it. Pure: reads nothing.

What there is to find, and how sure each is, is in `findings/`.
"""

from collections.abc import Callable, Iterator

from construction_mcp.core.catalogue import CATALOGUE
from construction_mcp.insight.findings import (
    account,
    arriving,
    asking,
    failing,
    hearing,
    holding,
    queueing,
    reviewing,
    skipping,
    standing,
    timing,
)
from construction_mcp.insight.findings.finding import Case, Finding, Severity, catalogued

_SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
_SOURCES: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    standing.found,
    holding.found,
    account.found,
    reviewing.found,
    timing.found,
    hearing.found,
    asking.found,
    arriving.found,
    queueing.found,
    failing.found,
    skipping.found,
)


def diagnose(case: Case, told: str = "") -> list[Finding]:
    """What is wrong, worst first, a code once; of equally bad ones those that `told` speaks of come first."""
    found: dict[str, Finding] = {}
    for source in _SOURCES:
        for one in source(case):
            found.setdefault(one.code, one)
    for one in _named(case, told):
        found.setdefault(one.code, one)
    return sorted(found.values(), key=lambda one: _rank(one, told))


def _rank(one: Finding, told: str) -> tuple[int, bool, float]:
    words = {word for word in one.code.lower().split("_") if len(word) > 3}  # as "the", "not"
    is_told = one.code in told or any(word in told.lower() for word in words)
    return _SEVERITIES.index(one.severity), not is_told, -one.confidence


def _named(case: Case, told: str) -> Iterator[Finding]:
    """Codes that somebody speaks of and no run met: what they mean, for what that is worth."""
    for code in CATALOGUE:
        if code in told:
            seen = [f"You name it; none of the latest {len(case.evidence.runs)} runs met it."]
            yield catalogued(code, "info", 0.0, seen, None)
