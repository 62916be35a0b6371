"""What is kept of deliveries, and for how long."""

from pathlib import Path

import pytest

from construction_mcp.bootstrap import House
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Settings
from construction_mcp.store.deliveries import Deliveries
from construction_mcp.store.hooks import Hooks

pytestmark = pytest.mark.anyio


async def test_old_deliveries_are_forgotten_at_the_next_opening(tmp_path: Path, clock: ManualClock) -> None:
    """An event that was forgotten counts as new again; one within the days kept is still known."""
    settings = Settings(tmp_path)
    day_s = 86_400
    async with House(settings, clock=clock) as house:
        hooks, deliveries = await house.services.get(Hooks), await house.services.get(Deliveries)
        hook, _ = await hooks.add(
            environment="simulator", company_id=1, project_id=7, principal="local:0", resource_names=["RFIs"]
        )
        await deliveries.accept(hook.id, None, "old", {"id": "old"})
        clock.advance(2 * day_s)
        await deliveries.accept(hook.id, None, "young", {"id": "young"})
    clock.advance((settings.limits.deliveries_kept_days - 1) * day_s)

    async with House(settings, clock=clock) as house:
        deliveries = await house.services.get(Deliveries)
        known = {
            event: (await deliveries.accept(hook.id, None, event, {"id": event})).duplicate
            for event in ("old", "young")
        }

    assert known == {"old": False, "young": True}
