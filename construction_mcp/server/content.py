"""What resource and prompt functions return, in its wire form."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import to_json

from construction_mcp.registry.manifest import ResourceEntry


def resource_contents(uri: str, entry: ResourceEntry, value: Any) -> list[dict[str, Any]]:
    """Text stays text, bytes become a base64 blob, anything else JSON."""
    head = {"uri": uri, "mimeType": entry.mime_type}
    if isinstance(value, bytes):
        return [{**head, "blob": base64.b64encode(value).decode()}]
    text = value if isinstance(value, str) else to_json(value, exclude_none=True).decode()
    return [{**head, "text": text}]


def prompt_messages(value: str | Sequence[tuple[str, str | Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """A text is one user message; pairs are `(role, text or content block)`."""
    pairs = [("user", value)] if isinstance(value, str) else value
    return [
        {"role": role, "content": {"type": "text", "text": body} if isinstance(body, str) else dict(body)}
        for role, body in pairs
    ]
