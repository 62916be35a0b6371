"""Tools over the hooks through which Procore tells this server what changed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field

from construction_mcp.core.effects import Effect
from construction_mcp.core.errors import Conflict, NextCall, NotFound
from construction_mcp.core.reach import Reach
from construction_mcp.core.toolset import tool
from construction_mcp.core.types import Page, Principal
from construction_mcp.procore.access import Procore
from construction_mcp.procore.records.hooks import EventType, Scope, Upstream, read_hooks, read_triggers, scope_of
from construction_mcp.procore.records.hooks import delete_hook as delete_upstream
from construction_mcp.procore.records.writing import settled_by
from construction_mcp.procore.registration import is_of, register, unregister
from construction_mcp.procore.together import together
from construction_mcp.store.hooks import Hook, Hooks, KnownHook
from construction_mcp.store.workflows import Workflows

ProjectId = Annotated[int | None, Field(ge=1), "Procore project id; the company's own events unless given"]
_SCOPES_MAX = 20  # projects with hooks that one list looks into, a request each


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook. `status` is Procore's; `missing` when Procore has none and ours hears nothing.

    `id` is None for one of this application that this server did not make. `deliveries` counts events accepted.
    """

    id: str | None
    procore_id: str | None
    project_id: int | None
    status: str | None
    resources: list[str] | None = None
    url: str | None = None
    deliveries: int | None = None
    last_delivery_at: datetime | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Deleted:
    """The webhook that is gone."""

    deleted: str


@tool(effect="outside", open_world=True)
async def create_procore_webhook(
    resources: Annotated[
        list[str], Field(min_length=1, max_length=50), "Procore resource names to hear of: RFIs, Submittals"
    ],
    project_id: ProjectId = None,
    events: Annotated[
        list[EventType] | None, Field(min_length=1, max_length=3), "All that are offered by default"
    ] = None,
    *,
    procore: Procore,
    hooks: Hooks,
    reach: Reach,
    principal: Principal,
) -> Effect[Webhook]:
    """Have Procore tell this server of changes, after a preview; cached reads are then fresh at once. Needs serve.

    Most resources belong to a project. To see what exists use list_procore_webhooks.
    """
    scope = scope_of(procore, project_id)
    address = reach.webhook("{id}")
    triggers = await read_triggers(procore, scope, resources, events or ["create", "update", "delete"])
    shown = {
        "scope": f"project {project_id}" if project_id else f"company {scope.company_id}",
        "url": address,
        "events": [f"{one.resource_name}: {one.event_type}" for one in triggers],
    }

    async def perform() -> Webhook:
        with settled_by("list_procore_webhooks", {}, "see whether it exists"):
            hook = await register(procore, hooks, reach, scope, triggers, principal.id)
        return _ours(KnownHook(hook, 0, None), "active", reach)

    owner = f"company/{scope.company_id}" if project_id is None else f"project/{project_id}"
    return Effect(f"Create a webhook for {', '.join(resources)}", shown, perform, (f"procore:{owner}/webhook",))


@tool(effect="read", open_world=True, fields=True)
async def list_procore_webhooks(
    project_id: Annotated[int | None, Field(ge=1), "Only this project; all that this server made unless given"] = None,
    *,
    procore: Procore,
    hooks: Hooks,
    reach: Reach,
) -> Page[Webhook]:
    """List the webhooks of this application, ours first, with Procore's status and deliveries.

    To add one use create_procore_webhook.
    """
    own = scope_of(procore, project_id)
    known = await hooks.of_environment(procore.connection.environment.name)
    known = [one for one in known if project_id in (None, one.hook.project_id)]
    scopes = list(dict.fromkeys([own, *(_scope(one.hook) for one in known)]))
    looked = scopes[:_SCOPES_MAX]
    upstream = dict(zip(looked, await together(*(read_hooks(procore, scope) for scope in looked)), strict=True))
    items = [_ours(one, _status(one.hook, upstream.get(_scope(one.hook))), reach) for one in known]
    items += [
        _theirs(one, scope)
        for scope, found in upstream.items()
        for one in found
        if not any(is_of(mine.hook, one) for mine in known)
    ]
    return Page(items, None, len(items), True if len(scopes) > _SCOPES_MAX else None)


