"""What starts a version by itself: due times, looks at Procore, and hooks made and removed there.

A hook is stored as pending before Procore is asked for it, and becomes live in the transaction that activates the
version. So at any moment there is at most one live hook of a workflow, and whatever else of it is at Procore, after a
failure or a crash, is in our table as not live, or carries our address and is in no table: both kinds are removed.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Settings
from construction_mcp.core.errors import ConstructionError, Invalid
from construction_mcp.core.keys import KeyRing
from construction_mcp.core.reach import Reach
from construction_mcp.core.types import Principal, Role
from construction_mcp.procore.access import Accounts, Procore
from construction_mcp.procore.event_names import named
from construction_mcp.procore.records.hooks import (
    EventType,
    Scope,
    Trigger,
    Upstream,
    read_hooks,
    read_triggers,
    scope_of,
)
from construction_mcp.procore.registration import is_of, register, remove_unknown, unregister
from construction_mcp.store.hooks import Hook, Hooks
from construction_mcp.store.versions import AtTime, ByHook, ByLooking, Standing, Start
from construction_mcp.workflow.definition import Trigger as Written
from construction_mcp.workflow.plan import Plan
from construction_mcp.workflow.problems import Problem, error, warning
from construction_mcp.workflow.schedule import next_run_at

_EVENTS: tuple[EventType, ...] = ("create", "update", "delete")


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is to start a version. `made` was made at Procore for it and is pending; `secret` is told once."""

    start: Start
    next_run_at: datetime | None = None
    webhook_url: str | None = None
    webhook_secret: str | None = None
    made: Hook | None = None


