"""What the workflow tools answer with beside drafts (PRODUCT.md section 4.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from construction_mcp.deployment.writing import Workflow
from construction_mcp.store import workflows as store
from construction_mcp.store.workflows import Status
from construction_mcp.workflow.problems import Problem


@dataclass(frozen=True, slots=True)
class WorkflowSummary:
    """One line of a list. Timestamps are UTC."""

    id: str
    name: str
    status: Status
    trigger_type: str | None
    action_count: int
    environment: str
    project_id: int | None
    draft_version: int
    active_version: int | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Read:
    """One workflow with its problems, or several; `missing` are ids that name nothing the caller may see."""

    workflow: Workflow | None = None
    problems: Sequence[Problem] | None = None
    items: list[Workflow] | None = None
    missing: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Deleted:
    """The id that is gone; `problems` tell what is left at Procore for now."""

    deleted: str
    problems: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A workflow as a file."""

    format: Literal["yaml", "json"]
    document: str


def summary_of(stored: store.WorkflowSummary) -> WorkflowSummary:
    """The public shape of a row of a list."""
    return WorkflowSummary(
        id=stored.id,
        name=stored.name,
        status=stored.status,
        trigger_type=stored.trigger_type,
        action_count=stored.action_count,
        environment=stored.environment,
        project_id=stored.project_id,
        draft_version=stored.draft_version,
        active_version=stored.active_version,
        updated_at=stored.updated_at,
    )
