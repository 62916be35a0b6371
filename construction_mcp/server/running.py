"""What an owner of the directory does beside its calls: carrying workflows out."""

import asyncio
import logging

from construction_mcp.bootstrap import House
from construction_mcp.core.errors import ConstructionError
from construction_mcp.core.memory import settle

log = logging.getLogger(__name__)


async def run_workflows(house: House) -> None:
    """Carry executions out until cancelled, from `engine_after_s` on: the first answers come first.

    Not in a read-only process, nor in a restored copy, whose original may be running. Where there is nothing to carry
    out, no engine is loaded before somebody deploys or runs a workflow. A service that fails ends the others and all
    start anew after `services_pause_s`; what the process serves goes on meanwhile.
    """
    settings = house.settings
    await asyncio.sleep(settings.limits.engine_after_s)
    if settings.read_only:
        return
    try:
        await house.require_live()
        has_work = await house.has_work()
    except ConstructionError as problem:
        log.warning("no workflow runs here: %s", problem.message)
        return
    if not has_work:
        await house.engine_wanted.wait()
    while True:
        try:
            await house.load_engine()
            settle()
            await house.run_services()
        except Exception:  # the calls of this process must not end with a service beside them
            log.exception("workflows stand still; they start anew in %s s", settings.limits.services_pause_s)
        await house.clock.sleep(settings.limits.services_pause_s)
