"""`construction-mcp bench`: every budget of the product contract measured, each beside its baseline in the same run.

One module per measure. Those that look at the server from outside work in any installation; those that measure from
inside are scripts in tests/perf, which are not in the wheel, and without them their lines say so.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from construction_mcp.cli import show
from construction_mcp.core.errors import ConstructionError

if TYPE_CHECKING:
    from construction_mcp.cli.bench.effort import Effort
    from construction_mcp.cli.bench.row import Row

HELP = "Measure every speed and size budget beside its baseline; for developers, most of it needs a clone."
EXAMPLES = """\
  construction-mcp bench                      everything: about 15 minutes on two quiet cores
  construction-mcp bench --quick              the same with few rounds: do not trust its percentiles
  construction-mcp bench --only cold,warm     some measures
  construction-mcp bench --check --scaled     exit code 1 when a budget is broken, scaled by how slow this machine is
  construction-mcp bench --save results       also DAY.json, DAY.md and DAY.svg in that directory

Measured from inside, with scripts that only a clone of the repository has (tests/perf): status, compile, commits,
engine, accept, event. Without a clone their lines say so. DBOS, the engine's baseline, is measured where it is
installed (pip install dbos); FastMCP is the SDK's own MCPServer. Nothing leaves this machine.
"""
MEASURES = (
    "cold",
    "warm",
    "http",
    "reads",
    "status",
    "compile",
    "commits",
    "engine",
    "accept",
    "event",
    "windows",
    "sizes",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", metavar="NAMES", type=_names, help=f"comma-separated: {', '.join(MEASURES)}")
    parser.add_argument("--quick", action="store_true", help="few rounds, for a first look")
    parser.add_argument("--check", action="store_true", help="exit code 1 when a budget is broken or a measure fails")
    parser.add_argument(
        "--scaled",
        action="store_true",
        help="scale absolute budgets of time by how long a bare SDK server takes to start here",
    )
    parser.add_argument("--save", metavar="DIR", type=Path, help="keep the run there: DAY.json, DAY.md, DAY.svg")


def run(args: argparse.Namespace) -> int:
    from construction_mcp.cli.bench.clone import baselines
    from construction_mcp.cli.bench.cold import bare_start_s
    from construction_mcp.cli.bench.effort import Effort
    from construction_mcp.cli.bench.machine import machine
    from construction_mcp.cli.bench.report import table, told

    with tempfile.TemporaryDirectory(prefix="construction-mcp-bench-", ignore_cleanup_errors=True) as folder:
        effort = Effort(Path(folder), quick=args.quick)
        seen = machine(bare_start_s(effort))
        rows = [row for name in args.only or MEASURES for row in _measured(name, effort)]
    slowness = seen["slowness"] if args.scaled else 1.0
    day = datetime.now(UTC).date().isoformat()
    kept = {
        "day": day,
        "quick": args.quick,
        "scaled": args.scaled,
        "machine": seen,
        "baselines": baselines(),
        "rows": [row.public(slowness) for row in rows],
    }
    if args.save is not None:
        _save(args.save, day, kept, rows, scaled=args.scaled)
    broken = [row.name for row in rows if row.budget is not None and not row.held(slowness)]
    missed = f"\n\nBroken or failed: {len(broken)}\n" + "\n".join(f"  {name}" for name in broken)
    ending = missed if broken else "\n\nEvery budget that was measured is held."
    show(args, kept, f"{told(seen, scaled=args.scaled)}\n\n{table(rows, slowness)}{ending}")
    return 1 if args.check and broken else 0


def _measures() -> Mapping[str, "Callable[[Effort], list[Row]]"]:
    from construction_mcp.cli.bench import clone
    from construction_mcp.cli.bench.cold import cold
    from construction_mcp.cli.bench.http_calls import http_calls
    from construction_mcp.cli.bench.reads import reads
    from construction_mcp.cli.bench.sizes import sizes
    from construction_mcp.cli.bench.warm import warm
    from construction_mcp.cli.bench.windows import windows

    inside = {
        "status": clone.status,
        "compile": clone.compiling,
        "commits": clone.commits,
        "engine": clone.engine,
        "accept": clone.accept,
        "event": clone.event,
    }
    outside = {"cold": cold, "warm": warm, "http": http_calls, "reads": reads, "windows": windows, "sizes": sizes}
    return outside | {name: clone.only_in_clone(measure, name) for name, measure in inside.items()}


def _measured(name: str, effort: "Effort") -> "list[Row]":
    """The lines of one measure; one that says what went wrong where it could not be taken."""
    from construction_mcp.cli.bench.row import Budget, Row

    print(f"measuring {name} ...", file=sys.stderr, flush=True)
    try:
        return _measures()[name](effort)
    except ConstructionError as problem:
        return [Row(name, name, None, "", Budget(0), note=problem.message)]


def _save(folder: Path, day: str, kept: Mapping[str, Any], rows: "Sequence[Row]", *, scaled: bool) -> None:
    from construction_mcp.cli.bench.report import page, plot

    folder.mkdir(parents=True, exist_ok=True)
    slowness = kept["machine"]["slowness"] if scaled else 1.0
    texts = {
        "json": json.dumps(kept, indent=1) + "\n",
        "md": page(rows, kept["machine"], day, scaled=scaled),
        "svg": plot(rows, slowness),
    }
    for suffix, text in texts.items():
        (folder / f"{day}.{suffix}").write_text(text, encoding="utf-8")


def _names(text: str) -> list[str]:
    """Raises argparse.ArgumentTypeError for a name that is no measure."""
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in MEASURES:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(MEASURES)}")
    return names
