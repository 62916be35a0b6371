"""Deploying a workflow and going back: all of it or nothing.

Order of a deployment: read, ask Procore what the compiler has to know, compile, ask the person, make what starts it at
Procore, commit, clear what is not needed any more. Only the last three are done under the workflow's lock, so nobody
waits for a person; the commit refuses when the draft is not the one that was compiled.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeAlias
from weakref import WeakValueDictionary

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Settings
from construction_mcp.core.errors import Conflict, ConstructionError, NextCall, NotPermitted
from construction_mcp.core.ports import Ask
from construction_mcp.core.types import Principal, Role
from construction_mcp.deployment.consent import agreed, asks_another
from construction_mcp.deployment.drafts import definition_of
from construction_mcp.deployment.facts import FactFinder, Gathered
from construction_mcp.deployment.results import Deployment, Switched
from construction_mcp.deployment.starting import Prepared, Starting
from construction_mcp.procore.access import Accounts
from construction_mcp.registry.gate import Questions, latest_of
from construction_mcp.store.approvals import Approval
from construction_mcp.store.deliveries import Deliveries
from construction_mcp.store.hooks import Hooks
from construction_mcp.store.versions import Candidate, Standing, Version, Versions
from construction_mcp.store.workflows import Workflow, Workflows, not_found
from construction_mcp.workflow.compiler import Compiled, permitted
from construction_mcp.workflow.definition import Definition
from construction_mcp.workflow.diff import changes
from construction_mcp.workflow.facts import Facts
from construction_mcp.workflow.plan import Plan, plan_from
from construction_mcp.workflow.problems import Problem, warning

Compile: TypeAlias = Callable[[Definition, Facts], Compiled]
"""`compile_plan` with the action types and the expression engine bound."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A draft with everything that is said about it; `before` is the version that is active now."""

    workflow: Workflow
    definition: Definition
    gathered: Gathered
    compiled: Compiled
    problems: tuple[Problem, ...]
    before: Version | None
    changes: tuple[str, ...]

    @property
    def plan(self) -> Plan | None:
        """The plan, where nothing is wrong with it."""
        return None if any(one.severity == "error" for one in self.problems) else self.compiled.plan


