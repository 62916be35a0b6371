"""What is measured from inside: scripts in tests/perf, which a clone of the repository has and an installation has not.

Each script runs in a process of its own and prints one JSON object; here its numbers become lines of the table.
"""

import json
import subprocess
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import construction_mcp
from construction_mcp.cli.bench.effort import Effort, clean_environment, module
from construction_mcp.cli.bench.row import Budget, Row
from construction_mcp.core.errors import Unavailable

ROOT = Path(construction_mcp.__file__).parent.parent
SCRIPTS = ROOT / "tests" / "perf"
NEEDS_CLONE = "needs a clone of the repository: tests/perf is not in the wheel"
SQLITE, DBOS = "raw SQLite", "DBOS on SQLite"
_PATIENCE_S = 900.0
_COMPILE_MS: Mapping[int, float] = {5: 2.0, 20: 5.0, 50: 10.0, 100: 20.0}
_STEPS_MS: Mapping[str, float] = {"10 steps": 10.0, "50 steps": 40.0, "100 steps": 80.0, "fan-out of 100": 15.0}
_STEPS_PER_S: Mapping[int, float] = {20: 3000.0, 100: 5000.0}


def missing() -> str | None:
    """Why this installation cannot measure from inside; None where it can."""
    return None if SCRIPTS.is_dir() else NEEDS_CLONE


def status(effort: Effort) -> list[Row]:
    """`workflow://{id}/status` beside its own statement on raw SQLite."""
    executions = effort.of(1_000_000, 20_000)
    found = _script("beside_sqlite", effort, "--executions", str(executions))
    name = f"workflow://{{id}}/status uncached, {executions:,} executions stored"
    raw = found["raw_sqlite"]
    return [
        Row("status", f"{name}, p95", found["server"]["p95_ms"], "ms", Budget(5.0, scales=True), SQLITE, raw["p95_ms"]),
        Row("status", "statements of one status", found["statements"], "", Budget(1)),
        Row("status", "table scans of that statement", len(found["table_scans"]), "", Budget(0)),
    ]


def compiling(effort: Effort) -> list[Row]:
    """p90 of compiling workflows of 5 to 100 actions; nothing else compiles them, so there is no baseline."""
    found = _script("bench_compile", effort, "--rounds", str(effort.of(50, 10)), fails=True)
    p90 = {int(row["actions"]): row["p90_ms"] for row in found["rows"]}
    return [
        Row("compile", f"compile {actions} actions, p90", p90[actions], "ms", Budget(most, scales=True))
        for actions, most in _COMPILE_MS.items()
    ]


def engine(effort: Effort) -> list[Row]:
    """Durable executions of steps that do nothing, and many at once, beside DBOS on SQLite where it is installed."""
    found = _script("bench_engine", effort, "--rounds", str(effort.of(9, 3)))
    here, dbos = found["here"], found["dbos"]
    note = "" if dbos else f"{DBOS} is not installed"
    rows = [
        Row("engine", f"execution, {name}, p50", here[f"{name}, ms"], "ms", Budget(most, scales=True), DBOS,
            dbos.get(f"{name}, ms"), note)
        for name, most in _STEPS_MS.items()
    ]  # fmt: skip
    return rows + [
        Row("engine", f"throughput, {places} executions at once", here[f"{places} at once, steps/s"], "steps/s",
            Budget(least, ">=", scales=True), DBOS, dbos.get(f"{places} at once, steps/s"), note)
        for places, least in _STEPS_PER_S.items()
    ]  # fmt: skip


def commits(effort: Effort) -> list[Row]:
    """Commits of a chain of N steps, which may be N + 1."""
    found = _script("bench_commits", effort)
    return [
        Row("commits", f"commits of a chain of {row['steps']} steps", row["commits"], "", Budget(row["steps"] + 1))
        for row in found["rows"]
    ]


def accept(effort: Effort) -> list[Row]:
    """Deliveries taken over HTTP beside rows committed by raw SQLite; paced also while statistics run."""
    found = _script("bench_accept", effort, str(effort.of(5000, 500)), "--paced", str(effort.of(1000, 200)))
    paced = Budget(250.0, scales=True)
    return [
        Row("accept", "webhook accept, flooded", found["per_s"], "/s", Budget(1000.0, ">=", scales=True), SQLITE,
            found["raw_sqlite_per_s"], "raw: one row and one commit at a time, synchronous=FULL, no HTTP"),
        Row("accept", "webhook accept at 100/s, p99", found["paced"]["p99_ms"], "ms", paced),
        Row("accept", "the same while statistics run, p99", found["beside_statistics"]["p99_ms"], "ms", paced,
            note=f"{found['statistics']} statistics in that time"),
        Row("accept", "accepted and not stored", found["accepted"] - found["stored"], "", Budget(0)),
    ]  # fmt: skip


def event(effort: Effort) -> list[Row]:
    """From posting a delivery until the first step's body runs."""
    found = _script("bench_event", effort, "--events", str(effort.of(300, 40)))
    note = f"p50 {found['p50_ms']:.1f} ms, {found['events']} events"
    return [Row("event", "event to first step, p95", found["p95_ms"], "ms", Budget(20.0, scales=True), note=note)]


def baselines() -> dict[str, bool]:
    """The baselines that may be missing, and whether they are installed."""
    return {"dbos": find_spec("dbos") is not None}


def only_in_clone(measure: Callable[[Effort], list[Row]], name: str) -> Callable[[Effort], list[Row]]:
    """The measure, or one line that says why not."""

    def measured(effort: Effort) -> list[Row]:
        why = missing()
        return measure(effort) if why is None else [Row(name, name, None, "", note=why)]

    return measured


def _script(name: str, effort: Effort, *words: str, fails: bool = False) -> dict[str, Any]:
    """What `tests/perf/<name>.py` found. `fails`: its exit code judges budgets of its own, as the table does.

    Raises:
        Unavailable: it ended otherwise; with its last words.
    """
    with effort.room() as room:
        done = subprocess.run(  # noqa: S603 - a script of ours, as a list of words
            module(f"tests.perf.{name}", *words, "--json"),
            cwd=ROOT,
            env=clean_environment({"TMPDIR": str(room)}),
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines or done.returncode not in ({0, 1} if fails else {0}):
        raise Unavailable(f"tests.perf.{name} failed: {done.stderr[-500:] or done.stdout[-500:]}")
    found: dict[str, Any] = json.loads(lines[-1])
    return found
