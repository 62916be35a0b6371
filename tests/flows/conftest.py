from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from construction_mcp.core.clock import ManualClock
from tests.flows.office import Office, office_at


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def office(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Office]:
    async with office_at(tmp_path, clock) as made:
        yield made
