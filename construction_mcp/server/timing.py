"""How long requests take and whose trace they belong to: the one place of the MCP wire and the one of HTTP.

Tools are timed in `result.py`, which also knows the public code of a failure; `Timed` times the other methods.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from starlette.types import Scope

from construction_mcp.core import meters, spans
from construction_mcp.server.exchange import Exchange

_ELSEWHERE = frozenset({"tools/call", "subscriptions/listen"})  # timed by name; a stream, not a call
_METHODS = frozenset(
    {
        "completion/complete",
        "initialize",
        "logging/setLevel",
        "ping",
        "prompts/get",
        "prompts/list",
        "resources/list",
        "resources/read",
        "resources/subscribe",
        "resources/templates/list",
        "resources/unsubscribe",
        "server/discover",
        "tools/list",
    }
)


class Timed:
    """Server middleware: the duration of every request but tool calls, whatever transport carries it."""

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if ctx.request_id is None or ctx.method in _ELSEWHERE:
            return await call_next(ctx)
        method = ctx.method if ctx.method in _METHODS else meters.OTHER
        started, failed = time.perf_counter(), ""
        try:
            return await call_next(ctx)
        except MCPError as error:
            failed = str(error.error.code)
            raise
        except Exception as error:
            failed = type(error).__name__
            raise
        finally:
            meters.OPERATIONS.observe(time.perf_counter() - started, method, "", failed)


@contextmanager
def following(scope: Scope) -> Iterator[None]:
    """Work for a verified caller, inside the trace that its `traceparent` names, where anybody listens.

    Nobody else's is believed: a stranger could otherwise have every request recorded.
    Source: W3C Trace Context, section 3.2; its section 5 on what an endpoint may ignore.
    """
    listener = spans.listener()
    if listener is None or scope["method"] == "GET":  # a stream is open for hours and is nobody's call
        yield
        return
    exchange: Exchange = scope["exchange"]
    carried = {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in scope["headers"]
        if name in {b"traceparent", b"tracestate"}
    }
    route = exchange.route
    with (
        listener.joined(carried),
        spans.span(
            f"{scope['method']} {route}", "server", http__request__method=scope["method"], http__route=route
        ) as span,
    ):
        yield
        if exchange.status:
            span.note("http.response.status_code", exchange.status)
