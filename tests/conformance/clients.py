"""The MCP Inspector's command line, as a client that shares no code with ours or the SDK's."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tests.conformance.instruments import Instruments
from tests.conformance.processes import SERVER
from tests.conformance.report import Row, Verdict, judged

ERAS = ("legacy", "modern")
_RUN_S = 60
_REQUESTS = (
    ("tools/list", (), lambda answer: any(tool["name"] == "find_tools" for tool in answer["tools"])),
    (
        "tools/call",
        ("--tool-name", "find_tools", "--tool-arg", "query=health"),
        lambda answer: answer["structuredContent"]["items"][0]["name"] == "get_system_health",
    ),
    ("resources/list", (), lambda answer: bool(answer["resources"])),
    ("resources/templates/list", (), lambda answer: bool(answer["resourceTemplates"])),
    (
        "resources/read",
        ("--uri", "construction://errors"),
        lambda answer: "SYSTEM_INTERNAL" in answer["contents"][0]["text"],
    ),
    ("prompts/list", (), lambda answer: isinstance(answer["prompts"], list)),
)


def inspector(
    instruments: Instruments, addresses: Mapping[str, Any], data_dir: Path, env: Mapping[str, str]
) -> Iterator[Row]:
    """Lists, calls and reads over stdio, HTTP and SSE in both eras."""
    paths = ["-e", f"PYTHONPATH={env['PYTHONPATH']}"] if env["PYTHONPATH"] else []
    stdio = [*paths, "--", *SERVER, "--data-dir", str(data_dir)]
    targets = {
        "stdio": (["--transport", "stdio"], stdio),
        "http": (["--transport", "http", "--server-url", addresses["mcp"]], []),
        "sse": (["--transport", "sse", "--server-url", addresses["sse"]], []),
    }
    for transport, (flags, target) in targets.items():
        for era in ERAS:
            judge = partial(_judge, instruments, [*flags, "--protocol-era", era], target)
            yield judged(f"Inspector {transport}, {era}", judge)


def _judge(instruments: Instruments, flags: list[str], target: list[str]) -> Verdict:
    for method, arguments, expected in _REQUESTS:
        command = instruments.inspector(*flags, "--format", "json", "--quiet", "--method", method, *arguments, *target)
        done = subprocess.run(command, capture_output=True, text=True, timeout=_RUN_S, check=False)
        if done.returncode != 0:
            return False, f"{method}: exit {done.returncode}: {done.stderr.strip()[-300:]}"
        answer = json.loads(done.stdout)
        if not expected(answer.get("result", answer)):
            return False, f"{method}: unexpected answer {done.stdout[:300]}"
    return True, f"{len(_REQUESTS)} requests"
