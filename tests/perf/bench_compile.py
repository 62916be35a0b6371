"""The compiler's budget: `python -m tests.perf.bench_compile --json`.

Workflows of 5 to 1,000 actions, each with a condition on every tenth action, a state variable per five, a retry policy
and templates (PRODUCT.md section 9). Every round compiles a workflow whose expressions no round before had; the process
is warm otherwise, as a server is after its first workflow. An engine checks expressions that differ in steps and whole
numbers alone once, so `new_engine_ms` tells what a workflow costs where nothing was checked and no type described yet.
"""

import argparse
import json
import statistics
import sys
import time
from typing import Any

from construction_mcp.actions.catalogue import Catalogue
from construction_mcp.expressions.cel import CelEngine
from construction_mcp.workflow.compiler import compile_plan
from construction_mcp.workflow.definition import Definition
from construction_mcp.workflow.facts import Facts

GOALS_MS = {5: 2.0, 20: 5.0, 50: 10.0, 100: 20.0}
LARGE = 1000
FACTS = Facts(environment="simulator", company_id=1)
RETRY = {"max_attempts": 5, "initial_s": 2, "max_s": 300}


def workflow_of(actions: int, first: int = 0) -> Definition:
    """Reads, transforms and mails in groups of five, each with its own state variable and texts numbered from first."""
    groups = [_group(first + at) for at in range(-(-actions // 5))]
    written = [action for group in groups for action in group][:actions]
    for at, action in enumerate(written):
        action["retry"] = RETRY
        if at % 10 == 3:
            action["condition"] = f"steps.{written[at - 1]['key']}.output.total > {first + at} && vars.limit < 500"
    return Definition.model_validate(
        {
            "name": f"{actions} actions",
            "project_id": 7,
            "trigger": {"type": "schedule", "cron": "0 9 * * 1-5", "timezone": "America/Chicago"},
            "variables": {
                "notify_to": {"type": "email", "value": "super@example.com"},
                "limit": {"type": "number", "default": 100},
            },
            "actions": written,
        }
    )


def _group(at: int) -> list[dict[str, Any]]:
    rfis, late = f"rfis_{at}", f"late_{at}"
    return [
        {"key": f"told_{at}", "type": "state.get", "config": {"name": f"told_{at}", "default": 0}},
        {
            "key": rfis,
            "type": "procore.rfi.list",
            "config": {"status": "open", "overdue": True, "limit": 50 + at % 1000},
        },
        {
            "key": f"found_{at}",
            "type": "procore.submittal.list",
            "config": {"status": "open", "limit": 60 + at % 1000},
        },
        {
            "key": late,
            "type": "transform.filter",
            "config": {"items": f"{{{{ steps.{rfis}.output.items }}}}", "where": f"item.days_overdue > {at}"},
        },
        {
            "key": f"mail_{at}",
            "type": "notify.email",
            "config": {
                "to": "{{ vars.notify_to }}",
                "subject": f"{{{{ size(steps.{late}.output.items) }}}} late RFIs, part {at}",
                "body": f"Project {{{{ project.id }}}}: {{{{ steps.{rfis}.output.total + {at} }}}} are overdue.",
            },
        },
    ]


def measure(actions: int, rounds: int) -> dict[str, float]:
    """p50 and p90 of a compilation in ms, and the median of those by an engine that never checked anything."""
    types, engine = Catalogue(), CelEngine()
    definitions = [workflow_of(actions, first=at * actions) for at in range(rounds + 1)]
    first = compile_plan(definitions[0], FACTS, types, engine)
    assert not first.problems, first.problems[:3]
    times = [_timed(definition, types, engine) for definition in definitions[1:]]
    return {
        "actions": actions,
        "p50_ms": statistics.median(times),
        "p90_ms": statistics.quantiles(times, n=10)[-1],
        "new_engine_ms": statistics.median(_timed(definition, types, CelEngine()) for definition in definitions[1:6]),
    }


def _timed(definition: Definition, types: Catalogue, engine: CelEngine) -> float:
    started = time.perf_counter()
    compile_plan(definition, FACTS, types, engine)
    return (time.perf_counter() - started) * 1000


def main() -> int:
    """Print the table; 1 where a budget is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--rounds", type=int, default=50, help="compilations of each size")
    options = parser.parse_args()
    rows = [measure(actions, options.rounds) for actions in (*GOALS_MS, LARGE // 4, LARGE)]
    per_action = {row["actions"]: row["p50_ms"] / row["actions"] for row in rows}
    growth = per_action[LARGE] / per_action[100]
    if options.json:
        print(json.dumps({"rows": rows, "growth_100_to_1000": growth}))
    else:
        for row in rows:
            print("  ".join(f"{name} {value:8.2f}" for name, value in row.items()))
        print(f"time per action at {LARGE} actions is {growth:.2f} x that at 100")
    missed = [row for row in rows if row["p90_ms"] > GOALS_MS.get(int(row["actions"]), float("inf"))]
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
