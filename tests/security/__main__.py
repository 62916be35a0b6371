"""The security goals as one table: `python -m tests.security`; a Markdown one with `--markdown`."""

import sys
import tomllib
from pathlib import Path
from typing import Any

GOALS = Path(__file__).with_name("goals.toml")


def goals() -> dict[str, dict[str, Any]]:
    """Every goal by its id."""
    return tomllib.loads(GOALS.read_text(encoding="utf-8"))


def measured(goal: dict[str, Any]) -> str:
    """What is known of it: the last full-length run, or that every run of the tests measures it, or what is missing."""
    parts = [goal.get("measured") or ("not measured" if not goal["tested"] else "by every run of the tests")]
    if "full" in goal:
        parts.append(f"full length: {goal['full']}")
    if "missing" in goal:
        parts.append(f"missing: {goal['missing']}")
    return "; ".join(parts)


def rows() -> list[tuple[str, str, str, str]]:
    """Id, goal, measured, where tested."""
    return [(name, goal["goal"], measured(goal), ", ".join(goal["tested"]) or "-") for name, goal in goals().items()]


def main() -> None:
    head = ("id", "goal", "measured", "where")
    if "--markdown" in sys.argv:
        print("\n".join(f"| {' | '.join(row)} |" for row in [head, ("---",) * len(head), *rows()]))
        return
    for name, goal, found, where in rows():
        print(f"{name:<4} {goal}\n     {found}\n     {where}")


if __name__ == "__main__":
    main()
