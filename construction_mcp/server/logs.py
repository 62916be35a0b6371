"""Log lines for clients that ask for them: per connection up to 2025-11-25, per request from 2026-07-28."""

from typing import Any, get_args

import mcp_types as types
from mcp.server.connection import allowed_log_levels
from mcp.server.context import ServerRequestContext

from construction_mcp.core.ports import LogLevel
from construction_mcp.server.changes import connection_of

_LEVELS = get_args(LogLevel)
_STATE_KEY = "construction-mcp/log-level"


async def set_log_level(ctx: ServerRequestContext[Any, Any], params: types.SetLevelRequestParams) -> types.EmptyResult:
    """`logging/setLevel`: lines below this level are no longer sent on this connection."""
    connection_of(ctx).state[_STATE_KEY] = params.level
    return types.EmptyResult()


class ClientLog:
    """`Log` towards the client of one request.

    A client of the older revisions that set no level gets every line; a newer one gets none unless its request opted
    in. Source: MCP 2025-11-25, "Logging"; 2026-07-28, SEP-2575.
    """

    def __init__(self, ctx: ServerRequestContext[Any, Any]) -> None:
        self._ctx = ctx

    async def write(self, level: LogLevel, message: str) -> None:
        least = connection_of(self._ctx).state.get(_STATE_KEY, _LEVELS[0])
        wanted = allowed_log_levels(self._ctx.protocol_version, self._ctx.meta)
        if level in wanted and _LEVELS.index(level) >= _LEVELS.index(least):
            line = types.LoggingMessageNotificationParams(level=level, data=message)
            await self._ctx.session.send_notification(
                types.LoggingMessageNotification(params=line), related_request_id=self._ctx.request_id
            )
