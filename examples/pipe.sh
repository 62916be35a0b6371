#!/usr/bin/env bash
# MCP with nothing but a pipe: one JSON-RPC message a line, answers on stdout.
#
#   examples/pipe.sh
#   CONSTRUCTION_MCP=.venv/bin/construction-mcp examples/pipe.sh --data-dir ./workspace
#
# Whatever was read before the end of input is answered, so no waiting is needed between the lines.
set -euo pipefail

server=${CONSTRUCTION_MCP:-construction-mcp}

$server "$@" <<'MESSAGES'
{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"pipe","version":"1"}}}
{"jsonrpc":"2.0","method":"notifications/initialized"}
{"jsonrpc":"2.0","id":2,"method":"tools/list"}
{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"find_tools","arguments":{"query":"write a workflow","limit":3}}}
MESSAGES
