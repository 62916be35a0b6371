"""Who may import whom. Function-level and TYPE_CHECKING imports count: that is where knots hide."""

import ast
from collections.abc import Iterator

from tests.tidy.source import PACKAGE, Source

FLOORS = {
    "__init__": -1,
    "core": 0,
    "front": 1,
    "net": 1,
    "store": 1,
    "cache": 1,
    "simulator": 1,
    "expressions": 1,
    "procore": 2,
    "registry": 2,
    "actions": 3,
    "workflow": 4,
    "notify": 4,
    "deployment": 5,
    "engine": 5,
    "insight": 5,
    "toolsets": 6,
    "bootstrap": 7,
    "commands": 8,
    "server": 9,
    "cli": 10,
    "__main__": 11,
}
# The front answers before the server is imported, then hands the pipe over: the one upward import, made when needed.
HANDS_OVER = {("construction_mcp/front/run.py", "server")}

SDK = {"mcp", "mcp_types"}
# The demo is a client, as a person's would be; the bare server is what `bench` measures ours beside.
SDK_ROOMS = ("construction_mcp/server/", "construction_mcp/cli/demo/", "construction_mcp/cli/bench/bare.py")

HTTP_CLIENTS = {"httpx", "httpx2", "aiohttp", "requests", "urllib3", "http.client", "urllib.request", "ftplib"}
# The simulator is somebody else's server that happens to live here: it delivers its own webhooks and shares no code.
# The demo plays what is outside our server: a person's browser, another program that reads Procore.
HTTP_ROOMS = ("construction_mcp/net/", "construction_mcp/simulator/", "construction_mcp/cli/demo/")
# The first two reach only the host of an operator's setting, never of an argument; bootstrap hands the client the
# simulator of its own process as a transport, which reaches no host at all.
HTTP_MODULES = {
    "construction_mcp/server/oauth.py",
    "construction_mcp/server/remote.py",
    "construction_mcp/bootstrap.py",
}


def imported(source: Source) -> Iterator[tuple[int, str]]:
    """Every imported module of a file with its line; `from a import b` gives `a` and `a.b`."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(source, node)
            yield node.lineno, module
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def wrong_floor(source: Source) -> Iterator[str]:
    """A room imports only rooms on lower floors."""
    if source.room not in FLOORS:
        yield f"{source.path}: room {source.room!r} has no floor; name it in HOUSE terms in tests/tidy/imports.py"
        return
    for line, module in imported(source):
        other = _room_of(module)
        if other in (None, source.room) or (source.path, other) in HANDS_OVER:
            continue
        if FLOORS.get(other, 99) >= FLOORS[source.room]:
            yield f"{source.path}:{line}: {source.room} may not import {other}"


def sdk_outside_server(source: Source) -> Iterator[str]:
    """Only the server speaks to the MCP SDK."""
    for line, module in imported(source):
        if module.partition(".")[0] in SDK and not source.path.startswith(SDK_ROOMS):
            yield f"{source.path}:{line}: {module}"


def toolset_imports_toolset(source: Source) -> Iterator[str]:
    """Toolsets do not know each other; what two of them need belongs on a lower floor."""
    if source.room != "toolsets":
        return
    own = source.path.split("/")[2]
    for line, module in imported(source):
        parts = module.split(".")
        if parts[:2] == [PACKAGE, "toolsets"] and len(parts) > 2 and parts[2] != own:
            yield f"{source.path}:{line}: {module}"


def egress_outside_net(source: Source) -> Iterator[str]:
    """Requests leave through the guard in net/, so that no other door needs guarding."""
    for line, module in imported(source):
        names = {module, module.partition(".")[0]}
        if names & HTTP_CLIENTS and not source.path.startswith(HTTP_ROOMS) and source.path not in HTTP_MODULES:
            yield f"{source.path}:{line}: {module}"


def mocked(source: Source) -> Iterator[str]:
    """Tests look at what the world saw, not at which method was called."""
    if source.path.endswith(".py"):
        for line, module in imported(source):
            if module.startswith("unittest.mock") or module == "pytest_mock":
                yield f"{source.path}:{line}: {module}"


def _absolute(source: Source, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = source.path.removesuffix(".py").split("/")[: -node.level]
    return ".".join([*parts, *([node.module] if node.module else [])])


def _room_of(module: str) -> str | None:
    parts = module.split(".")
    if parts[0] != PACKAGE or len(parts) < 2:
        return None
    return "__init__" if parts[1] == "__version__" else parts[1]
