from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.engine.plant import Plant, opened


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def plant(tmp_path: Path) -> AsyncIterator[Plant]:
    async with opened(tmp_path) as plant:
        yield plant
