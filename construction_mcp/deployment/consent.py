"""Asking the person before a workflow goes live: what it does, to whom, and what it costs."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from construction_mcp.core.json import write_json
from construction_mcp.core.ports import Ask
from construction_mcp.store.approvals import NewApproval, digest_of
from construction_mcp.workflow.compiler import Compiled
from construction_mcp.workflow.plan import Plan

QUESTION = "deploy"
_LINES_MAX = 30
_FORM = {
    "type": "object",
    "properties": {"deploy": {"type": "boolean", "title": "Deploy it", "description": "Yes, let it run"}},
    "required": ["deploy"],
}


async def agreed(ask: Ask, plan: Plan, compiled: Compiled, changes: Sequence[str]) -> bool | None:
    """Whether the person said yes to exactly this plan; None when what would run changed since they were asked.

    On 2026-07-28 the answer comes with a second call, which compiles again: the plan's hash travels with the question.
    """
    before = ask.state
    answer = await ask.form(QUESTION, question(plan, compiled, changes), _FORM, state=plan.hash)
    if before is not None and before != plan.hash:
        return None
    return answer.action == "accept" and (answer.content or {}).get("deploy") is True


def asks_another(
    workflow_id: str, plan: Plan, compiled: Compiled, changes: Sequence[str], *, by: str, until: datetime
) -> NewApproval:
    """Under the policy `approve`: what another person decides about, bound to exactly this plan."""
    summary = f"Deploy {plan.name}, which then runs by itself"
    shown: dict[str, Any] = {
        "can": list(compiled.effects),
        "agrees_to": [f"{one['kind']}: {one['target']}{_most(one.get('max_per_run'))}" for one in plan.consent],
        "changes": list(changes),
        "requests_per_run": compiled.requests_per_run,
        "plan": plan.hash,
    }
    return NewApproval(
        execution_id=None,
        step="deploy_workflow",
        summary=summary,
        shown=shown,
        digest=digest_of(summary, shown),
        requested_by=by,
        approvers=(),
        expires_at=until,
        call=hashlib.sha256(write_json(["deploy_workflow", by, workflow_id]).encode()).hexdigest(),
    )


def question(plan: Plan, compiled: Compiled, changes: Sequence[str]) -> str:
    """What the person reads."""
    reached = [f"- {one['kind']}: {one['target']}{_most(one.get('max_per_run'))}" for one in plan.consent]
    lines = [
        f"Deploy {plan.name}? From then on it runs by itself.",
        "",
        "This workflow can:",
        *_cut([f"- {effect}" for effect in compiled.effects] or ["- change nothing outside this server"]),
    ]
    if reached:
        lines += ["", "You agree to exactly these:", *_cut(reached)]
    if changes:
        lines += ["", "Compared with the version that is active now:", *_cut([f"- {change}" for change in changes])]
    lines += ["", f"Requests to Procore: at most {compiled.requests_per_run} per run."]
    return "\n".join(lines)


def _most(count: object) -> str:
    return "" if count is None else f", at most {count} per run"


def _cut(lines: list[str]) -> list[str]:
    more = len(lines) - _LINES_MAX
    return lines if more <= 0 else [*lines[:_LINES_MAX], f"- and {more} more"]