class Starting:
    """Prepares what starts a version, takes it back, and clears what is left over."""

    def __init__(
        self, hooks: Hooks, accounts: Accounts, reach: Reach, keys: KeyRing, settings: Settings, clock: Clock
    ) -> None:
        self._hooks = hooks
        self._accounts = accounts
        self._reach = reach
        self._keys = keys
        self._settings = settings
        self._clock = clock

    async def judge(self, plan: Plan, procore: Procore | None) -> list[Problem]:
        """What Procore itself says against a webhook: its resources are those of the project. One request, kept."""
        if procore is None or not self._is_told_by_procore(plan):
            return []
        try:
            await _triggers(procore, plan)
        except Invalid as refused:
            near = refused.details.get("nearest")
            if plan.project_id is None:  # the company's hooks know no record of a project
                fix = "Set the workflow's project_id: Procore tells of such records for one project at a time."
                return [error("trigger.resources", "TRIGGER_RESOURCE_UNKNOWN", refused.message, fix)]
            fix = f"Did you mean {' or '.join(near)}?" if near else "Choose among what Procore offers there."
            return [error("trigger.resources", "TRIGGER_RESOURCE_UNKNOWN", refused.message, fix)]
        return []

    def due_at(self, plan: Plan) -> datetime | None:
        """When the clock would start it next; None for what no clock starts."""
        return next_run_at(Written.model_validate(plan.trigger), self._clock.now(), self._settings.limits)

    async def prepare(
        self, workflow_id: str, plan: Plan, standing: Standing, before: Plan | None, account: Principal
    ) -> Prepared:
        """Everything that has to exist before the version becomes active.

        What is live already and fits stays: a redeployment that does not change the trigger asks nothing of Procore
        but whether the hook is still there. before: the plan that is active now.

        Raises:
            Invalid: WEBHOOK_NO_PUBLIC_URL. ConstructionError: Procore did not make the hook; nothing is left of it.
            Uncertain: Procore may have made it; it is removed at the next deployment or start.
        """
        trigger = Written.model_validate(plan.trigger)
        if (due_at := self.due_at(plan)) is not None:
            return Prepared(AtTime(due_at), next_run_at=due_at)
        if trigger.type == "webhook" and trigger.source == "custom":
            return await self._custom(workflow_id, standing, account)
        if self._is_told_by_procore(plan):
            return await self._procore(workflow_id, plan, standing, before, account)
        if trigger.type in ("poll", "webhook"):
            return Prepared(ByLooking(trigger.every_s or self._settings.limits.poll_s))
        return Prepared(None)

    async def undo(self, prepared: Prepared, account: Principal) -> None:
        """Take back what was made at Procore; what cannot be taken back now is a leftover."""
        if prepared.made is not None:
            with contextlib.suppress(ConstructionError):  # the failure that led here is the one to tell
                await unregister(await self._accounts.of(account), self._hooks, prepared.made)

    async def clear(self, workflow_id: str) -> list[Problem]:
        """Remove at Procore what is left over of the workflow; a warning for each that could not be removed now."""
        problems = []
        for hook in await self._hooks.leftovers(self._settings.environment):
            if hook.workflow_id == workflow_id:
                problems += await self._clear(hook)
        return problems

    async def clear_unknown(self) -> None:
        """Remove what Procore posts here for no hook of ours, wherever we have or had one. For the start."""
        if self._reach.webhooks is None:
            return  # nothing is posted here
        known = [one.hook for one in await self._hooks.of_environment(self._settings.environment)]
        for scope in dict.fromkeys(Scope(hook.company_id, hook.project_id) for hook in known):
            owner = next(hook.principal for hook in known if Scope(hook.company_id, hook.project_id) == scope)
            with contextlib.suppress(ConstructionError):  # the next start tries again
                await remove_unknown(await self._account(owner), self._hooks, self._reach, scope)

    async def workflows_left(self) -> Sequence[str]:
        """The workflows of which something is left over."""
        found = await self._hooks.leftovers(self._settings.environment)
        return list(dict.fromkeys(hook.workflow_id for hook in found if hook.workflow_id is not None))

    def url_of(self, hook_id: str | None) -> str | None:
        """Where the hook is posted to; None without one, or where nobody reaches this process."""
        return f"{self._reach.webhooks}/{hook_id}" if hook_id and self._reach.webhooks else None

    def _is_told_by_procore(self, plan: Plan) -> bool:
        is_procores = (plan.trigger["type"], plan.trigger.get("source")) == ("webhook", "procore")
        return is_procores and self._reach.is_public

    async def _custom(self, workflow_id: str, standing: Standing, account: Principal) -> Prepared:
        if standing.hook_id is not None and standing.hook_source == "custom":
            return Prepared(ByHook(standing.hook_id), webhook_url=self.url_of(standing.hook_id))
        self._reach.webhook("")  # raises before anything is stored
        environment = self._settings.environment
        hook_id, secret = await self._hooks.add_custom(workflow_id, environment, account.id, self._keys)
        return Prepared(ByHook(hook_id), webhook_url=self.url_of(hook_id), webhook_secret=secret)

    async def _procore(
        self, workflow_id: str, plan: Plan, standing: Standing, before: Plan | None, account: Principal
    ) -> Prepared:
        procore = await self._accounts.of(account)
        scope = scope_of(procore, plan.project_id)
        if before is not None and standing.hook_source == "procore" and _heard(before) == _heard(plan):
            assert standing.hook_id is not None
            live = await self._hooks.get(standing.hook_id)
            if any(self._still_tells(live, one) for one in await read_hooks(procore, scope)):
                return Prepared(ByHook(live.id), webhook_url=self.url_of(live.id))
        triggers = await _triggers(procore, plan)
        made = await register(procore, self._hooks, self._reach, scope, triggers, account.id, workflow_id=workflow_id)
        return Prepared(ByHook(made.id), webhook_url=self.url_of(made.id), made=made)

    def _still_tells(self, hook: Hook, upstream: Upstream) -> bool:
        """Whether it is our hook, switched on, and posts where we are reached now."""
        address = self.url_of(hook.id)
        is_here = address is None or upstream.destination_url in (None, address)
        return is_of(hook, upstream) and is_here and upstream.status in (None, "active", "enabled")

    async def _clear(self, hook: Hook) -> list[Problem]:
        try:
            await unregister(await self._account(hook.principal), self._hooks, hook)
        except ConstructionError as failure:
            message = f"Procore still posts to webhook {hook.id}, which starts nothing any more: {failure.message}"
            fix = "It is removed at the next deployment or start; delete_procore_webhook removes it at once."
            return [warning("trigger", "WEBHOOK_LEFT_OVER", message, fix)]
        return []

    async def _account(self, principal_id: str) -> Procore:
        return await self._accounts.of(Principal(principal_id, Role.BUILDER))


def _heard(plan: Plan) -> tuple[object, ...]:
    """What decides which hook Procore has: where, of what, which events."""
    trigger = Written.model_validate(plan.trigger)
    resources = sorted(named(one) or one for one in trigger.resources or ())
    return plan.environment, plan.company_id, plan.project_id, resources, sorted(trigger.events or _EVENTS)


async def _triggers(procore: Procore, plan: Plan) -> list[Trigger]:
    trigger = Written.model_validate(plan.trigger)
    resources = [named(one) or one for one in trigger.resources or ()]
    return await read_triggers(procore, scope_of(procore, plan.project_id), resources, trigger.events or _EVENTS)
