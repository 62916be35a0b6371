"""The load test: `python -m tests.perf.load.run [--quick] [--locust COMMAND] [--save FILE] [--against FILE]`.

A real `serve` process on loopback, and Locust in front of it (`pip install locust`, here or in an environment of its
own: --locust its/bin/locust). Phases: 10 people creating, 10 deploying, 20 and 100 executing, then 20 for long with the
server's memory watched. Fails on an error rate of 1 % or more, and where memory does not settle.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from construction_mcp.cli.bench.effort import ours
from construction_mcp.cli.bench.pipe import family
from construction_mcp.cli.bench.web import speaking

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
ERRORS_MAX = 0.01
GROWTH_MB_MAX = 30.0  # over the second half of the sustained phase, when caches are full
LOOK_S = 1.0


@dataclass(frozen=True)
class Phase:
    """People of one kind, at once, for so long."""

    name: str
    kind: str
    people: int
    seconds: int


PHASES = (
    Phase("10 creating", "Creating", 10, 20),
    Phase("10 deploying", "Deploying", 10, 20),
    Phase("20 executing", "Executing", 20, 20),
    Phase("100 executing", "Executing", 100, 30),
    Phase("20 sustained", "Sustained", 20, 180),
)


class Memory:
    """Resident megabytes of a process and its children, looked at every second while the block lasts."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.seen: list[float] = []

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(LOOK_S):
            self.seen.append(sum(_resident_mb(pid) for pid in family(self._pid)))

    @property
    def growth_mb(self) -> float:
        """From the middle of the time to its end."""
        return round(self.seen[-1] - self.seen[len(self.seen) // 2], 1) if self.seen else 0.0


def _resident_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def run_phase(phase: Phase, locust: str, url: str, token: str, pid: int) -> dict[str, Any]:
    """What Locust counted, and the memory beside it."""
    command = [locust, "-f", str(LOCUSTFILE), phase.kind, "--headless", "--json", "--host", url, "--loglevel", "ERROR"]
    people = ["-u", str(phase.people), "-r", str(phase.people), "-t", f"{phase.seconds}s", "-s", "30"]
    with Memory(pid) as memory:
        done = subprocess.run(
            [*command, *people],
            env={**os.environ, "LOAD_TOKEN": token},
            capture_output=True,
            text=True,
            timeout=phase.seconds + 180,
            check=False,
        )
    start = done.stdout.find("[")
    assert start >= 0, done.stderr[-2000:]
    calls = {entry["name"]: counted(entry) for entry in json.loads(done.stdout[start:])}
    requests = sum(one["requests"] for one in calls.values())
    failures = sum(one["failures"] for one in calls.values())
    assert requests, f"Locust sent nothing: {done.stderr[-2000:]}"
    return {
        **asdict(phase),
        "requests": requests,
        "error_rate": round(failures / requests, 5) if requests else 1.0,
        "calls": calls,
        "memory_mb": {"first": memory.seen[0], "last": memory.seen[-1], "growth_second_half": memory.growth_mb},
    }


def counted(entry: dict[str, Any]) -> dict[str, Any]:
    """Requests, failures and percentiles of one tool, in milliseconds."""
    times = sorted((float(ms), count) for ms, count in entry["response_times"].items())
    total = sum(count for _, count in times)

    def percentile(part: float) -> float:
        seen = 0
        for ms, count in times:
            seen += count
            if seen >= part * total:
                return ms
        return 0.0

    shares = {f"p{int(part * 100)}_ms": percentile(part) for part in (0.5, 0.9, 0.95, 0.99)}
    return {"requests": entry["num_requests"], "failures": entry["num_failures"], **shares}


def table(phases: list[dict[str, Any]], stored: dict[str, Any] | None) -> str:
    """A line for each tool of each phase; beside a stored run, how many times its p95."""
    before = {phase["name"]: phase["calls"] for phase in stored["phases"]} if stored else {}
    lines = [f"{'phase':<16}{'tool':<20}{'requests':>9}{'failed':>8}{'p50':>8}{'p90':>8}{'p95':>8}{'p99':>8}  before"]
    for phase in phases:
        for tool, one in phase["calls"].items():
            old = before.get(phase["name"], {}).get(tool)
            beside = f"{one['p95_ms'] / old['p95_ms']:.2f} x" if old and old["p95_ms"] else "-"
            times = "".join(f"{one[name]:>8.0f}" for name in ("p50_ms", "p90_ms", "p95_ms", "p99_ms"))
            lines.append(f"{phase['name']:<16}{tool:<20}{one['requests']:>9}{one['failures']:>8}{times}  {beside}")
        memory = phase["memory_mb"]
        lines.append(
            f"{'':<16}error rate {phase['error_rate']:.2%}; memory {memory['first']:.0f} to {memory['last']:.0f} MB, "
            f"{memory['growth_second_half']:+.1f} MB in the second half"
        )
    return "\n".join(lines)


def broken(phases: list[dict[str, Any]]) -> list[str]:
    """What may not be."""
    found = [f"{one['name']}: {one['error_rate']:.2%} failed" for one in phases if one["error_rate"] >= ERRORS_MAX]
    grown = [one for one in phases if one["kind"] == "Sustained"]
    found += [
        f"{one['name']}: {one['memory_mb']['growth_second_half']} MB more in the second half"
        for one in grown
        if one["memory_mb"]["growth_second_half"] > GROWTH_MB_MAX
    ]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="5 s a phase")
    parser.add_argument("--locust", default=shutil.which("locust"), help="the locust command")
    parser.add_argument("--save", type=Path, help="keep the report as JSON")
    parser.add_argument("--against", type=Path, help="compare with a report that was kept")
    args = parser.parse_args()
    if args.locust is None:
        print("Locust is not installed: pip install locust, or name one with --locust.", file=sys.stderr)
        return 2
    environ = {"CONSTRUCTION_MCP_MAX_EXECUTIONS": "100", "CONSTRUCTION_MCP_LOG_LEVEL": "error"}
    phases = []
    with tempfile.TemporaryDirectory() as folder:
        serve = [*ours(Path(folder), "serve"), "--port", "0", "--json"]
        with speaking(serve, environ) as (said, process):
            url = said["mcp"].removesuffix("/mcp")
            for phase in PHASES:
                chosen = Phase(phase.name, phase.kind, phase.people, 5) if args.quick else phase
                phases.append(run_phase(chosen, args.locust, url, said["token"], process.pid))
                print(f"{phase.name} done", file=sys.stderr, flush=True)
    stored = json.loads(args.against.read_text(encoding="utf-8")) if args.against else None
    print(table(phases, stored))
    if args.save:
        kept = {
            "day": datetime.now(UTC).date().isoformat(),
            "quick": args.quick,
            "cores": os.cpu_count(),
            "load_average": os.getloadavg(),
            "phases": phases,
        }
        args.save.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    problems = broken(phases)
    print("\n".join(problems) or f"Every phase is below {ERRORS_MAX:.0%} errors.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
