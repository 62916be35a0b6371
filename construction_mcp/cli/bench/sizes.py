"""What a conversation pays: the start-up context, and the answers of every reading tool on the sample data.

A token is counted as four bytes of the text that goes over the wire, as clients estimate it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from construction_mcp.cli.bench.effort import Effort, ours
from construction_mcp.cli.bench.pipe import Pipe
from construction_mcp.cli.bench.row import Budget, Row
from construction_mcp.cli.bench.sample import UNHINDERED, Sample, sampled
from construction_mcp.core.errors import Unavailable

BYTES_OF_A_TOKEN = 4
LIMIT_MOST = 100
_WORDS: Mapping[str, Any] = {"query": "rfi", "goal": "mail me the overdue RFIs every weekday at 9"}
_ENDINGS = ("s", "es")


def sizes(effort: Effort) -> list[Row]:
    """Bytes of instructions and listing; tokens of the largest answer, by default and asked for as much as goes."""
    with effort.room() as room, sampled(room / "sample", "off", UNHINDERED) as sample:
        by_default, at_most = dict(_answers(sample, most=False)), dict(_answers(sample, most=True))
        default, everything = _context(room / "own"), _context(room / "own", "--toolsets", "all")
    count = f"{len(by_default)} reading tools"
    return [
        Row("sizes", "start-up context (instructions + default tools/list)", default, "bytes", Budget(24_000)),
        Row("sizes", "the same with --toolsets all", everything, "bytes", Budget(80_000)),
        _largest("largest answer by default", by_default, 2_000, count),
        _largest("largest answer with limit 100 and full detail", at_most, 25_000, count),
    ]


def _largest(name: str, answers: Mapping[str, int], budget: int, count: str) -> Row:
    tool = max(answers, key=lambda one: answers[one])
    return Row("sizes", name, answers[tool] / BYTES_OF_A_TOKEN, "tokens", Budget(budget), note=f"{tool}, of {count}")


def _context(data_dir: Path, *flags: str) -> int:
    with Pipe(ours(data_dir, *flags)) as server:
        told = server.open()
        listed = server.ask("tools/list")
    return len(told["instructions"].encode()) + _bytes(listed)


def _answers(sample: Sample, *, most: bool) -> Iterator[tuple[str, int]]:
    """Bytes of the answer of each reading tool whose arguments can be found."""
    tools = sample.server.ask("tools/list")["tools"]
    workflow_id = sample.server.call(
        "create_workflow_from_template", template_id=_first(sample, "list_templates"), project_id=sample.project_id
    )["workflow"]["id"]
    known = {**_WORDS, "project_id": sample.project_id, "workflow_id": workflow_id}
    names = [tool["name"] for tool in tools]
    for tool in tools:
        if not tool.get("annotations", {}).get("readOnlyHint"):
            continue
        arguments = _arguments(sample, tool, names, known)
        if arguments is None:
            continue
        if most:
            asked = {"limit": LIMIT_MOST, "detail": "full"}
            arguments |= {name: asked[name] for name in asked if name in tool["inputSchema"]["properties"]}
        result = sample.server.ask("tools/call", {"name": tool["name"], "arguments": arguments})
        if not result.get("isError"):
            yield tool["name"], _bytes({name: result[name] for name in ("content", "structuredContent")})


def _arguments(
    sample: Sample, tool: Mapping[str, Any], names: Sequence[str], known: Mapping[str, Any]
) -> dict[str, Any] | None:
    """What a caller has to send, about the first record there is; None where it cannot be guessed."""
    schema = tool["inputSchema"]
    given = {name: known[name] for name in schema.get("required", ()) if name in known}
    record = tool["name"].removeprefix("get_")
    lists = [f"list_{record}{ending}" for ending in _ENDINGS if f"list_{record}{ending}" in names]
    own = f"{record.removeprefix('procore_')}_id"
    if lists and own in schema["properties"]:
        found = _first(sample, lists[0], **({"project_id": sample.project_id} if "procore" in record else {}))
        if found is None:
            return None
        given[own] = found
    return given if set(schema.get("required", ())) <= set(given) else None


def _first(sample: Sample, tool: str, **arguments: Any) -> Any:
    """The id of the first item that is no folder; None without one."""
    try:
        items = sample.server.call(tool, **arguments)["items"]
    except Unavailable:
        return None
    return next((item["id"] for item in items if item.get("kind") != "folder"), None)


def _bytes(value: Any) -> int:
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())
