"""`find_tools` and `use_tool`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from construction_mcp.core.errors import Invalid
from construction_mcp.core.json import read_json
from construction_mcp.core.ports import ToolHit, Tools
from construction_mcp.core.toolset import tool


@dataclass(frozen=True, slots=True)
class Found:
    """Tools that fit, best first."""

    items: Sequence[ToolHit]


@dataclass(frozen=True, slots=True)
class Used:
    """The inner tool's structured content."""

    result: Mapping[str, Any]


@tool(effect="read", listed=True)
async def find_tools(
    query: Annotated[str, Field(min_length=1, max_length=500), "What you want to do, in a few words"],
    limit: Annotated[int, Field(ge=1, le=25), "Most tools to return"] = 5,
    *,
    tools: Tools,
) -> Found:
    """Find tools by purpose, including those that are not listed, best match first, with their input schemas.

    Use it when no listed tool fits; call what it finds with use_tool.
    """
    return Found(tools.find(query, limit))


@tool(effect="dispatch", listed=True, destructive=True, open_world=True, timeout_s=600)
async def use_tool(
    name: Annotated[str, Field(min_length=1, max_length=200), "Tool name as find_tools gives it"],
    arguments: Annotated[
        dict[str, Any] | str | None,
        "Arguments matching its input_schema, as an object or as JSON text; none by default",
    ] = None,
    *,
    tools: Tools,
) -> Used:
    """Call any tool by name and return its result, exactly as if it were listed.

    Same checks, permissions and confirmations as a direct call; prefer a direct call when the tool is listed.
    """
    return Used(await tools.call(name, _object(arguments)))


def _object(arguments: dict[str, Any] | str | None) -> dict[str, Any]:
    """Models often write a nested object as JSON text; refusing it costs a round and teaches nothing."""
    value = read_json(arguments) if isinstance(arguments, str) else arguments or {}
    if not isinstance(value, dict):
        raise Invalid("arguments: must be an object.", details={"field": "arguments"})
    return value
