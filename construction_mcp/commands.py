"""What can be asked of a data directory besides MCP: one function each, run by the CLI or by the owner it asks."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from construction_mcp.bootstrap import House

Command = Callable[[House, Mapping[str, Any]], Awaitable[dict[str, Any]]]

COMMANDS: dict[str, Command] = {}
