"""Calls to a warm server over stdio, of a tool that does no I/O."""

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from construction_mcp.cli.bench.cold import BARE, CALLS, HIGH, OURS
from construction_mcp.cli.bench.effort import Effort, bare, ours
from construction_mcp.cli.bench.pipe import Pipe, frame
from construction_mcp.cli.bench.row import Budget, Row

AT_ONCE = 10
_WARMING = 30


@dataclass
class Calls:
    """Milliseconds of calls one by one; calls per second with ten under way; processor milliseconds of a call."""

    alone_ms: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)


def warm(effort: Effort) -> list[Row]:
    """p50 of one call after another, and calls per second with ten in flight."""
    with effort.room() as room:
        commands = {OURS: ours(room), BARE: bare("low", "stdio"), HIGH: bare("high", "stdio")}
        found = {name: Calls() for name in commands}
        for _ in range(effort.of(7, 2)):
            for name, command in commands.items():
                with Pipe(command) as server:
                    _measure(server, CALLS[name], found[name], effort.of(400, 60), effort.of(1500, 150))
    here, beside, high = found[OURS], found[BARE], found[HIGH]
    return [
        Row(
            "warm", "warm tools/call over stdio, p50", statistics.median(here.alone_ms), "ms",
            Budget(0.7, of="ratio"), BARE, statistics.median(beside.alone_ms),
            f"{HIGH} {statistics.median(high.alone_ms):.2f} ms",
        ),
        Row(
            "warm", f"calls over stdio, {AT_ONCE} in flight", statistics.median(here.rates), "/s",
            Budget(2.0, ">=", of="ratio"), BARE, statistics.median(beside.rates),
            f"{HIGH} {statistics.median(high.rates):.0f}/s; {cpu_note(here.cpu_ms, beside.cpu_ms)}",
        ),
    ]  # fmt: skip


def cpu_note(mine: list[float], theirs: list[float]) -> str:
    """Processor time of a call on both sides, which a busy machine does not stretch."""
    if not mine or not theirs:
        return ""
    return f"processor {statistics.median(mine):.2f} ms a call, bare {statistics.median(theirs):.2f} ms"


def _measure(server: Pipe, call: tuple[str, Mapping[str, Any]], into: Calls, alone: int, together: int) -> None:
    params = {"name": call[0], "arguments": call[1]}
    server.open()
    for _ in range(_WARMING):
        server.ask("tools/call", params)
    for _ in range(alone):
        began = time.perf_counter()
        server.ask("tools/call", params)
        into.alone_ms.append((time.perf_counter() - began) * 1000)
    before = server.cpu_s
    into.rates.append(_together(server, params, together))
    after = server.cpu_s
    if before is not None and after is not None:
        into.cpu_ms.append((after - before) * 1000 / together)


def _together(server: Pipe, params: Mapping[str, Any], total: int) -> float:
    """Calls per second, ten under way at any time."""
    frames = [frame(1000 + at, "tools/call", params) + b"\n" for at in range(total)]
    began = time.perf_counter()
    server.write(b"".join(frames[:AT_ONCE]))
    sent, done = AT_ONCE, 0
    while done < total:
        came = len(server.answers())
        done += came
        server.write(b"".join(frames[sent : sent + came]))
        sent += came
    return total / (time.perf_counter() - began)
