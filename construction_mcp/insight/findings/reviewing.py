"""Writes of which nobody knows whether they were made: only a person who looks can tell."""

from collections.abc import Iterator

from construction_mcp.insight.advice import Call
from construction_mcp.insight.findings.failing import met
from construction_mcp.insight.findings.finding import Case, Finding, catalogued


def found(case: Case) -> Iterator[Finding]:
    """The uncertain steps of runs that stand still for them."""
    review = {run.id for run in case.runs if run.status == "needs_review"}
    steps = [step for step in case.evidence.steps if step.execution_id in review and step.status == "uncertain"]
    if steps:
        place = {"execution_id": steps[0].execution_id, "step": steps[0].key}
        outcome = "<done, not_done or skip: as the person who looked says>"
        call = Call("resolve_step", {**place, "outcome": outcome}, "settle it, once a person has looked in Procore")
        yield catalogued("EXECUTION_NEEDS_REVIEW", "error", 1.0, [met(step) for step in steps], call)
