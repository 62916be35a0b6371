"""Fixtures every room's tests share."""

import pytest


@pytest.fixture
def anyio_backend():
    """The house runs on asyncio."""
    return "asyncio"
