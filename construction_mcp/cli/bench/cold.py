"""From spawning a process to its first answers, over stdio, and the memory that takes.

Round by round each server once, so that a noisy moment hits all alike. The data directory exists already, as it does
after the first start of all; the first round is thrown away.
"""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from construction_mcp.cli.bench.effort import Effort, bare, ours
from construction_mcp.cli.bench.pipe import Pipe
from construction_mcp.cli.bench.row import Budget, Row, share

OURS, BARE, HIGH, BRIDGE = "ours", "bare SDK server", "MCPServer (FastMCP)", "bridge"
CALLS: Mapping[str, tuple[str, dict[str, Any]]] = {
    OURS: ("find_tools", {"query": "rfi"}),
    BRIDGE: ("find_tools", {"query": "rfi"}),
    BARE: ("echo", {"query": "rfi"}),
    HIGH: ("echo", {"query": "rfi"}),
}
_FIRST = Budget(0.10, of="ratio")
_P95 = Budget(100.0, scales=True)
_CALL = Budget(1.0, of="ratio")
_MEMORY = Budget(1.25, of="ratio")


@dataclass
class Starts:
    """What the starts of one server took: milliseconds since the spawn, megabytes, processor seconds."""

    opened: list[float] = field(default_factory=list)
    listed: list[float] = field(default_factory=list)
    called: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def cold(effort: Effort) -> list[Row]:
    """Both eras: to the opening's answer, to the first listing, to the first call; peak memory; the bridge the same."""
    with effort.room() as room:
        commands = {OURS: ours(room / "own"), BARE: bare("low", "stdio"), HIGH: bare("high", "stdio")}
        rows = []
        for modern in (False, True):
            found = _rounds(commands, effort.of(15, 3), modern=modern)
            rows += _start_rows(found, OURS, "2026-07-28" if modern else "handshake", opening=_opening(modern=modern))
            if not modern:
                rows.append(_memory_row(found))
        with _owner(room / "shared"):
            commands = {BRIDGE: ours(room / "shared"), BARE: bare("low", "stdio")}
            found = _rounds(commands, effort.of(15, 3), modern=False)
            rows += _start_rows(found, BRIDGE, "bridge", opening=_opening(modern=False))
    return rows


def bare_start_s(effort: Effort) -> float:
    """How long a bare SDK server takes here to its first answer: by this, machines are compared."""
    found = _rounds({BARE: bare("low", "stdio")}, effort.of(7, 2), modern=False)
    return statistics.median(found[BARE].opened) / 1000


def _opening(*, modern: bool) -> str:
    return "server/discover" if modern else "initialize"


@contextmanager
def _owner(data_dir: Path) -> Iterator[None]:
    """Somebody who owns the directory, so that the next process becomes a bridge."""
    with Pipe(ours(data_dir)) as owner:
        owner.open()
        owner.call("find_tools", query="rfi")
        yield


def _rounds(commands: Mapping[str, Sequence[str]], rounds: int, *, modern: bool) -> dict[str, Starts]:
    found = {name: Starts() for name in commands}
    for at in range(rounds + 1):
        for name, command in commands.items():
            _once(command, CALLS[name], found[name] if at else Starts(), modern=modern)
    return found


def _once(command: Sequence[str], call: tuple[str, dict[str, Any]], into: Starts, *, modern: bool) -> None:
    tool, arguments = call
    with Pipe(command) as server:
        server.open(modern=modern)
        into.opened.append(server.age_ms)
        server.ask("tools/list", modern=modern)
        into.listed.append(server.age_ms)
        server.ask("tools/call", {"name": tool, "arguments": arguments}, modern=modern)
        into.called.append(server.age_ms)
        memory, cpu = server.rss_peak_mb, server.cpu_s
        into.memory += [] if memory is None else [memory]
        into.cpu += [] if cpu is None else [cpu]


def _start_rows(found: Mapping[str, Starts], who: str, era: str, *, opening: str) -> list[Row]:
    here, beside = found[who], found[BARE]
    high = f"; {HIGH} {statistics.median(found[HIGH].opened):.0f} ms" if HIGH in found else ""

    def row(what: str, mine: list[float], theirs: list[float], budget: Budget, note: str = "") -> Row:
        return Row(
            "cold", f"{era}: spawn to {what}, p50", statistics.median(mine), "ms", budget, BARE,
            statistics.median(theirs), note,
        )  # fmt: skip

    def p95(what: str, mine: list[float]) -> Row:
        return Row("cold", f"{era}: spawn to {what}, p95", share(mine, 0.95), "ms", _P95)

    return [
        row(opening, here.opened, beside.opened, _FIRST, f"{len(here.opened)} starts{high}"),
        p95(opening, here.opened),
        row("first tools/list", here.listed, beside.listed, _FIRST),
        p95("first tools/list", here.listed),
        row("first tools/call answered", here.called, beside.called, _CALL, _cpu(here, beside)),
    ]


def _cpu(here: Starts, beside: Starts) -> str:
    if not here.cpu or not beside.cpu:
        return ""
    return f"processor {statistics.median(here.cpu):.2f} s, bare {statistics.median(beside.cpu):.2f} s"


def _memory_row(found: Mapping[str, Starts]) -> Row:
    name = "peak memory after the first call, stdio"
    if not found[OURS].memory:
        return Row("cold", name, None, "MB", _MEMORY, BARE, note="this system does not tell a process's peak")
    mine, theirs = (statistics.median(found[who].memory) for who in (OURS, BARE))
    high = f"{HIGH} {statistics.median(found[HIGH].memory):.0f} MB"
    return Row("cold", name, mine, "MB", _MEMORY, BARE, theirs, high)