class Deployments:
    """Changes what runs. One per process."""

    def __init__(
        self,
        workflows: Workflows,
        versions: Versions,
        hooks: Hooks,
        deliveries: Deliveries,
        accounts: Accounts,
        facts: FactFinder,
        starting: Starting,
        compile_: Compile,
        approvals: Questions,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._workflows = workflows
        self._versions = versions
        self._hooks = hooks
        self._deliveries = deliveries
        self._accounts = accounts
        self._facts = facts
        self._starting = starting
        self._compile = compile_
        self._approvals = approvals
        self._clock = clock
        self._settings = settings
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def deploy(
        self,
        workflow_id: str,
        principal: Principal,
        *,
        dry_run: bool = False,
        expected_version: int | None = None,
        ask: Ask | None = None,
    ) -> Deployment:
        """Make the draft the next version and let it run, after the person behind the client said yes where it can ask.

        The same plan again is the same version again. dry_run: say what would happen and change nothing.

        Raises:
            NotFound: WORKFLOW_NOT_FOUND. Conflict: WORKFLOW_VERSION_CONFLICT; the draft changed meanwhile.
            NotPermitted: WORKFLOW_RUNS_AS_ANOTHER.
            ConstructionError: what Procore or the store refused; what ran before still runs, and nothing else.
        """
        workflow = await self._existing(workflow_id)
        if expected_version not in (None, workflow.draft_version):
            raise _changed(workflow)
        self._require_own_account(workflow, principal)
        judged = await self._judge(workflow)
        plan = judged.plan
        if plan is None:
            return _answer(judged, "invalid")
        if dry_run:
            return _answer(judged, "validated", prepared=Prepared(None, self._starting.due_at(plan)))
        if self._settings.write_policy == "approve" and not await self._runs_already(workflow_id, plan):
            approval = await self._approval(judged, plan, principal)
            if approval.status != "approved":
                return _unapproved(judged, approval)
        if ask is not None and await self._must_ask(ask, workflow_id, plan):
            said = await agreed(ask, plan, judged.compiled, judged.changes)
            if said is None:
                return _answer(judged, "declined", (_shown_before(),))
            if not said:
                await self._versions.note_declined(workflow_id, workflow.name, principal=principal.id)
                return _answer(judged, "declined")
        async with self._turn(workflow_id):
            return await self._activate(judged, plan, principal)

    async def judge(self, workflow_id: str, principal: Principal) -> Judged:
        """The draft with everything that is said about it, as for a deployment; nothing is changed.

        Raises:
            NotFound: WORKFLOW_NOT_FOUND. NotPermitted: WORKFLOW_RUNS_AS_ANOTHER.
        """
        workflow = await self._existing(workflow_id)
        self._require_own_account(workflow, principal)
        return await self._judge(workflow)

    async def agree_once(self, judged: Judged, plan: Plan, ask: Ask) -> bool | None:
        """Whether the person agrees to the plan's effects for one run; None where nobody can be asked.

        What reaches nobody outside, what is deployed already, and the policy `auto` need no asking.
        """
        standing = await self._versions.standing(judged.workflow.id)
        if not plan.consent or standing.plan_hash == plan.hash or self._settings.write_policy == "auto":
            return True
        if not ask.can_form:
            return None
        return await agreed(ask, plan, judged.compiled, judged.changes)

    async def pause(self, workflow_id: str, principal: Principal) -> Switched:
        """Stop what starts the workflow; its hook stays, and what is delivered meanwhile starts nothing.

        Raises:
            NotFound: WORKFLOW_NOT_FOUND. Conflict: WORKFLOW_NOT_DEPLOYED.
        """
        async with self._turn(workflow_id):
            _require_deployed(await self._versions.standing(workflow_id))
            standing = await self._versions.pause(workflow_id, principal=principal.id)
            return Switched(standing.status, standing.active_version)

    async def resume(self, workflow_id: str, principal: Principal) -> Switched:
        """Let the version that was paused, or stopped by itself, run again from now on.

        Raises:
            NotFound: WORKFLOW_NOT_FOUND.
            Conflict: WORKFLOW_NOT_DEPLOYED, WORKFLOW_ENVIRONMENT_MISMATCH.
            ConstructionError: as `deploy`.
        """
        async with self._turn(workflow_id):
            standing = await self._versions.standing(workflow_id)
            number = _require_deployed(standing)
            if standing.status == "active":
                url = self._starting.url_of(standing.hook_id)
                return Switched("active", number, webhook_url=url, next_run_at=standing.due_at)
            ignored = await self._deliveries.ignored(workflow_id, self._settings.limits.ignored_listed_max)
            done = await self._switch(standing, number, principal, "resume")
            await self._deliveries.note_ignored_told(workflow_id)
            return replace(done, ignored=ignored)

    async def rollback(self, workflow_id: str, to_version: int, principal: Principal) -> Switched:
        """Let an earlier version run again, with what started it then. The draft stays as it is.

        Raises:
            NotFound: WORKFLOW_NOT_FOUND, WORKFLOW_VERSION_NOT_FOUND.
            Conflict: WORKFLOW_NOT_DEPLOYED, WORKFLOW_ENVIRONMENT_MISMATCH.
            ConstructionError: as `deploy`.
        """
        async with self._turn(workflow_id):
            standing = await self._versions.standing(workflow_id)
            _require_deployed(standing)
            return await self._switch(standing, to_version, principal, "go back to")

    async def delete(
        self, workflow_id: str, principal: Principal, *, expected_version: int | None = None
    ) -> list[Problem]:
        """Delete a workflow with everything of it, here and at Procore; warnings tell what Procore did not remove yet.

        Raises:
            NotFound: WORKFLOW_NOT_FOUND. Conflict: WORKFLOW_VERSION_CONFLICT.
        """
        async with self._turn(workflow_id):
            await self._workflows.delete(workflow_id, principal=principal.id, expected_version=expected_version)
            self._hooks.forget(workflow_id)
            return await self._starting.clear(workflow_id)

    async def reconcile(self) -> None:
        """Remove at Procore whatever a crash, a failure or a lost table left there. For the start; asks only if any."""
        for workflow_id in await self._starting.workflows_left():
            async with self._turn(workflow_id):
                await self._starting.clear(workflow_id)
        await self._starting.clear_unknown()

    async def _judge(self, workflow: Workflow) -> Judged:
        """The permissions come last: to ask about are those that the plan needs."""
        definition = definition_of(workflow)
        gathered = await self._facts.gather(workflow, definition)
        compiled = self._compile(definition, gathered.facts)
        if compiled.needs:
            gathered = await self._facts.permitted(gathered, compiled.needs)
            compiled = permitted(compiled, definition, gathered.facts)
        problems = [*compiled.problems, *gathered.problems]
        if compiled.plan is not None:
            problems += await self._starting.judge(compiled.plan, gathered.procore)
        before = None
        if workflow.active_version is not None:
            before = await self._versions.get(workflow.id, workflow.active_version)
        said: list[str] = []
        if before is not None and compiled.plan is not None:
            old = Definition.model_validate(before.definition)
            said = changes(old, definition, before.consent, compiled.plan.consent)
        return Judged(workflow, definition, gathered, compiled, tuple(problems), before, tuple(said))

    async def _must_ask(self, ask: Ask, workflow_id: str, plan: Plan) -> bool:
        """What runs already was agreed to."""
        if not ask.can_form or self._settings.write_policy != "confirm":
            return False
        return not await self._runs_already(workflow_id, plan)

    async def _runs_already(self, workflow_id: str, plan: Plan) -> bool:
        standing = await self._versions.standing(workflow_id)
        return (standing.status, standing.plan_hash) == ("active", plan.hash)

    async def _approval(self, judged: Judged, plan: Plan, principal: Principal) -> Approval:
        """What another person is asked about exactly this plan, answered or not."""
        until = self._clock.now() + timedelta(seconds=self._settings.limits.call_approval_s)
        workflow_id, said = judged.workflow.id, judged.changes
        new = asks_another(workflow_id, plan, judged.compiled, said, by=principal.id, until=until)
        return await latest_of(self._approvals, new)

    async def _activate(self, judged: Judged, plan: Plan, principal: Principal) -> Deployment:
        workflow = judged.workflow
        standing = await self._versions.standing(workflow.id)
        if standing.draft_version != workflow.draft_version:
            raise _changed(workflow)  # before anything is made at Procore
        prepared = await self._prepared(standing, plan, workflow)
        try:
            number = await self._versions.activate(
                workflow.id,
                _candidate(judged, plan),
                prepared.start,
                draft_version=workflow.draft_version,
                principal=principal.id,
            )
        except ConstructionError:
            await self._starting.undo(prepared, _account(workflow))
            raise
        left = await self._settled(workflow.id)
        return _answer(judged, "deployed", left, number, prepared)

    async def _switch(self, standing: Standing, number: int, principal: Principal, action: str) -> Switched:
        workflow = await self._existing(standing.id)
        version = await self._versions.get(standing.id, number)
        plan = plan_from(version.plan)
        await self._require_here(workflow, plan)
        prepared = await self._prepared(standing, plan, workflow)
        try:
            after = await self._versions.switch(
                standing.id, number, prepared.start, principal=principal.id, action=action
            )
        except ConstructionError:
            await self._starting.undo(prepared, _account(workflow))
            raise
        said: list[str] = []
        if standing.active_version not in (None, number):
            was = await self._versions.get(standing.id, standing.active_version or number)
            old, new = Definition.model_validate(was.definition), Definition.model_validate(version.definition)
            said = changes(old, new, was.consent, version.consent)
        return Switched(
            after.status,
            number,
            said,
            await self._settled(standing.id),
            prepared.webhook_url,
            prepared.webhook_secret,
            prepared.next_run_at,
        )

    async def _prepared(self, standing: Standing, plan: Plan, workflow: Workflow) -> Prepared:
        before = None
        if standing.active_version is not None and standing.hook_id is not None:
            before = plan_from((await self._versions.get(standing.id, standing.active_version)).plan)
        return await self._starting.prepare(standing.id, plan, standing, before, _account(workflow))

    async def _settled(self, workflow_id: str) -> list[Problem]:
        """After a commit: hooks are read afresh, and those that start nothing any more are removed."""
        self._hooks.forget(workflow_id)
        return await self._starting.clear(workflow_id)

    async def _require_here(self, workflow: Workflow, plan: Plan) -> None:
        company_id = self._settings.company_id
        if plan.company_id is not None:
            company_id = (await self._facts.account(workflow)).connection.company_id
        here = plan.environment == self._settings.environment and plan.company_id in (None, company_id)
        if not here:
            raise Conflict(
                f"That version was deployed for {plan.environment}, company {plan.company_id}.",
                code="WORKFLOW_ENVIRONMENT_MISMATCH",
                details={"environment": self._settings.environment, "company_id": company_id},
                next_call=NextCall("deploy_workflow", {"workflow_id": workflow.id}, "deploys its draft here"),
            )

    def _require_own_account(self, workflow: Workflow, principal: Principal) -> None:
        """Consent to act through an account is its owner's; a service account is the workspace's."""
        if not self._accounts.is_service and workflow.run_as not in (None, principal.id):
            raise NotPermitted(
                "The workflow runs through another person's Procore account, so only they can deploy it.",
                code="WORKFLOW_RUNS_AS_ANOTHER",
                details={"run_as": workflow.run_as},
            )

    async def _existing(self, workflow_id: str) -> Workflow:
        found = await self._workflows.get([workflow_id])
        if not found:
            raise not_found(workflow_id)
        return found[0]

    def _turn(self, workflow_id: str) -> asyncio.Lock:
        """One change at a time of what runs of one workflow: two would make two hooks."""
        return self._turns.setdefault(workflow_id, asyncio.Lock())


def _account(workflow: Workflow) -> Principal:
    return Principal(workflow.run_as or workflow.created_by, Role.BUILDER)


def _candidate(judged: Judged, plan: Plan) -> Candidate:
    shape = plan.as_json()
    return Candidate(
        plan_hash=plan.hash,
        plan=shape,
        consent_digest=plan.consent_digest,
        consent=shape["consent"],
        definition=judged.definition.written(),
        requests_per_hour=judged.compiled.requests_per_hour,
        environment=plan.environment,
        company_id=plan.company_id,
    )


def _answer(
    judged: Judged,
    status: str,
    more: "list[Problem] | tuple[Problem, ...]" = (),
    number: int | None = None,
    prepared: Prepared | None = None,
) -> Deployment:
    plan, mine = judged.plan, judged.compiled.requests_per_hour
    prepared = prepared or Prepared(None)
    return Deployment(
        status=status,  # type: ignore[arg-type]  # one of the four, as its callers write it
        effects=list(judged.compiled.effects),
        requests_per_hour={"this": mine, "all_active": mine + judged.gathered.facts.others_per_hour},
        problems=[*judged.problems, *more],
        version=number,
        plan_hash=plan.hash if plan is not None else None,
        changes=list(judged.changes),
        webhook_url=prepared.webhook_url,
        webhook_secret=prepared.webhook_secret,
        next_run_at=prepared.next_run_at,
    )


def _unapproved(judged: Judged, approval: Approval) -> Deployment:
    if approval.status == "rejected":
        return replace(_answer(judged, "declined"), approval_id=approval.id)
    asked = _answer(judged, "needs_approval")
    return replace(asked, approval_id=approval.id, expires_at=approval.expires_at)


def _require_deployed(standing: Standing) -> int:
    if standing.active_version is None:
        raise Conflict(
            f"{standing.name} has never been deployed.",
            code="WORKFLOW_NOT_DEPLOYED",
            next_call=NextCall("deploy_workflow", {"workflow_id": standing.id}, "deploys its draft"),
        )
    return standing.active_version


def _changed(workflow: Workflow) -> Conflict:
    return Conflict(
        "The workflow was changed meanwhile.",
        details={"workflow_id": workflow.id},
        next_call=NextCall("get_workflow", {"workflow_id": workflow.id}, "reads it as it is now"),
    )


def _shown_before() -> Problem:
    message = "What would run changed while you were asked, so nothing was deployed."
    return warning("", "PLAN_CHANGED", message, "Deploy again to be asked about what it is now.")
