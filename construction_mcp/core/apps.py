"""Whether a client shows views: the Apps extension as it announces it. Without the SDK, because the front asks too."""

from collections.abc import Mapping
from typing import Any, Final

EXTENSION: Final = "io.modelcontextprotocol/ui"
MIME_TYPE: Final = "text/html;profile=mcp-app"


def shows_views(extensions: Mapping[str, Any] | None) -> bool:
    """Whether these extensions of a client's capabilities say that it shows HTML views.

    Source: MCP Apps (SEP-1865) 2026-01-26, "Client (Host) Capabilities": `mimeTypes` is required.
    """
    settings = (extensions or {}).get(EXTENSION)
    types = settings.get("mimeTypes") if isinstance(settings, Mapping) else None
    return isinstance(types, list | tuple) and MIME_TYPE in types
