"""A compiled workflow: what an engine runs, frozen, as canonical JSON with a content hash.

An execution keeps the plan it started with, so a plan says everything that running it takes and nothing that the
moment decides.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal, NamedTuple

from construction_mcp.core.json import write_json

FORMAT = 1


class Retry(NamedTuple):
    """Tries of one step. Waits grow from `initial_s` to `max_s` with full jitter."""

    max_attempts: int
    initial_s: float
    max_s: float


class Fan(NamedTuple):
    """Run the node once per item of `items` (CEL), known as `name` inside."""

    items: str
    name: str
    concurrency: int
    max_items: int


class Node(NamedTuple):
    """One action, ready to run.

    after: keys that have to be over, however they ended, before this one may start.
    needs: those of `after` whose output it reads; if one of them gave none (skipped, failed), this one is skipped.
    guarded_by: approvals that have to have been answered with yes; otherwise it is skipped. Empty where its own
    condition reads the decision.
    level: 0 for what can start at once; the longest way of `after` edges down to such a node.
    """

    key: str
    type: str
    effect: str
    config: Mapping[str, Any]
    condition: str | None
    for_each: Fan | None
    retry: Retry
    timeout_s: float | None
    on_error: Literal["fail", "continue"]
    after: Sequence[str]
    needs: Sequence[str]
    guarded_by: Sequence[str]
    level: int

    def as_json(self) -> dict[str, Any]:
        """The node as JSON values; nothing is copied."""
        fan = None if self.for_each is None else self.for_each._asdict()
        return {**self._asdict(), "retry": self.retry._asdict(), "for_each": fan}


@dataclass(frozen=True)  # not slots: what follows from it is worked out once
class Plan:
    """Everything one version of a workflow does.

    variables: every variable's value, defaults filled in.
    consent: what deploying agreed to, canonically written and sorted; `consent_digest` is over it.
    """

    name: str
    environment: str
    company_id: int | None
    project_id: int | None
    trigger: Mapping[str, Any]
    variables: Mapping[str, Any]
    nodes: Sequence[Node]
    consent: Sequence[Mapping[str, Any]]
    requests_per_run: int
    format: int = FORMAT

    def as_json(self) -> dict[str, Any]:
        """The plan as JSON values, to be read and not to be changed; `plan_from` reads it back."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**parts, "nodes": [node.as_json() for node in self.nodes]}

    @cached_property
    def canonical(self) -> str:
        """The one text of this plan: keys sorted, no spaces."""
        return write_json(self.as_json())

    @cached_property
    def by_key(self) -> Mapping[str, Node]:
        """The nodes by their keys."""
        return {node.key: node for node in self.nodes}

    @cached_property
    def followers(self) -> Mapping[str, Sequence[Node]]:
        """The nodes that come after each, in document order."""
        found: dict[str, list[Node]] = {node.key: [] for node in self.nodes}
        for node in self.nodes:
            for key in node.after:
                found[key].append(node)
        return found

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Where each node stands in the document."""
        return {node.key: at for at, node in enumerate(self.nodes)}

    @cached_property
    def filled(self) -> Mapping[str, Sequence[str]]:
        """The fields of each node's config that are made for every body: perhaps with something to be filled in, or
        such that a body could change what all others read."""
        return {node.key: [name for name, value in node.config.items() if _is_filled(value)] for node in self.nodes}

    @cached_property
    def ready(self) -> dict[str, Any]:
        """Configs of nodes with nothing in `filled`, once whoever carries them out has made them: always the same."""
        return {}

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the canonical text, in hex; equal plans have equal hashes, in whatever order they were written."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()

    @cached_property
    def consent_digest(self) -> str:
        """SHA-256 of what was agreed to, in hex."""
        return hashlib.sha256(write_json(list(self.consent)).encode()).hexdigest()


def _is_filled(value: Any) -> bool:
    return "{{" in value if isinstance(value, str) else isinstance(value, Mapping | list | tuple)


def plan_from(shape: Mapping[str, Any]) -> Plan:
    """What `as_json` wrote."""
    return Plan(**{**shape, "nodes": [_node(node) for node in shape["nodes"]]})


def _node(shape: Mapping[str, Any]) -> Node:
    fan = shape["for_each"]
    return Node(**{**shape, "retry": Retry(**shape["retry"]), "for_each": None if fan is None else Fan(**fan)})
