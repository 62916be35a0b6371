"""How many of what there are now, for whoever watches the server."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from construction_mcp.store.executions import Queue, queue
from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import load

_sql = load("census")

EXECUTIONS = ("queued", "running", "waiting", "needs_review")
STEPS = ("running", "waiting", "uncertain")
WORKFLOWS = ("draft", "active", "paused", "error")


@dataclass(frozen=True, slots=True)
class Census:
    """Counts by status; every status of its kind is named. `steps` are those of executions that are not over."""

    executions: Mapping[str, int]
    steps: Mapping[str, int]
    workflows: Mapping[str, int]
    approvals_pending: int
    queue: Queue

    def queue_age_s(self, now: datetime) -> float:
        """Seconds that the first of the queue has waited; 0 where nobody waits."""
        oldest_at = self.queue.oldest_at
        return 0.0 if oldest_at is None else max(0.0, (now - oldest_at).total_seconds())


def take(tx: Tx) -> Census:
    """Count, as of one moment."""
    return Census(
        executions=dict.fromkeys(EXECUTIONS, 0) | {row["status"]: row["executions"] for row in tx.all(_sql.executions)},
        steps=dict.fromkeys(STEPS, 0) | {row["status"]: row["steps"] for row in tx.all(_sql.steps)},
        workflows=dict.fromkeys(WORKFLOWS, 0) | {row["status"]: row["workflows"] for row in tx.all(_sql.workflows)},
        approvals_pending=tx.value(_sql.approvals),
        queue=queue(tx),
    )
