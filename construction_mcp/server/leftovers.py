"""What an owner does beside its calls, once: removing at Procore what earlier deployments left there."""

import asyncio
import logging

from construction_mcp.bootstrap import House
from construction_mcp.core.errors import ConstructionError

log = logging.getLogger(__name__)


async def remove_leftovers(house: House) -> None:
    """Reconcile the webhooks of this workspace with Procore's, `reconcile_after_s` from now; for the start.

    Not in a read-only process, nor in a restored copy, whose original may be running. A workspace without webhooks
    loads nothing for it. A failure is logged: the next start, or the next deployment of the same workflow, tries again.
    """
    settings = house.settings
    await asyncio.sleep(settings.limits.reconcile_after_s)
    if settings.read_only or not settings.database_file.exists():
        return
    try:
        await house.require_live()
        if not await _has_hooks(house):
            return
        from construction_mcp.deployment.deploy import Deployments

        await (await house.services.get(Deployments)).reconcile()
    except ConstructionError as problem:
        log.warning("webhooks were not compared with Procore's: %s (%s)", problem.message, problem.code)
    except Exception:  # a mistake of ours here must not end the process that serves
        log.exception("webhooks were not compared with Procore's")
    else:
        log.info("webhooks were compared with Procore's")


async def _has_hooks(house: House) -> bool:
    from construction_mcp.store.hooks import Hooks

    return bool(await (await house.services.get(Hooks)).of_environment(house.settings.environment))
