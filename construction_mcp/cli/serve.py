"""`construction-mcp serve`: one long-running server for a team, over HTTP."""

import argparse
import os

from construction_mcp.cli import launch_of
from construction_mcp.core.errors import Invalid
from construction_mcp.core.launch import PREFIX, truth

HELP = "Serve MCP over HTTP: Streamable HTTP at /mcp, legacy SSE at /sse, health."
EXAMPLES = """\
  construction-mcp serve                              on http://127.0.0.1:8765, token shown once
  construction-mcp serve --port 0 --json              any free port; one line of JSON says where
  CONSTRUCTION_MCP_PUBLIC_URL=https://mcp.example.com \\
    construction-mcp serve --host 0.0.0.0             behind a reverse proxy
"""
_PORT = 8765


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", metavar="ADDRESS", help="where to listen (127.0.0.1)")
    parser.add_argument("--port", metavar="N", help=f"0 picks a free one ({_PORT})")
    parser.add_argument("--token-file", metavar="FILE", help="where the bearer token is kept (in the data directory)")
    parser.add_argument("--no-auth", action="store_true", help="ask for no token; only on loopback")


def run(args: argparse.Namespace) -> int:
    from construction_mcp.server.serve import ServeOptions, run_serve

    options = ServeOptions(
        host=args.host or os.environ.get(PREFIX + "HOST") or "127.0.0.1",
        port=_port(args.port or os.environ.get(PREFIX + "PORT")),
        no_auth=args.no_auth or truth(os.environ.get(PREFIX + "NO_AUTH"), PREFIX + "NO_AUTH"),
        as_json=args.json,
    )
    run_serve(launch_of(args), options)
    return 0


def _port(value: str | None) -> int:
    if value is None:
        return _PORT
    if not (value.isascii() and value.isdigit() and int(value) <= 65535):
        raise Invalid(f"--port is {value!r}; it must be a whole number from 0 to 65535.")
    return int(value)
