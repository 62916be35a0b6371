"""The server's icon, a crane hook, drawn for any size: for MCP as a data URI, so that no address leaks."""

from urllib.parse import quote

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#e8590c" stroke-width="2">'
    '<path d="M4 20h6M7 20V4l13 3H7M17 7v5m0 0a2 2 0 1 1-2 2"/></svg>'
)
ICON = "data:image/svg+xml," + quote(SVG, safe="")
