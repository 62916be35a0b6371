"""What pause_all keeps from going on."""

from collections.abc import Iterator, Mapping
from typing import Any

from construction_mcp.insight.advice import Call
from construction_mcp.insight.findings.finding import Case, Finding, catalogued
from construction_mcp.store.holds import Hold


def found(case: Case) -> Iterator[Finding]:
    """The holds that bear on it; the first of them is told."""
    place = case.evidence.place
    for hold in case.evidence.holds:
        if bears(hold, place.project_id, place.run_as):
            seen = [f"{_subject(hold)} is held by {hold.held_by} since {hold.held_at.isoformat()}."]
            yield catalogued("WORKFLOW_HELD", "error", 1.0, seen, release(hold))


def bears(hold: Hold, project_id: int | None, run_as: str | None) -> bool:
    """Whether a hold keeps runs of this project and account from going on."""
    return hold.scope == "all" or hold.subject == (str(project_id) if hold.scope == "project" else run_as)


def release(hold: Hold) -> Call:
    """The call that ends exactly this hold."""
    names: dict[str, Mapping[str, Any]] = {
        "project": {"project_id": int(hold.subject) if hold.subject.isdigit() else hold.subject},
        "connection": {"connection": hold.subject},
    }
    return Call("resume_all", names.get(hold.scope, {}), "let it go on, if the reason for holding it is gone")


def _subject(hold: Hold) -> str:
    return "Everything" if hold.scope == "all" else f"The {hold.scope} {hold.subject}"
