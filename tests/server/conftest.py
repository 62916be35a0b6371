from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from construction_mcp.bootstrap import House
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Settings


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A whole house on an empty data directory, with a clock that tests move."""
    async with House(Settings(data_dir=tmp_path / "data"), clock=ManualClock()) as made:
        yield made
