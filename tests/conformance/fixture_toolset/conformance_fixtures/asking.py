"""Tools that ask the client while the call waits (up to 2025-11-25), and one that also asks in the later era."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.message import ServerMessageMetadata

from construction_mcp.core.ports import Answer, Ask, Content
from construction_mcp.core.toolset import tool

from .content import text

_DEFAULTS: Mapping[str, Any] = {
    "name": {"type": "string", "description": "User name", "default": "John Doe"},
    "age": {"type": "integer", "description": "User age", "default": 30},
    "score": {"type": "number", "description": "User score", "default": 95.5},
    "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    "verified": {"type": "boolean", "description": "Verification status", "default": True},
}
_TITLED = [{"const": f"value{number}", "title": f"Choice {number}"} for number in (1, 2, 3)]
_PLAIN = ["option1", "option2", "option3"]
_ENUMS: Mapping[str, Any] = {
    "untitledSingle": {"type": "string", "enum": _PLAIN},
    "titledSingle": {"type": "string", "oneOf": _TITLED},
    "legacyEnum": {"type": "string", "enum": _PLAIN, "enumNames": ["Option One", "Option Two", "Option Three"]},
    "untitledMulti": {"type": "array", "items": {"type": "string", "enum": _PLAIN}},
    "titledMulti": {"type": "array", "items": {"anyOf": _TITLED}},
}


def form(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(required)}


def told(start: str, answer: Answer) -> Content:
    return text(f"{start}: action={answer.action}, content={json.dumps(answer.content or {})}")


@tool(effect="read")
async def test_elicitation(message: Annotated[str, "What the user is asked"], *, ask: Ask) -> Content:
    """Ask the user for a name and an address."""
    fields = {"username": {"type": "string"}, "email": {"type": "string", "description": "User's email address"}}
    return told("User response", await ask.form("user", message, form(fields, "username", "email")))


@tool(effect="read")
async def test_elicitation_sep1034_defaults(*, ask: Ask) -> Content:
    """Ask with a default for every primitive type."""
    return told("Elicitation completed", await ask.form("defaults", "Please review the fields", form(_DEFAULTS)))


@tool(effect="read")
async def test_elicitation_sep1330_enums(*, ask: Ask) -> Content:
    """Ask with each form of enum."""
    return told("Elicitation completed", await ask.form("enums", "Please choose", form(_ENUMS)))


@tool(effect="read")
async def test_streaming_elicitation(*, ask: Ask) -> Content:
    """Ask from a stream, which in 2026-07-28 means answering with the question."""
    return told(
        "Elicitation completed", await ask.form("name", "What is your name?", form({"name": {"type": "string"}}))
    )


@tool(effect="read")
async def test_sampling(
    prompt: Annotated[str, "The prompt for the model"], *, context: ServerRequestContext
) -> Content:
    """Ask the client's model; only clients up to 2025-11-25 can be."""
    message = types.SamplingMessage(role="user", content=types.TextContent(text=prompt))
    answer = await context.session.send_request(
        types.CreateMessageRequest(params=types.CreateMessageRequestParams(messages=[message], max_tokens=100)),
        types.CreateMessageResult,
        metadata=ServerMessageMetadata(related_request_id=context.request_id),
    )
    return text(f"LLM response: {getattr(answer.content, 'text', '')}")
