from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from construction_mcp.core.clock import ManualClock
from tests.deployment.site import Site, site_at


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def site(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Site]:
    async with site_at(tmp_path, clock) as made:
        yield made
