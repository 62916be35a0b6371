"""What guidance is made of (PRODUCT.md section 4.3): calls to make, templates that fit, what only a person knows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CREATED = "<workflow.id of the answer before>"
"""Stands where an argument is only known once the call before has answered."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call to make, in the order of the list. `why` says what it is for, and what to change in it first."""

    tool: str
    arguments: Mapping[str, Any]
    why: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A template that fits; `variables` are the values that the goal gives for it."""

    id: str
    title: str
    why: str
    variables: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Missing:
    """What to ask the person, or `assumed`: what was read into their words and should be told to them."""

    name: str
    question: str
    assumed: str | None = None


@dataclass(slots=True)
class Guidance:
    """Steps to take in their order, templates best first, and what is left open."""

    steps: list[Call] = field(default_factory=list)
    templates: list[Offer] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)

    def ask(self, more: Sequence[Missing]) -> None:
        """Add what is not asked yet; of two questions about one thing the first stays."""
        for one in more:
            if all(one.name != known.name for known in self.missing):
                self.missing.append(one)


def deploying(workflow_id: str) -> list[Call]:
    """The two calls that end every way: look, then do."""
    return [
        Call(
            "deploy_workflow", {"workflow_id": workflow_id, "dry_run": True}, "see what it would do and what is wrong"
        ),
        Call(
            "deploy_workflow", {"workflow_id": workflow_id}, "start it, once the person agrees with the effects shown"
        ),
    ]
