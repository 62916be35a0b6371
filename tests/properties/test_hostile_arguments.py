"""Hostile shapes over every tool, through a real stdio server (security.md R7)."""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.properties.shapes import hostile, is_unstorable, is_written_by_hand, minimal, write
from tests.stdio_process import StdioProcess

GROWTH_MAX_KB = 20 * 1024
REFUSED_FRAMES = {-32700, -32600, -32602}
"""What the transport itself may answer to a frame that is no valid JSON of sane depth and size."""

FAMILIES = "AUTH|PROCORE|WORKFLOW|EXECUTION|APPROVAL|VALIDATION|IDEMPOTENCY|WEBHOOK|NOTIFY|SYSTEM"
ERROR = {
    "type": "object",
    "required": ["error"],
    "additionalProperties": False,
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "details", "retryable"],
            "additionalProperties": False,
            "properties": {
                "code": {
                    "type": "string",
                    "pattern": f"^({FAMILIES})_",
                },
                "message": {"type": "string", "minLength": 1},
                "details": {"type": "object"},
                "retryable": {"type": "boolean"},
                "retry_after_s": {"type": "number"},
                "next": {
                    "type": "object",
                    "required": ["tool", "arguments", "why"],
                    "additionalProperties": False,
                    "properties": {
                        "tool": {"type": "string"},
                        "arguments": {"type": "object"},
                        "why": {"type": "string"},
                    },
                },
            },
        }
    },
}
"""PRODUCT.md section 4, "Errors"."""
KEEPS_ERROR_SHAPE = jsonschema.Draft202012Validator(ERROR)

REFUSALS = ("VALIDATION_", "PROCORE_", "WEBHOOK_NO_PUBLIC_URL", "AUTH_STATE_INVALID")
"""A well-formed call about nothing gets further than validation: Procore knows no such record, the server has no public
address, a confirmation was not given here."""


@dataclass(frozen=True, slots=True)
class Told:
    """A call and its answer in words, put together only when something is wrong with them."""

    name: str
    arguments: Mapping[str, Any]
    answer: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.name}({json.dumps(self.arguments)[:300]}) answered {json.dumps(self.answer)[:600]}"


class Server:
    """One process, every tool it lists and their full schemas."""

    def __init__(self, process: StdioProcess) -> None:
        self.process = process
        process.open_live()
        self.listed = [tool["name"] for tool in process.ask("tools/list")["result"]["tools"]]
        self.schemas = {name: self._schemas(name) for name in self.listed}
        self.validators = {
            (name, side): jsonschema.Draft202012Validator(schema)
            for name, schemas in self.schemas.items()
            for side, schema in schemas.items()
            if side in ("input", "output")
        }

    def call(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a tools/call; a refusal that could not name the request counts as its answer."""
        frame = {"jsonrpc": "2.0", "id": "now", "method": "tools/call"}
        self.process.send_bytes(write({**frame, "params": {"name": name, "arguments": arguments}}))
        while (answer := self.process.read()).get("id", "") not in ("now", None):
            pass
        return answer

    def memory_kb(self) -> int:
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))

    def _schemas(self, name: str) -> dict[str, Any]:
        contents = self.process.ask("resources/read", {"uri": f"construction://schemas/{name}"})["result"]["contents"]
        schemas: dict[str, Any] = json.loads(contents[0]["text"])
        return schemas


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("hostile")
    command = (sys.executable, "-m", "tests.properties.unhurried")
    with StdioProcess(folder / "data", "--toolsets", "all", plugins=False, command=command) as process:
        yield Server(process)


def judge(server: Server, name: str, arguments: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    """A refusal in our shape with a code that says whose fault it is, or an answer that keeps its schema.

    A value of the right form that only Procore can judge, such as a company nobody knows, is refused in Procore's name.
    """
    told = Told(name, arguments, answer)
    if "error" in answer:
        assert answer["error"]["code"] in REFUSED_FRAMES, told
        assert is_written_by_hand(arguments) or "\\u" in json.dumps(arguments), told
        return
    result = answer["result"]
    if not result.get("isError"):
        assert not is_unstorable(arguments), f"accepted: {told}"
        assert server.validators[name, "input"].is_valid(arguments), f"accepted: {told}"
        server.validators[name, "output"].validate(result["structuredContent"])
        return
    KEEPS_ERROR_SHAPE.validate(result["structuredContent"])
    code = result["structuredContent"]["error"]["code"]
    assert code.startswith(REFUSALS) or code.endswith("_NOT_FOUND"), told
    shown = json.dumps(answer)
    assert "Traceback" not in shown, told
    assert ".py" not in shown, told


def test_every_tool_refuses_hostile_arguments_and_does_not_grow(server: Server) -> None:
    """VALIDATION_* for each shape, never our own mistake; memory grows by less than 20 MB."""
    for name, schemas in server.schemas.items():
        judge(server, name, minimal(schemas["input"]), server.call(name, minimal(schemas["input"])))
        server.call(name, {"surprise": "x" * 1_000_000})
    before = server.memory_kb()

    for name, schemas in server.schemas.items():
        for arguments in hostile(schemas["input"]):
            judge(server, name, arguments, server.call(name, arguments))

    assert server.memory_kb() - before < GROWTH_MAX_KB


@pytest.mark.parametrize(
    "name", ["", "nothing", "find_tools ", "../find_tools", "x" * 100_000, "find\x00tools", "__class__"]
)
def test_an_unknown_tool_is_refused_whatever_its_name(server: Server, name: str) -> None:
    answer = server.call(name, {})

    error = answer["result"]["structuredContent"]["error"]
    assert error["code"] == "VALIDATION_UNKNOWN_TOOL"
    assert len(json.dumps(answer)) < 2000


def test_use_tool_answers_what_a_direct_call_answers(server: Server) -> None:
    """Success or refusal, for every tool; counters and times apart."""
    for name, schemas in server.schemas.items():
        if name == "use_tool":
            continue
        for arguments in ({"surprise": 1}, {**minimal(schemas["input"]), "surprise": 1}, {}):
            if jsonschema.Draft202012Validator(schemas["input"]).is_valid(arguments):
                continue
            direct = server.call(name, arguments)["result"]
            through = server.call("use_tool", {"name": name, "arguments": arguments})["result"]

            assert through["structuredContent"] == direct["structuredContent"]
    direct = server.call("find_tools", {"query": "workflow"})["result"]
    through = server.call("use_tool", {"name": "find_tools", "arguments": '{"query": "workflow"}'})["result"]
    assert through["structuredContent"] == {"result": direct["structuredContent"]}


def test_listing_imports_no_tool_even_in_the_live_server() -> None:
    """`sys.modules` of a process that built the server and listed everything through an MCP client."""
    import subprocess

    code = """
import asyncio, sys, tempfile
from pathlib import Path
from mcp.client.client import Client
from construction_mcp.bootstrap import House
from construction_mcp.core.config import Settings
from construction_mcp.core.types import Principal, Role
from construction_mcp.registry.catalog import View
from construction_mcp.server.app import build_server

async def main():
    async with House(Settings(data_dir=Path(tempfile.mkdtemp()))) as house:
        server = build_server(house, View(("all",)), lambda _: Principal("local:0", Role.ADMIN))
        async with Client(server) as client:
            assert len((await client.list_tools()).tools) > 5

asyncio.run(main())
print(*(name for name in sys.modules if name.startswith("construction_mcp.toolsets.")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.split() == []
