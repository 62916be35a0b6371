import pytest

from construction_mcp.core.clock import ManualClock
from tests.procore.desk import build_desk, in_process
from tests.procore.scripted import ScriptedProcore


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def procore(clock):
    """The scripted upstream."""
    return ScriptedProcore(clock)


@pytest.fixture
async def desk(clock, procore):
    """A client of the scripted upstream, with everything it needs."""
    desk = build_desk(clock, in_process(procore))
    yield desk
    await desk.aclose()
