"""The wire: the only room that imports `mcp`. `app` maps MCP methods to the dispatcher; the rest are transports."""