@tool(effect="outside", open_world=True, destructive=True, idempotent=True)
async def delete_procore_webhook(
    webhook_id: Annotated[
        str, Field(min_length=1, max_length=64), "id of list_procore_webhooks, or procore_id of one that has no id"
    ],
    project_id: Annotated[int | None, Field(ge=1), "Project of a webhook named by its procore_id"] = None,
    *,
    procore: Procore,
    hooks: Hooks,
    workflows: Workflows,
) -> Effect[Deleted]:
    """Delete a webhook at Procore and here, after a preview; Procore then stops telling of its events.

    To see ids use list_procore_webhooks.
    """
    scope = scope_of(procore, project_id)
    known = await hooks.of_environment(procore.connection.environment.name)
    mine = next((one for one in known if webhook_id in (one.hook.id, one.hook.procore_id)), None)
    if mine is not None:
        await _require_idle(mine.hook, workflows)
        scope = _scope(mine.hook)
        shown = {"resources": list(mine.hook.resource_names), "deliveries": mine.delivery_count}
    else:
        theirs = next((one for one in await read_hooks(procore, scope) if one.id == webhook_id), None)
        if theirs is None:
            raise NotFound(f"There is no webhook {webhook_id[:64]!r} here.", code="WEBHOOK_NOT_FOUND")
        shown = {"namespace": theirs.namespace, "url": theirs.destination_url}

    async def perform() -> Deleted:
        if mine is not None:
            await _require_idle(mine.hook, workflows)  # what was previewed may have been deployed again since
            await unregister(procore, hooks, mine.hook)
        else:
            await delete_upstream(procore, scope, webhook_id)
        return Deleted(webhook_id)

    place = f"project {scope.project_id}" if scope.project_id else f"company {scope.company_id}"
    return Effect(
        f"Delete webhook {webhook_id} of {place}",
        {"scope": place, **shown},
        perform,
        (f"procore:webhook/{webhook_id}",),
    )


async def _require_idle(hook: Hook, workflows: Workflows) -> None:
    """Refuse while it is what starts a workflow: that would go on looking active and never run again."""
    if hook.workflow_id is None or hook.state != "live":
        return
    for workflow in await workflows.get([hook.workflow_id]):
        if workflow.status == "active":
            raise Conflict(
                f"Webhook {hook.id} starts the workflow {workflow.name!r}.",
                code="WEBHOOK_STARTS_WORKFLOW",
                details={"workflow_id": workflow.id},
                hint="Pause the workflow first, or delete it with delete_workflow, which takes the webhook with it.",
                next_call=NextCall(
                    "rollback_workflow",
                    {"workflow_id": workflow.id, "action": "pause"},
                    "stops it; deploying or resuming it makes the webhook again",
                ),
            )


def _scope(hook: Hook) -> Scope:
    return Scope(hook.company_id, hook.project_id)


def _status(hook: Hook, upstream: list[Upstream] | None) -> str | None:
    """What Procore says of our hook; None where it was not asked."""
    if upstream is None:
        return None
    return next((one.status for one in upstream if is_of(hook, one)), "missing")


def _ours(known: KnownHook, status: str | None, reach: Reach) -> Webhook:
    hook = known.hook
    return Webhook(
        id=hook.id,
        procore_id=hook.procore_id,
        project_id=hook.project_id,
        status=status,
        resources=list(hook.resource_names),
        url=f"{reach.webhooks}/{hook.id}" if reach.webhooks else None,
        deliveries=known.delivery_count,
        last_delivery_at=known.last_delivery_at,
        created_at=hook.created_at,
    )


def _theirs(upstream: Upstream, scope: Scope) -> Webhook:
    return Webhook(None, upstream.id, scope.project_id, upstream.status, url=upstream.destination_url)
