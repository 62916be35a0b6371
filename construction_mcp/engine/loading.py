"""From a stored execution to one that can be carried out."""

import json

from cachetools import LRUCache

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import ConstructionError, Invalid
from construction_mcp.core.types import Principal, Role
from construction_mcp.engine.runner import Tools
from construction_mcp.engine.work import Work
from construction_mcp.procore.records.sites import site_of
from construction_mcp.store import executions as store
from construction_mcp.store.database import Database
from construction_mcp.workflow.plan import Plan, plan_from

_ABOUT_TIME = ("today(", "now(", "date(", "days_between(")


class Loader:
    """Reads executions; plans never change, so one that was read is kept."""

    def __init__(self, database: Database, tools: Tools, limits: Limits, clock: Clock) -> None:
        self._database = database
        self._tools = tools
        self._clock = clock
        self._plans: LRUCache[str, Plan] = LRUCache(limits.plans_cached_max)

    async def load(self, execution_id: str, lease: str) -> Work | None:
        """The execution with its steps; None where it has ended.

        Raises:
            Invalid: its plan is gone.
        """
        loaded = await self._database.read(lambda tx: store.load_one(tx, execution_id))
        if loaded is None:
            return None
        plan = self._plans.get(loaded.execution.plan_hash)
        if plan is None:
            execution = loaded.execution
            text = await self._database.read(lambda tx: store.plan_text(tx, execution))
            if text is None:
                raise Invalid(f"The plan of execution {execution_id} is not there.")
            plan = self._plans[execution.plan_hash] = plan_from(json.loads(text))
        work = Work(loaded.execution, plan, loaded.workflow_name, lease)
        now = self._clock.now()
        for row in sorted(loaded.steps, key=lambda one: one.item):
            work.take(row, now)
        await self._place(work)
        return work

    async def _place(self, work: Work) -> None:
        """The zone that `today()` goes by: the trigger's, else the project's, else UTC (PRODUCT.md section 5)."""
        if work.timezone is not None or work.plan.project_id is None or not _asks_the_time(work.plan):
            return
        try:
            procore = await self._tools.account(Principal(work.execution.run_as, Role.BUILDER))
            work.timezone = (await site_of(procore, work.plan.project_id)).time_zone
        except ConstructionError:
            work.timezone = None  # the step that needs Procore says what is wrong with it


def _asks_the_time(plan: Plan) -> bool:
    return any(word in plan.canonical for word in _ABOUT_TIME) or "wait.until" in plan.canonical
