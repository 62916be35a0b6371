import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """The server runs on asyncio, so the tests do."""
    return "asyncio"


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder of its own whose path is short enough for a socket in it; pytest's own are too long in a worker."""
    with tempfile.TemporaryDirectory(prefix="cm-") as folder:
        yield Path(folder)
