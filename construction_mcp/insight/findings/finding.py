"""One thing that is wrong, and everything that a search for it may read.

Confidence is measured, never felt. What is read off the workspace's or Procore's state is certain: 1. What runs met is
the share of the latest runs that met it, each run counting half of the one after it, so a mended error fades and a new
one leads. What is inferred from n equal observations is n / (n + 1): it grows with each and is never certain.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from construction_mcp.core.catalogue import CATALOGUE
from construction_mcp.core.json import write_json
from construction_mcp.insight.advice import Call
from construction_mcp.procore.records.hooks import Upstream
from construction_mcp.store.evidence import Evidence, Run
from construction_mcp.workflow.definition import Definition

Severity = Literal["error", "warning", "info"]

EVIDENCE_MAX, _CHARS_MAX = 5, 300  # of one finding: what a person still reads


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. confidence: from 0 to 1. `next` is the call that mends it or shows more.

    Where nothing but a person can mend it, `fix` says what they do, and `next` is the call for afterwards.
    """

    code: str
    severity: Severity
    confidence: float
    evidence: Sequence[str]
    cause: str
    fix: str
    next: Call | None = None


@dataclass(frozen=True, slots=True)
class Here:
    """The process that looks. is_service: one account for all, so nobody links their own.

    address_of: where a hook of ours is posted to from outside, by its id; None where nobody reaches this process.
    """

    now: datetime
    environment: str
    is_always_on: bool
    is_service: bool
    has_mail: bool = True
    address_of: Callable[[str], str | None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Live:
    """What Procore says now, through the workflow's own account; None is what was not asked or not answered.

    trouble: the public error that asking who the account is met. unreadable: why each Procore tool that was asked about
    cannot be read, None where it can; switched: whether the project has it on. offset_s: how far Procore's clock is
    ahead of ours. asked_again: what each request that was refused gives now: a code, None where it is answered.
    hooks: those of the application where the workflow's own should be.
    """

    trouble: Mapping[str, Any] | None = None
    user_id: int | None = None
    projects: Mapping[int, str] | None = None
    unreadable: Mapping[str, str | None] = field(default_factory=dict)
    switched: Mapping[str, bool] = field(default_factory=dict)
    asked_again: Mapping[str, str | None] = field(default_factory=dict)
    hooks: Sequence[Upstream] | None = None
    offset_s: float | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One workflow under examination.

    draft, active: what is written and what runs; None where it cannot be read. first_aid: the call that mends the first
    problem of the draft. compiles: whether a definition would be without errors. tool_of: the Procore tool that an
    action type needs.
    """

    evidence: Evidence
    here: Here
    live: Live = field(default_factory=Live)
    draft: Definition | None = None
    active: Definition | None = None
    problems: Sequence[str] = ()
    first_aid: Call | None = None
    compiles: Callable[[Definition], bool] = lambda _: True
    tool_of: Callable[[str], str | None] = lambda _: None

    @property
    def id(self) -> str:
        return self.evidence.place.id

    @property
    def is_edited(self) -> bool:
        """Whether the draft is not what runs."""
        return self.draft is not None and self.active is not None and self.draft.written() != self.active.written()

    @property
    def runs(self) -> Sequence[Run]:
        """The latest runs, newest first, then those that are older and have not ended."""
        known = {run.id for run in self.evidence.runs}
        return [*self.evidence.runs, *(run for run in reversed(self.evidence.open_runs) if run.id not in known)]


class Source(Protocol):
    """A file of this folder."""

    def found(self, case: Case) -> Iterator[Finding]:
        """What is wrong there."""
        ...


def certain(
    code: str, seen: Sequence[str], cause: str, fix: str, call: Call | None, severity: Severity = "error"
) -> Finding:
    """What is read off a state."""
    return Finding(code, severity, 1.0, list(seen)[:EVIDENCE_MAX], cause, fix, call)


def catalogued(code: str, severity: Severity, confidence: float, seen: Sequence[str], call: Call | None) -> Finding:
    """Cause and fix as the catalogue of errors has them, so that both say the same."""
    entry = CATALOGUE.get(code)
    cause, fix = entry or ("A step failed with this error.", "Look at the step's own error.")
    return Finding(code, severity, confidence, list(seen)[:EVIDENCE_MAX], cause, fix, call)


def share(case: Case, met: set[str]) -> float:
    """How much of the latest runs met it, each counting half of the one after it."""
    weights = {run.id: 0.5**place for place, run in enumerate(case.runs)}
    return round(sum(weights[one] for one in met) / sum(weights.values()), 2)


def grown(observations: float) -> float:
    """The certainty of so many equal observations."""
    return round(observations / (observations + 1), 2)


def again(case: Case, execution_id: str, why: str = "run it again from what did not complete") -> Call:
    """Once more where it ended in vain, by the version that is active now; what is under way is only looked at."""
    run = next((one for one in case.runs if one.id == execution_id), None)
    if run is None or run.status not in ("failed", "cancelled"):
        return observe(execution_id, "see where it is")
    arguments: dict[str, Any] = {"execution_id": execution_id}
    if run.version != case.evidence.place.active_version:
        arguments["plan"] = "active"
    return Call("retry_execution", arguments, why)


def observe(execution_id: str, why: str) -> Call:
    """The call that shows a run."""
    return Call("observe_workflow_execution", {"execution_id": execution_id, "detail": "full"}, why)


def deploy(case: Case, why: str) -> Call:
    """The call that lets the draft run."""
    return Call("deploy_workflow", {"workflow_id": case.id}, why)


def text(value: Any) -> str:
    """A value as JSON, cut."""
    return cut(write_json(value))


def cut(said: str) -> str:
    return said if len(said) <= _CHARS_MAX else f"{said[:_CHARS_MAX]} (cut)"
