"""What would start: the active version of a workflow, as far as starting it takes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import load

_sql = load("starts")


@dataclass(frozen=True, slots=True)
class Startable:
    """The active version of a workflow. `trigger` and `variables` are those of its plan."""

    id: str
    name: str
    status: str
    environment: str
    company_id: int | None
    run_as: str
    number: int
    plan_hash: str
    project_id: int | None
    trigger: Mapping[str, Any]
    variables: Mapping[str, Any]


def startable(tx: Tx, workflow_id: str) -> Startable | None:
    """The workflow's active version, whatever its status; None where there is none."""
    row = tx.one(_sql.active, workflow_id=workflow_id)
    if row is None:
        return None
    documents = {name: json.loads(row[name]) for name in ("trigger", "variables")}
    return Startable(**{**dict(row), **documents})


def is_held(tx: Tx, project_id: int | None, run_as: str) -> bool:
    """Whether pause_all holds this project or connection, or everything."""
    return tx.value(_sql.is_held, project_id=project_id, run_as=run_as) is not None


def unfinished(tx: Tx, workflow_id: str) -> list[str]:
    """The live executions of the workflow that have not ended, oldest first."""
    return [row["id"] for row in tx.all(_sql.unfinished, workflow_id=workflow_id)]


def ask_to_end(tx: Tx, workflow_id: str) -> None:
    """Ask every live execution of the workflow to end; whoever asks nudges the engine after the commit."""
    tx.run(_sql.ask_to_end, workflow_id=workflow_id)
