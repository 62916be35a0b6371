"""A minimal MCP client: start the server, import a workflow from a file, list what is there.

python examples/client.py examples/workflows/overdue_rfi_alert.yaml [server flags]
"""

import sys
from pathlib import Path

import anyio
from mcp import Client, StdioServerParameters, stdio_client


async def main(document: str, flags: list[str]) -> int:
    server = StdioServerParameters(command=sys.executable, args=["-m", "construction_mcp", *flags])
    async with Client(stdio_client(server)) as client:
        imported = await client.call_tool(
            "use_tool", {"name": "import_workflow", "arguments": {"document_text": document}}
        )
        if imported.is_error:
            print(imported.content[0].text)
            return 1
        listed = await client.call_tool("list_workflows", {})
        for workflow in listed.structured_content["items"]:
            print(workflow["id"], workflow["status"], workflow["name"], sep="  ")
    return 0


if __name__ == "__main__":
    sys.exit(anyio.run(main, Path(sys.argv[1]).read_text(encoding="utf-8"), sys.argv[2:]))
