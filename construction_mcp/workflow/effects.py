"""What deploying a workflow agrees to: in words for people, canonically for the digest, in requests for the rate."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from construction_mcp.actions.action import Consent, Need, Setting, Unbounded
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Invalid
from construction_mcp.workflow.definition import Trigger
from construction_mcp.workflow.schedule import fires_per_hour
from construction_mcp.workflow.steps import Step

_HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Effects:
    """The sum over all steps.

    words: one line per kind of effect, in the order of the document: "read RFIs of project 1001".
    unbounded: by action, whom or what only a run would decide; nobody can agree to that.
    requests_per_run: upstream requests of one execution at most, tries that fail and are repeated not counted.
    """

    words: Sequence[str]
    consents: Sequence[Consent]
    unbounded: Mapping[str, Sequence[Unbounded]]
    needs: Sequence[Need]
    requests_per_run: int

    def canonical(self) -> list[dict[str, Any]]:
        """The consents as JSON, sorted, one for each target with how often in all: equal agreements are equal texts."""
        most: Counter[tuple[str, str]] = Counter()
        for one in self.consents:
            most[one.kind, one.target] += one.max_per_run or 0
        return [{"kind": kind, "target": target, "max_per_run": most[kind, target]} for kind, target in sorted(most)]


def effects_of(steps: Mapping[str, Step], setting: Setting) -> Effects:
    """What these steps can do, at most."""
    known = [step for step in steps.values() if step.kind is not None]
    agreed = {step.key: said for step in known if (said := _consents(step, setting))}
    return Effects(
        words=list(dict.fromkeys(line for step in known if (line := _words(step, setting)))),
        consents=[one for said in agreed.values() for one in said if isinstance(one, Consent)],
        unbounded={key: [one for one in said if isinstance(one, Unbounded)] for key, said in agreed.items()},
        needs=_needs(known, setting),
        requests_per_run=sum(step.kind.requests(step.written, setting) * step.times for step in known if step.kind),
    )


def _words(step: Step, setting: Setting) -> str:
    """Nothing is said of what only computes or waits."""
    assert step.kind is not None
    if step.effect in ("pure", "wait") and not step.kind.asks_person:
        return ""
    said = step.kind.words(step.written, setting) if step.kind.words else step.kind.doc.partition(".")[0]
    said = said[:1].lower() + said[1:]
    return f"{said}, up to {step.times} times" if step.times > 1 and step.effect != "read" else said


def _consents(step: Step, setting: Setting) -> list[Consent | Unbounded]:
    """A step that runs for each item may do so once per item."""
    assert step.kind is not None
    return [
        Consent(one.kind, one.target, step.times) if isinstance(one, Consent) and one.max_per_run is None else one
        for one in step.kind.consents(step.written, setting)
    ]


def _needs(steps: Sequence[Step], setting: Setting) -> list[Need]:
    """The highest level asked for, by Procore tool and project, in a stable order."""
    order = ("read_only", "standard", "admin")
    highest: dict[tuple[str, int | None], Need] = {}
    for step in steps:
        assert step.kind is not None
        for need in step.kind.needs(step.written, setting):
            known = highest.get((need.tool, need.project_id))
            if known is None or order.index(need.level) > order.index(known.level):
                highest[(need.tool, need.project_id)] = need
    return sorted(highest.values(), key=lambda need: (need.project_id or 0, need.tool))


def requests_per_hour(trigger: Trigger | None, per_run: int, limits: Limits) -> int:
    """Upstream requests of the worst hour. How many events come nobody knows; `events_per_hour_assumed` are counted."""
    if trigger is None or trigger.type == "manual":
        return 0
    if trigger.type == "schedule":
        return _fires(trigger) * per_run
    looks = 0
    if trigger.type == "poll":
        looks = ceil(_HOUR_S / (trigger.every_s or limits.poll_s)) * len(trigger.resources or ())
    return looks + limits.events_per_hour_assumed * per_run


def _fires(trigger: Trigger) -> int:
    try:
        return fires_per_hour(trigger) or 0
    except Invalid:  # told among the trigger's problems
        return 0
