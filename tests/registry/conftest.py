from collections.abc import Awaitable, Callable

import pytest

from construction_mcp.core.clock import Clock, ManualClock
from construction_mcp.core.config import Limits
from construction_mcp.core.services import Services
from construction_mcp.core.types import Principal, Role
from construction_mcp.registry.build import build
from construction_mcp.registry.catalog import Catalog, View
from construction_mcp.registry.dispatch import Call, Dispatcher
from construction_mcp.registry.manifest import Manifest

ADMIN = Principal("local:0", Role.ADMIN)
VIEWER = Principal("user:1", Role.VIEWER, "Vera")


@pytest.fixture(scope="session")
def manifest() -> Manifest:
    return build("tests.registry.sample")


@pytest.fixture
def catalog(manifest: Manifest) -> Catalog:
    return Catalog([manifest, build("construction_mcp.toolsets.discovery")])


@pytest.fixture
def dispatcher(catalog: Catalog) -> Dispatcher:
    async def clock() -> Clock:
        return ManualClock()

    factories: dict[str, Callable[[], Awaitable[Clock]]] = {"construction_mcp.core.clock:Clock": clock}
    return Dispatcher(catalog, Services(factories), Limits())


@pytest.fixture
def as_admin() -> Call:
    return Call(ADMIN, View())


@pytest.fixture
def as_viewer() -> Call:
    return Call(VIEWER, View())
