"""Catalog entries in their wire form. Plain dicts: the SDK validates and serialises them once per answer."""

from collections.abc import Iterable, Mapping
from typing import Any

from construction_mcp.registry.brief import brief
from construction_mcp.registry.manifest import PromptEntry, ResourceEntry, ToolEntry, shallow, title_of


def tool_wire(tool: ToolEntry, meta: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """One tool of tools/list, with both schemas in their listed form; a title only where it says more than the name.

    Beyond the default set many tools are listed together, so each says its purpose alone. That a read destroys nothing
    and can be repeated goes without saying (MCP 2025-11-25, ToolAnnotations: both count only where it is no read).
    """
    title = {"title": tool.title} if tool.title != title_of(tool.name) else {}
    wire: dict[str, Any] = {
        "name": tool.name,
        **title,
        "description": tool.description if tool.listed else tool.purpose,
        "inputSchema": brief(tool.input_schema),
        "annotations": _annotations(tool),
    }
    if tool.output_schema:
        wire["outputSchema"] = shallow(tool.output_schema)
    if meta is not None:
        wire["_meta"] = meta
    return wire


def resources_wire(entries: Iterable[ResourceEntry]) -> list[dict[str, Any]]:
    """The fixed resources of resources/list."""
    return [{"uri": entry.uri, **_resource(entry)} for entry in entries if not entry.is_template]


def templates_wire(entries: Iterable[ResourceEntry]) -> list[dict[str, Any]]:
    """The templates of resources/templates/list."""
    return [{"uriTemplate": entry.uri, **_resource(entry)} for entry in entries if entry.is_template]


def prompt_wire(entry: PromptEntry) -> dict[str, Any]:
    """One prompt of prompts/list."""
    return {
        "name": entry.name,
        "title": entry.title,
        "description": entry.description,
        "arguments": [dict(argument) for argument in entry.arguments],
    }


def header_schemas(tools: Mapping[str, ToolEntry]) -> dict[str, Mapping[str, Any]]:
    """Input schemas that mirror arguments into `Mcp-Param-*` headers: only those need checking on modern HTTP."""
    return {name: tool.input_schema for name, tool in tools.items() if "x-mcp-header" in repr(tool.input_schema)}


# What a client takes each for where it is absent. Source: MCP 2025-11-25, ToolAnnotations.
_UNSAID = {"destructiveHint": True, "idempotentHint": False, "openWorldHint": True}


def _annotations(tool: ToolEntry) -> Mapping[str, bool]:
    """Whether it only reads, always, and of a change what differs from what absence means. A read lists besides whether
    it looks outside; that it destroys nothing and can be repeated is no news."""
    if tool.annotations["readOnlyHint"]:
        return {name: tool.annotations[name] for name in ("readOnlyHint", "openWorldHint")}
    return {name: value for name, value in tool.annotations.items() if value is not _UNSAID.get(name)}


def _resource(entry: ResourceEntry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "title": entry.title,
        "description": entry.description,
        "mimeType": entry.mime_type,
    }
