"""Calls over HTTP as of 2026-07-28 to a warm server, of a tool that does no I/O; only ours asks for a bearer."""

import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack

from construction_mcp.cli.bench.cold import BARE, CALLS, HIGH, OURS
from construction_mcp.cli.bench.effort import Effort, bare, ours
from construction_mcp.cli.bench.pipe import MODERN, cpu_of, frame
from construction_mcp.cli.bench.row import Budget, Row
from construction_mcp.cli.bench.warm import AT_ONCE, Calls, cpu_note
from construction_mcp.cli.bench.web import Line, flood, post, require, speaking

_NOT_SLOWER = Budget(1.0, ">=", of="ratio")
_WARMING = 50


def http_calls(effort: Effort) -> list[Row]:
    """Calls per second, one and ten in flight, beside a bare low-level server that has its schemas at hand."""
    with effort.room() as room, ExitStack() as stack:
        said, mine = stack.enter_context(speaking([*ours(room, "serve"), "--port", "0", "--json"]))
        ports = {OURS: int(said["mcp"].rpartition(":")[2].partition("/")[0])}
        processes = {OURS: mine}
        for name, kind in ((BARE, "low"), (HIGH, "high")):
            told, processes[name] = stack.enter_context(speaking(bare(kind, "http")))
            ports[name] = told["port"]
        bearer = {"authorization": f"Bearer {said['token']}"}
        requests = {
            name: _request(name, {"host": f"127.0.0.1:{port}", **(bearer if name == OURS else {})})
            for name, port in ports.items()
        }
        found = {name: Calls() for name in ports}
        for _ in range(effort.of(7, 2)):
            for name, port in ports.items():
                _measure(port, requests[name], found[name], processes[name].pid, effort)
    return _rows(found[OURS], found[BARE], found[HIGH])


def _rows(here: Calls, beside: Calls, high: Calls) -> list[Row]:
    alone, together = (f"2026-07-28 calls over HTTP, {count} in flight" for count in (1, AT_ONCE))

    def per_s(calls: Calls) -> float:
        return 1000 / statistics.median(calls.alone_ms)

    return [
        Row("http", alone, per_s(here), "/s", _NOT_SLOWER, BARE, per_s(beside), f"{HIGH} {per_s(high):.0f}/s"),
        Row(
            "http", together, statistics.median(here.rates), "/s", _NOT_SLOWER, BARE, statistics.median(beside.rates),
            f"{HIGH} {statistics.median(high.rates):.0f}/s; {cpu_note(here.cpu_ms, beside.cpu_ms)}",
        ),
    ]  # fmt: skip


def _request(name: str, headers: Mapping[str, str]) -> Callable[[int], bytes]:
    tool, arguments = CALLS[name]
    params = {"name": tool, "arguments": arguments}
    said = {"mcp-protocol-version": MODERN, "mcp-method": "tools/call", "mcp-name": tool, **headers}
    return lambda number: post("/mcp", frame(number, "tools/call", params, modern=True), said)


def _measure(port: int, request: Callable[[int], bytes], into: Calls, pid: int, effort: Effort) -> None:
    line = Line(port)
    for number in range(_WARMING):
        require(line.exchange(request(number)))
    for number in range(effort.of(200, 40)):
        began = time.perf_counter()
        require(line.exchange(request(number)))
        into.alone_ms.append((time.perf_counter() - began) * 1000)
    line.close()
    total, before = effort.of(500, 120), cpu_of(pid)
    into.rates.append(flood(port, request, total, AT_ONCE))
    after = cpu_of(pid)
    if before is not None and after is not None:
        into.cpu_ms.append((after - before) * 1000 / total)
