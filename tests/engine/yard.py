"""A data directory with active workflows and an engine that only accepts: what starts, when, and how often."""

import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from construction_mcp.bootstrap import House
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Settings
from construction_mcp.engine.port import EnginePort
from construction_mcp.store.database import Database
from construction_mcp.store.versions import AtTime, ByLooking, Candidate, Start, Versions
from construction_mcp.store.workflows import Draft, Workflows
from construction_mcp.workflow.definition import Trigger
from construction_mcp.workflow.plan import Plan
from construction_mcp.workflow.schedule import next_run_at

OWNER = "local:0"
COMPANY, PROJECT = 1, 7


@dataclass
class Doorman(EnginePort):
    """Notes who rang; what is enqueued stays in the table, where the tests look."""

    wakes: int = 0
    nudged: list[str] = field(default_factory=list)

    def wake(self) -> None:
        self.wakes += 1

    def nudge(self, execution_id: str) -> None:
        self.nudged.append(execution_id)


class Yard:
    """Puts workflows to work as a deployment leaves them, and looks at the tables."""

    def __init__(self, house: House, clock: ManualClock) -> None:
        self.house, self.clock = house, clock
        self.engine = Doorman()  # type: ignore[abstract]  # a Protocol's methods that no trigger calls

    async def open(self) -> "Yard":
        get = self.house.services.get
        self.database, self.workflows, self.versions = await get(Database), await get(Workflows), await get(Versions)
        return self

    async def active(
        self,
        trigger: Mapping[str, Any],
        start: Start | None = None,
        *,
        name: str = "Overdue RFIs",
        project_id: int | None = PROJECT,
        run_as: str = OWNER,
    ) -> str:
        """A workflow whose version 1 is active; its id."""
        environment = self.house.settings.environment
        plan = Plan(name, environment, COMPANY, project_id, dict(trigger), {}, [], [], 1)
        written = Draft(name, environment, run_as, company_id=COMPANY, project_id=project_id, run_as=run_as)
        made = await self.workflows.create(written, [])
        candidate = Candidate(plan.hash, plan.as_json(), plan.consent_digest, [], {}, 1, environment, COMPANY)
        await self.versions.activate(
            made.id, candidate, start or self._start(trigger), draft_version=made.draft_version, principal=run_as
        )
        return made.id

    def _start(self, trigger: Mapping[str, Any]) -> Start:
        if trigger["type"] == "poll":
            return ByLooking(trigger.get("every_s", 300))
        due_at = next_run_at(Trigger.model_validate(trigger), self.clock.now())
        return None if due_at is None else AtTime(due_at)

    def rows(self, text: str, *values: Any) -> list[Any]:
        with sqlite3.connect(self.house.settings.database_file, isolation_level=None) as connection:
            return connection.execute(text, values).fetchall()

    def fired(self, workflow_id: str) -> list[datetime]:
        """The due times that have an execution, in order."""
        rows = self.rows("SELECT key FROM executions WHERE workflow_id = ? ORDER BY key", workflow_id)
        return [datetime.fromisoformat(row[0].removeprefix("due:")) for row in rows]

    def finish_all(self) -> None:
        """Every run that was accepted has ended."""
        self.rows("UPDATE executions SET status = 'completed' WHERE status = 'queued'")


@asynccontextmanager
async def yard_at(folder: Path, clock: ManualClock, **settings: Any) -> AsyncIterator[Yard]:
    chosen = {"procore_grant": "client_credentials", "company_id": COMPANY, **settings}
    async with House(Settings(data_dir=folder / "data", **chosen), clock=clock) as house:
        yield await Yard(house, clock).open()
