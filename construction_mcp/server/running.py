"""What an owner of the directory does beside its calls: carrying workflows out."""

import asyncio
import logging

from construction_mcp.bootstrap import House
from construction_mcp.core.errors import ConstructionError

log = logging.getLogger(__name__)


async def run_workflows(house: House) -> None:
    """Carry out executions until cancelled, from `engine_after_s` on: the first answers come first.

    Not in a read-only process, nor in a restored copy, whose original may be running. A workspace without workflows
    waits until there is one before it loads an engine.
    """
    settings = house.settings
    await asyncio.sleep(settings.limits.engine_after_s)
    if settings.read_only:
        return
    try:
        await house.require_live()
    except ConstructionError as problem:
        log.info("no workflow runs here: %s", problem.message)
        return
    await house.run_services()
