"""One tools/call from the house's side: run the tool, and put its outcome into the words of the wire.

Without the SDK, because `server/desk.py` answers calls before that is imported.
"""

import logging
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from construction_mcp import __version__
from construction_mcp.bootstrap import House
from construction_mcp.core import meters
from construction_mcp.core.errors import ConstructionError
from construction_mcp.core.json import write_json
from construction_mcp.core.ports import InputNeeded
from construction_mcp.core.trace import Trace, current_trace
from construction_mcp.registry.dispatch import Call
from construction_mcp.registry.shape import Outcome

log = logging.getLogger(__name__)

TRACE_KEY = "construction-mcp/trace"
SERVER_INFO_KEY = "io.modelcontextprotocol/serverInfo"  # MCP 2026-07-28, "_meta"
STRUCTURED_SINCE = "2025-06-18"  # older clients see only text; MCP changelog of that revision
# The stamp of 2026-07-28 results, without the icon and title that discover gives once: the SDK would add those to every
# answer and copy them deeply for each.
_IDENTITY = {"name": "construction-mcp", "version": __version__}


async def run_tool(
    house: House, name: str, arguments: Mapping[str, Any], call: Call, *, passing: tuple[type[Exception], ...] = ()
) -> tuple[Outcome, Trace]:
    """The one place where a failure of a tool becomes a result the model can act on.

    Raises:
        InputNeeded: the call goes on in another round.
        passing: what the wire raises for itself.
    """
    trace = Trace()
    token, failed = current_trace.set(trace), ""
    try:
        outcome = await house.dispatcher.call_tool(name, arguments, call)
    except InputNeeded:
        raise
    except passing:
        raise
    except ConstructionError as error:
        outcome, failed = _failure(error), error.code
    except Exception:  # noqa: BLE001  the boundary: nothing of ours may reach a client raw
        outcome, failed = _failure(internal(f"tool {name[:100]}")), "SYSTEM_INTERNAL"
    finally:
        current_trace.reset(token)
        known = name if name in house.catalog.tools else meters.OTHER
        meters.OPERATIONS.observe(trace.duration_s, "tools/call", known, failed)
        meters.CALL_STATEMENTS.observe(trace.db_queries)
    most = house.settings.limits.statements_per_call_warn
    if trace.db_queries > most:
        log.warning("%s ran %d statements in one call; more than %d", name, trace.db_queries, most)
    return outcome, trace


def tool_result(outcome: Outcome, trace: Trace, protocol_version: str, *, modern: bool) -> dict[str, Any]:
    """A tools/call result as the client's revision reads it."""
    meta: dict[str, Any] = {SERVER_INFO_KEY: _IDENTITY} if modern else {}
    meta[TRACE_KEY] = trace.public()
    result = complete(isError=outcome.is_error, _meta=meta)
    if outcome.structured is None:
        return {**result, "content": list(outcome.blocks or ())}
    if protocol_version < STRUCTURED_SINCE:
        return {**result, "content": [{"type": "text", "text": write_json(outcome.structured)}]}
    return {**result, "content": [{"type": "text", "text": outcome.text}], "structuredContent": outcome.structured}


def complete(**fields: Any) -> dict[str, Any]:
    """A finished result as a wire mapping; the SDK checks it and drops what the client's revision does not know."""
    return {"resultType": "complete", **fields}


def internal(where: str) -> ConstructionError:
    """Our own mistake: the traceback goes to the log under an id, the client gets the id."""
    trace_id = uuid4().hex[:12]
    log.exception("%s failed, trace id %s", where, trace_id)
    return ConstructionError("The server made a mistake.", details={"trace_id": trace_id})


def _failure(error: ConstructionError) -> Outcome:
    text = " ".join(filter(None, [f"{error.code}: {error.message}", error.hint]))
    return Outcome(error.public(), text, is_error=True)
