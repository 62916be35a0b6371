"""The baselines: the least that a server on the official SDK costs. Run as a script of its own, without our package.

`bare.py low stdio|http`: the SDK's low-level server with one tool that echoes and forty-nine that are only listed, its
schemas at hand (`get_tool_input_schema`), which spares it a listing for each modern call over HTTP.
`bare.py high stdio|http`: the same on `MCPServer`, the SDK's convenient face, formerly FastMCP.
With http it takes a port of its own and says `{"port": N}` on stdout.
"""

import json
import socket
import sys
from typing import Any

LISTED = 50
TEXT = {"type": "string", "description": "Anything."}
ECHO = {"type": "object", "properties": {"query": TEXT}, "required": ["query"]}
PLACE = {
    "type": "object",
    "properties": {
        "project_id": {"type": "integer", "description": "The project to look into."},
        "status": {"type": "string", "enum": ["open", "closed", "draft"], "description": "Only those that stand so."},
        "text": {"type": "string", "description": "Words that number or title have to hold."},
        "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 25, "description": "Length of a page."},
        "cursor": {"type": "string", "description": "Where the page before ended."},
    },
    "required": ["project_id"],
}


def low() -> Any:
    """A low-level server whose listing is made once."""
    import mcp_types as types
    from mcp.server.lowlevel import Server

    described = "List one kind of record of a project, newest first, page by page."
    tools = [types.Tool(name="echo", description="Give the text back.", input_schema=ECHO)]
    tools += [
        types.Tool(name=f"list_records_{at}", description=described, input_schema=PLACE) for at in range(1, LISTED)
    ]
    listing = types.ListToolsResult(tools=tools)
    schemas = {tool.name: tool.input_schema for tool in tools}

    async def list_tools(_: Any, __: Any) -> Any:
        return listing

    async def call_tool(_: Any, params: Any) -> Any:
        text = (params.arguments or {}).get("query", "")
        return types.CallToolResult(content=[types.TextContent(type="text", text=text)])

    return Server(
        "bare",
        version="1",
        instructions="It echoes.",
        get_tool_input_schema=schemas.get,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def high() -> Any:
    """The same tools as functions, with schemas made of their signatures."""
    from mcp.server.mcpserver import MCPServer

    server = MCPServer("bare", instructions="It echoes.")

    def echo(query: str) -> str:
        return query

    def records(
        project_id: int, status: str = "open", text: str = "", limit: int = 25, cursor: str | None = None
    ) -> str:
        return f"{project_id} {status} {text} {limit} {cursor}"

    server.add_tool(echo, description="Give the text back.")
    for at in range(1, LISTED):
        server.add_tool(records, name=f"list_records_{at}", description="List one kind of record of a project.")
    return server


def main() -> None:
    kind, transport = sys.argv[1:3]
    server = {"low": low, "high": high}[kind]()
    if transport == "http":
        _serve(server.streamable_http_app(json_response=True))
    elif kind == "high":
        server.run("stdio")
    else:
        import anyio

        anyio.run(_speak, server)


async def _speak(server: Any) -> None:
    from mcp.server.stdio import stdio_server

    async with stdio_server() as (reader, writer):
        await server.run(reader, writer, server.create_initialization_options())


def _serve(app: Any) -> None:
    import uvicorn

    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as it is where uvicorn itself listens
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run(sockets=[listener])


if __name__ == "__main__":
    main()
