from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Limits
from construction_mcp.store.database import Database
from construction_mcp.store.users import Users
from construction_mcp.store.workflows import Workflows

QUICK = replace(Limits(), busy_timeout_s=0.02, busy_backoff_s=0.02, statement_timeout_s=0.2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "construction.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    database = await Database.open(path, limits=QUICK)
    yield database
    await database.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def workflows(database: Database, clock: ManualClock) -> Workflows:
    return Workflows(database, clock)


@pytest.fixture
def users(database: Database, clock: ManualClock) -> Users:
    return Users(database, clock)
