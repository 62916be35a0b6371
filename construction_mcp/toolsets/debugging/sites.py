"""The projects that a goal may name, where they can be had for little."""

import asyncio
from collections.abc import Sequence

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import ConstructionError
from construction_mcp.core.types import Principal
from construction_mcp.insight.goal import Site
from construction_mcp.procore.access import Accounts
from construction_mcp.procore.records.companies import projects_of
from construction_mcp.procore.records.zones import zone_of


async def sites_of(accounts: Accounts, principal: Principal, limits: Limits) -> Sequence[Site]:
    """The projects the caller sees; none where nobody is connected or Procore is slow: guidance does without."""
    try:
        async with asyncio.timeout(limits.guidance_wait_s):
            found = await projects_of(await accounts.of(principal))
    except (ConstructionError, TimeoutError):
        return ()
    return [
        Site(one.id, one.name, one.number, str(zone_of(one.time_zone)) if one.time_zone else None, one.is_active)
        for one in found.items
    ]
