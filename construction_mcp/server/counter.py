"""Plain reads over HTTP, answered by the house itself.

A call of 2026-07-28 brings everything with it and leaves nothing behind, so one that only reads inside this data
directory needs of the SDK nothing but its words: the same dispatcher gives the same outcome, and the body around it is
the SDK's (a test compares them). To read and check such a call takes the SDK more than twice as long as to make it.
Whatever is not exactly as expected, header or body, is the SDK's to judge.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.types import Scope

from construction_mcp.bootstrap import House
from construction_mcp.core.types import Principal
from construction_mcp.front.static import MODERN, ToolCall, answer_line, modern_call
from construction_mcp.registry.catalog import View
from construction_mcp.registry.dispatch import Call
from construction_mcp.server.desk import as_sent
from construction_mcp.server.listing import header_schemas
from construction_mcp.server.result import run_tool, tool_result

# What has to be there once and as it is here; a name is compared with the body's. Source: MCP 2026-07-28, Streamable
# HTTP, "Request headers": those that route must agree with the body.
_EXPECTED: Mapping[bytes, bytes] = {
    b"mcp-protocol-version": MODERN.encode(),
    b"mcp-method": b"tools/call",
    b"content-type": b"application/json",
}
_JUDGED = {*_EXPECTED, b"mcp-name", b"accept"}
_ACCEPTED = (b"application/json", b"text/event-stream")
_MIRRORED = b"mcp-param-"  # arguments repeated as headers, which the SDK compares


class Counter:
    """Serves one view of the house."""

    def __init__(self, house: House, view: View) -> None:
        self._house = house
        self._view = view
        self._mirrored = header_schemas(house.catalog.tools)

    async def answer(self, scope: Scope, body: bytes) -> bytes | None:
        """The body that answers a request, or None for one that the SDK has to judge."""
        name = _called(scope["headers"])
        if name is None or name in self._mirrored:
            return None
        call = modern_call(body)
        if call is None or call.name != name:
            return None
        surroundings = Call(_principal(scope), self._view)
        dispatcher = self._house.dispatcher
        if not (dispatcher.is_quick_read(name, surroundings) and dispatcher.is_plain_read(name, surroundings)):
            return None
        return await self._made(call, surroundings)

    async def _made(self, call: ToolCall, surroundings: Call) -> bytes | None:
        outcome, trace = await run_tool(self._house, call.name, call.arguments, surroundings)
        result = as_sent(outcome, tool_result(outcome, trace, MODERN, modern=True), modern=True)
        return None if result is None else answer_line(call.id, result)[:-1]


def _called(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """The tool that the headers name; None unless they are exactly those of a plain call."""
    found: dict[bytes, bytes] = {}
    for key, value in headers:
        if key in _JUDGED:
            if key in found:
                return None
            found[key] = value
        elif key.startswith(_MIRRORED):
            return None
    if any(found.get(key) != value for key, value in _EXPECTED.items()):
        return None
    accept, name = found.get(b"accept", b""), found.get(b"mcp-name", b"")
    if not all(kind in accept for kind in _ACCEPTED) or b";" in accept or name.startswith(b"=?"):
        return None
    return name.decode("latin-1")


def _principal(scope: Scope) -> Principal:
    principal: Any = scope["user"].principal
    assert isinstance(principal, Principal), "every MCP route is behind the gate"
    return principal
