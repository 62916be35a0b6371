from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from construction_mcp.core.clock import ManualClock
from tests.engine.histories import History, recorded
from tests.engine.plant import Plant, opened
from tests.engine.yard import Yard, yard_at


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def plant(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Plant]:
    async with opened(tmp_path, clock) as plant:
        yield plant


@pytest.fixture
async def yard(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Yard]:
    async with yard_at(tmp_path, clock) as made:
        yield made


@pytest.fixture
def history(monkeypatch: pytest.MonkeyPatch) -> History:
    """Of every execution that a driver carries out while the test runs."""
    return recorded(monkeypatch)
