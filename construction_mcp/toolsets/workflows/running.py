"""Letting a workflow run now: to see what it would do, or for real."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from construction_mcp.core.clock import Clock
from construction_mcp.core.errors import Conflict, Invalid, NextCall, NotPermitted
from construction_mcp.core.ports import Ask, Progress
from construction_mcp.core.toolset import tool
from construction_mcp.core.types import Principal
from construction_mcp.deployment.deploy import Deployments, Judged
from construction_mcp.engine.port import EnginePort
from construction_mcp.engine.starter import new_execution, trigger_value
from construction_mcp.insight.executions import Execution, shown
from construction_mcp.procore.access import Accounts
from construction_mcp.store.database import Database
from construction_mcp.store.execution_reads import ExecutionReads
from construction_mcp.store.executions import INTERACTIVE, NewExecution, keep_draft_plan
from construction_mcp.store.starts import startable
from construction_mcp.store.versions import Versions
from construction_mcp.toolsets.workflows.arguments import WorkflowId
from construction_mcp.workflow.plan import Plan

_PARTS = ("event", "record", "body", "input")
_LOOK_S = 1.0  # between two reports of progress
WaitS = Annotated[float, Field(ge=0, le=50), "Seconds to wait for its end, 0 to 50"]


@dataclass(frozen=True, slots=True)
class Ran:
    """The execution as it stands once it ended or the wait was over."""

    execution: Execution


@dataclass(frozen=True, slots=True)
class _Watch:
    """How a caller waits for an execution."""

    engine: EnginePort
    reads: ExecutionReads
    progress: Progress

    async def until(self, execution_id: str, wait_s: float) -> Ran:
        """Tell of each step that is over, until the end or as long as was asked for."""
        left, told = wait_s, 0
        while left > 0 and not await self.engine.ended(execution_id, min(left, _LOOK_S)):
            left -= _LOOK_S
            over = [step for step in (await self.reads.whole(execution_id)).steps if step.completed_at is not None]
            if len(over) > told:
                told = len(over)
                await self.progress.report(told, None, f"{over[-1].key} is {over[-1].status}")
        return Ran(shown(await self.reads.whole(execution_id), outputs=True))


@tool(effect="workspace", listed=True, destructive=True, open_world=True)
async def test_workflow(
    workflow_id: WorkflowId,
    mode: Annotated[Literal["simulate", "live"], "simulate only shows effects, live makes them"] = "simulate",
    test_payload: Annotated[dict[str, Any] | None, "What sets it off, as get_sample_event gives"] = None,
    deliver_to: Annotated[str | None, Field(pattern="^me$"), "me: mail goes to you"] = None,
    wait_s: WaitS = 20,
    *,
    deployments: Deployments,
    engine: EnginePort,
    database: Database,
    reads: ExecutionReads,
    accounts: Accounts,
    principal: Principal,
    ask: Ask,
    progress: Progress,
    clock: Clock,
) -> Ran:
    """Run a workflow's draft once, without effects unless mode is live, and return what each step gave or would do.

    For the deployed version use run_workflow.
    """
    judged = await deployments.judge(workflow_id, principal)
    plan = judged.plan
    if plan is None:
        errors = [one for one in judged.problems if one.severity == "error"]
        raise Invalid(
            f"The draft has {len(errors)} problems; the first: {errors[0].message}",
            details={"problems": [{"path": one.path, "code": one.code, "fix": one.fix} for one in errors[:20]]},
            next_call=NextCall(
                "get_workflow_guidance", {"goal": judged.workflow.name, "workflow_id": workflow_id}, "mends them"
            ),
        )
    if mode == "live":
        await _require_consent(judged, plan, deployments, ask)
    address = await _own_address(accounts, principal) if deliver_to == "me" else None
    new = NewExecution(
        workflow_id=workflow_id,
        version=None,
        plan_hash=plan.hash,
        trigger=_set_off(plan.trigger, test_payload, clock),
        environment=plan.environment,
        company_id=plan.company_id,
        project_id=plan.project_id,
        run_as=judged.workflow.run_as or judged.workflow.created_by,
        requested_by=principal.id,
        mode=mode,
        priority=INTERACTIVE,
        deliver_to=address,
    )
    await database.write(lambda tx: keep_draft_plan(tx, plan.hash, plan.canonical))
    return await _Watch(engine, reads, progress).until((await engine.start(new)).id, wait_s)


@tool(effect="workspace", destructive=True, open_world=True)
async def run_workflow(
    workflow_id: WorkflowId,
    input: Annotated[dict[str, Any] | None, "What it sees as trigger.input"] = None,
    idempotency_key: Annotated[
        str | None, Field(min_length=1, max_length=200), "Same key: the first run again, not another"
    ] = None,
    wait_s: WaitS = 20,
    *,
    engine: EnginePort,
    database: Database,
    versions: Versions,
    reads: ExecutionReads,
    principal: Principal,
    progress: Progress,
    clock: Clock,
) -> Ran:
    """Run a deployed workflow now, for real, and return the execution when it ends or the wait is over.

    To try a draft use test_workflow.
    """
    active = await database.read(lambda tx: startable(tx, workflow_id))
    if active is None or active.status != "active":
        await versions.standing(workflow_id)  # raises where there is no such workflow at all
        raise Conflict(
            "The workflow is not active, so there is nothing to run.",
            code="WORKFLOW_NOT_DEPLOYED",
            next_call=NextCall("deploy_workflow", {"workflow_id": workflow_id}, "makes its draft active"),
        )
    trigger = trigger_value(active.trigger, "manual", clock.now(), given=input or {})
    key = None if idempotency_key is None else f"run:{principal.id}:{idempotency_key}"
    accepted = await engine.start(new_execution(active, trigger, requested_by=principal.id, key=key))
    return await _Watch(engine, reads, progress).until(accepted.id, wait_s)


async def _require_consent(judged: Judged, plan: Plan, deployments: Deployments, ask: Ask) -> None:
    """A live run of a draft makes its effects for real, so a person agrees to them as to a deployment.

    Raises:
        NotPermitted: APPROVAL_PERSON_REQUIRED; nobody could be asked. Conflict: they said no.
    """
    said = await deployments.agree_once(judged, plan, ask)
    if said is None:
        raise NotPermitted(
            "A live test makes its effects for real, and this client cannot ask you to agree to them.",
            code="APPROVAL_PERSON_REQUIRED",
            hint="Try mode simulate, or deploy the workflow and run it with run_workflow.",
        )
    if not said:
        raise Conflict("You said no, so nothing was run.", code="EXECUTION_CANCELLED")


async def _own_address(accounts: Accounts, principal: Principal) -> str:
    link = await accounts.link_of(principal)
    if link is None or link.login is None or "@" not in link.login:
        raise Invalid(
            "Nobody knows your mail address: no Procore account of your own is connected.",
            details={"field": "deliver_to"},
            next_call=NextCall("connect_procore", {}, "links your account, whose login is your address"),
        )
    return link.login


def _set_off(trigger: Mapping[str, Any], payload: Mapping[str, Any] | None, clock: Clock) -> dict[str, Any]:
    """What sets a test off: the parts by name, or one thing that the kind of trigger says what it is."""
    given = dict(payload or {})
    if given and not given.keys() <= set(_PARTS):
        is_procores = trigger["type"] == "poll" or trigger.get("source") == "procore"
        given = {"event" if is_procores else "body" if trigger["type"] == "webhook" else "input": given}
    parts = {"given" if name == "input" else name: value for name, value in given.items()}
    return trigger_value(trigger, str(trigger["type"]), clock.now(), **parts)
