"""A hook of ours at Procore: made on both sides, given a new secret on both, and removed on both.

Ours is stored first and removed last, so that no delivery comes that we would turn away, and a call that ends in the
middle leaves something that listing shows and deleting clears.
"""

import contextlib
from collections.abc import Sequence

from construction_mcp.core.errors import Conflict, ConstructionError, NotFound, Uncertain
from construction_mcp.core.reach import Reach
from construction_mcp.procore.access import Procore
from construction_mcp.procore.records import hooks as api
from construction_mcp.procore.records.hooks import Scope, Trigger, Upstream
from construction_mcp.store.hooks import Hook, Hooks


async def register(
    procore: Procore,
    hooks: Hooks,
    reach: Reach,
    scope: Scope,
    triggers: Sequence[Trigger],
    principal: str,
    *,
    workflow_id: str | None = None,
) -> Hook:
    """A hook that Procore posts these events to; pending until a workflow that it is to start has been activated.

    Raises:
        Uncertain: Procore may have made it; ours stays, so that what it posts is taken.
        ConstructionError: it was not made; nothing is left of it.
    """
    hook, secret = await hooks.add(
        environment=procore.connection.environment.name,
        company_id=scope.company_id,
        project_id=scope.project_id,
        principal=principal,
        resource_names=list(dict.fromkeys(one.resource_name for one in triggers)),
        workflow_id=workflow_id,
    )
    try:
        procore_id = await api.create_hook(procore, scope, reach.webhook(hook.id), secret)
    except Uncertain:
        raise
    except ConstructionError:
        await hooks.remove(hook.id)
        raise
    made = await hooks.note_registered(hook.id, procore_id)
    try:
        await api.add_triggers(procore, scope, procore_id, triggers)
    except Uncertain:
        raise
    except ConstructionError:
        with contextlib.suppress(ConstructionError):  # the first failure is the one to tell
            await unregister(procore, hooks, made)
        raise
    return made


async def unregister(procore: Procore, hooks: Hooks, hook: Hook) -> None:
    """Remove the hook on both sides; one that Procore no longer has is removed here.

    Raises:
        ConstructionError: Procore did not remove it; ours stays.
    """
    scope, procore_id = Scope(hook.company_id, hook.project_id), hook.procore_id
    if procore_id is None:
        procore_id = next((one.id for one in await api.read_hooks(procore, scope) if is_of(hook, one)), None)
    if procore_id is not None:
        with contextlib.suppress(NotFound):
            await api.delete_hook(procore, scope, procore_id)
    await hooks.remove(hook.id)


async def remove_unknown(procore: Procore, hooks: Hooks, reach: Reach, scope: Scope) -> int:
    """Remove what Procore posts to this server for a hook that nobody here knows (any more); how many there were.

    Ours is always stored before Procore is asked to post to it, so an unknown one is never on its way to being known.

    Raises:
        ConstructionError: Procore did not answer, or did not remove one.
    """
    known = {one.hook.id for one in await hooks.of_environment(procore.connection.environment.name)}
    here = f"{reach.webhooks}/"
    unknown = [
        one
        for one in await api.read_hooks(procore, scope)
        if (url := one.destination_url or "").startswith(here)
        and url.removeprefix(here) not in known
        and one.namespace == api.NAMESPACE
    ]
    for one in unknown:
        await api.delete_hook(procore, scope, one.id)
    return len(unknown)


def is_of(hook: Hook, upstream: Upstream) -> bool:
    """Whether this is our hook at Procore: by its id, or by where it posts to when its making was never confirmed."""
    return upstream.id == hook.procore_id or (upstream.destination_url or "").endswith(f"/{hook.id}")


async def rotate(procore: Procore, hooks: Hooks, hook: Hook) -> Hook:
    """Give the hook a new secret. Both are taken until Procore has the new one, and the old one a while longer.

    Raises:
        Uncertain: Procore may have taken it; both stay valid until the next rotation.
        ConstructionError: Procore did not take it; the old one alone is valid.
    """
    if hook.procore_id is None:
        raise Conflict(
            "Procore never confirmed this webhook.", code="WEBHOOK_NOT_FOUND", hint="Delete it and make another."
        )
    secret = await hooks.rotate(hook.id)
    try:
        await api.change_secret(procore, Scope(hook.company_id, hook.project_id), hook.procore_id, secret)
    except Uncertain:
        raise
    except ConstructionError:
        await hooks.undo_rotation(hook.id, secret)
        raise
    return await hooks.end_rotation(hook.id, secret)
