from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from construction_mcp.core.clock import ManualClock
from tests.diagnosis.clinic import Clinic, clinic_at


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def clinic(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Clinic]:
    async with clinic_at(tmp_path, clock) as made:
        yield made
