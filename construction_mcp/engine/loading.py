"""From a stored execution to one that can be carried out."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from cachetools import LRUCache

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Conflict, ConstructionError, Invalid, NotPermitted
from construction_mcp.core.types import Principal, Role
from construction_mcp.engine.body import Tools
from construction_mcp.engine.work import Work
from construction_mcp.procore.records.sites import site_of
from construction_mcp.procore.records.zones import zone_of
from construction_mcp.store import executions as store
from construction_mcp.store import intents
from construction_mcp.store.database import Database
from construction_mcp.store.groups import Tx
from construction_mcp.workflow.plan import Plan, plan_from

_ABOUT_TIME = ("today(", "now(", "date(", "days_between(")


class Unloadable(NamedTuple):
    """An execution that cannot be carried out, and why."""

    execution_id: str
    problem: ConstructionError


class Loader:
    """Reads executions; plans never change, so one that was read is kept."""

    def __init__(self, database: Database, tools: Tools, limits: Limits, clock: Clock) -> None:
        self._database = database
        self._tools = tools
        self._clock = clock
        self._plans: LRUCache[str, Plan] = LRUCache(limits.plans_cached_max)

    async def load(self, execution_ids: Sequence[str], lease: str) -> "list[Work | Unloadable]":
        """The executions with their steps, in one read; those that have ended are left out."""
        known = frozenset(self._plans)

        def read(tx: Tx) -> list[tuple[store.Loaded, str | None]]:
            return [
                (one, None if one.execution.plan_hash in known else store.plan_text(tx, one.execution))
                for one in store.under_way(tx, execution_ids)
            ]

        works: list[Work | Unloadable] = []
        for loaded, text in await self._database.read(read):
            plan = self._plan(loaded.execution.plan_hash, text)
            if plan is None:
                gone = Invalid("The plan of the execution is not there.")
                works.append(Unloadable(loaded.execution.id, gone))
                continue
            if loaded.is_revoked:
                works.append(Unloadable(loaded.execution.id, _revoked(loaded)))
                continue
            works.append(await self._work(loaded, plan, lease))
        return works

    def _plan(self, plan_hash: str, text: str | None) -> Plan | None:
        plan = self._plans.get(plan_hash)
        if plan is None and text is not None:
            plan = self._plans[plan_hash] = plan_from(json.loads(text))
        return plan

    async def _work(self, loaded: store.Loaded, plan: Plan, lease: str) -> Work:
        work = Work(loaded.execution, plan, loaded.workflow_name, lease)
        now = self._clock.now()
        for row in sorted(loaded.steps, key=lambda one: one.item):
            work.take(row, now)
        if work.began and any(one.get("max_per_run") for one in plan.consent):
            await self._recall_touched(work)
        return work

    async def _recall_touched(self, work: Work) -> None:
        """What was agreed to for one run counts what it reached before it waited."""
        changing = [step for step in work.began if work.nodes[step.key].effect in ("write", "notify")]
        steps = {work.key_of(step): step for step in changing}
        effects = [(work.nodes[step.key].type, key) for key, step in steps.items()]
        run_as = work.execution.run_as
        for key, touches in await self._database.read(lambda tx: intents.touched(tx, run_as, effects)):
            for one in touches:
                work.touched.setdefault(one, set()).add(steps[key])

    async def place(self, work: Work) -> None:
        """Where it runs: the company it was deployed for, and the zone that `today()` goes by, which is the trigger's,
        else the project's, else UTC (PRODUCT.md section 5). Procore is asked for its projects at most.

        Raises:
            Conflict: WORKFLOW_ENVIRONMENT_MISMATCH; the account has another company now. Nothing was sent there.
        """
        if not _is_about_procore(work.plan):
            return
        try:
            procore = await self._tools.account(Principal(work.execution.run_as, Role.BUILDER))
            _require_company(work.plan, procore.connection.company_id)
            if work.timezone is None and work.plan.project_id is not None and _asks_the_time(work.plan):
                work.timezone = str(zone_of((await site_of(procore, work.plan.project_id)).time_zone))
        except Conflict:
            raise
        except ConstructionError:
            return  # the step that needs Procore says what is wrong with it


def _revoked(loaded: store.Loaded) -> NotPermitted:
    """Nobody's automation acts for them after their access has ended."""
    return NotPermitted(
        f"{loaded.workflow_name} runs as {loaded.execution.run_as}, whose access was revoked.",
        code="AUTH_ROLE_REQUIRED",
        hint="Deploy it as somebody else, or pause it.",
    )


def _require_company(plan: Plan, company_id: int | None) -> None:
    if plan.company_id is not None and company_id is not None and plan.company_id != company_id:
        raise Conflict(
            f"The workflow was deployed for company {plan.company_id}; its account has company {company_id} now.",
            code="WORKFLOW_ENVIRONMENT_MISMATCH",
        )


def _is_about_procore(plan: Plan) -> bool:
    return plan.project_id is not None or any(node.type.startswith("procore.") for node in plan.nodes)


def _asks_the_time(plan: Plan) -> bool:
    return any(word in plan.canonical for word in _ABOUT_TIME) or "wait.until" in plan.canonical
