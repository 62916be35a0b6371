"""One row per check, one table, one exit code."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

Verdict = tuple[bool | None, str]
"""Whether it passed (None: informative) and what was seen."""


@dataclass(frozen=True, slots=True)
class Row:
    check: str
    passed: bool | None
    seen: str
    seconds: float


def judged(check: str, judge: Callable[[], Verdict]) -> Row:
    """Run one check, timed, and say so at once: a run of minutes must not look dead."""
    started = time.perf_counter()
    passed, seen = judge()
    row = Row(check, passed, seen, time.perf_counter() - started)
    print(_line(row, len(check)), flush=True)
    return row


def table(rows: Iterable[Row]) -> int:
    """Print all rows; 0 when none failed."""
    rows = list(rows)
    width = max(len(row.check) for row in rows)
    print("\nConformance, clients and linters", *(_line(row, width) for row in rows), sep="\n")
    failed = [row.check for row in rows if row.passed is False]
    print(
        f"{len(rows) - len(failed)} of {len(rows)} checks passed" + (f"; failed: {', '.join(failed)}" if failed else "")
    )
    return 1 if failed else 0


def _line(row: Row, width: int) -> str:
    mark = {True: "pass", False: "FAIL", None: "info"}[row.passed]
    return f"  {mark}  {row.check:{width}}  {row.seconds:6.1f} s  {row.seen}"
