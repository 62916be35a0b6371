"""The official conformance suite and a second, independent one."""

import json
import re
import subprocess
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from pathlib import Path

from tests.conformance.instruments import Instruments
from tests.conformance.report import Row, Verdict, judged

SCORED = {"2025-11-25": 30, "2026-07-28": 37}
"""How many scenarios count for each revision (requirements/*.yaml of the suite)."""

_BOTH = ("completion-complete", "tools-list", "server-sse-multiple-streams", "resources-list", "prompts-list")
GENERIC = {
    "2025-11-25": (*_BOTH, "dns-rebinding-protection", "server-initialize", "ping", "server-session-lifecycle"),
    "2026-07-28": (
        *_BOTH,
        "dns-rebinding-protection",
        "server-stateless",
        "sep-2164-resource-not-found",
        "caching",
        "http-header-validation",
    ),
}
"""What any server has to pass, whatever its tools are."""

_NEED_FIXTURES = {"sep-2575-server-rejects-undeclared-capability", "sep-2575-missing-capability-http-400"}
"""The checks of `server-stateless` that call the tool `test_missing_capability`."""

_FOLDER = re.compile(r"server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z")
_RUN_S = 300

Failures = Mapping[str, Collection[str]]
"""Scenario -> the ids of its checks that failed."""


def scored(instruments: Instruments, url: str, folder: Path) -> Iterator[Row]:
    """Every scenario that counts, against a server with the fixtures."""
    for revision, count in SCORED.items():
        yield judged(f"conformance {revision}, fixtures", partial(_scored, instruments, url, revision, folder, count))


def generic(instruments: Instruments, url: str, folder: Path) -> Iterator[Row]:
    """The scenarios that need no fixture, against the server as it is installed."""
    for revision, wanted in GENERIC.items():
        yield judged(f"conformance {revision}, plain", partial(_generic, instruments, url, revision, folder, wanted))


def mcpcheck(instruments: Instruments, url: str) -> Row:
    """jbt-mcpcheck: eight read-only checks of 2026-07-28."""

    def judge() -> Verdict:
        done = _run(instruments.judge("jbt-mcpcheck", url))
        last = done.stdout.strip().rpartition("\n")[2]
        return done.returncode == 0 and last.startswith("All 8 checks passed"), last or done.stderr[-300:]

    return judged("jbt-mcpcheck", judge)


def _scored(instruments: Instruments, url: str, revision: str, folder: Path, count: int) -> Verdict:
    """The suite's exit code judges the scored scenarios and ignores the others."""
    code, failures, unscored = _results(instruments, url, revision, folder / f"scored-{revision}")
    counted = failures.keys() - unscored
    passed = [name for name in counted if not failures[name]]
    bad = sorted(counted - set(passed))
    seen = f"{len(passed)}/{count} scored" + (f"; failed: {', '.join(bad)}" if bad else "")
    return code == 0 and len(passed) == count, seen


def _generic(instruments: Instruments, url: str, revision: str, folder: Path, wanted: Collection[str]) -> Verdict:
    _, failures, _ = _results(instruments, url, revision, folder / f"plain-{revision}")
    bad = [name for name in wanted if set(failures.get(name, {"it did not run"})) - _NEED_FIXTURES]
    return not bad, f"failed: {', '.join(bad)}" if bad else f"{len(wanted)}/{len(wanted)} generic scenarios"


def _results(instruments: Instruments, url: str, revision: str, folder: Path) -> tuple[int, Failures, set[str]]:
    """Exit code, what failed, and the scenarios that are run without being scored."""
    folder.mkdir(parents=True)
    done = _run(instruments.conformance("server", "--url", url, "--requirements", revision, "-o", str(folder)))
    failures = {}
    for path in folder.glob("*/checks.json"):
        found = _FOLDER.fullmatch(path.parent.name)
        assert found, path
        checks = json.loads(path.read_bytes())
        failures[found[1]] = [check["id"] for check in checks if check["status"] == "FAILURE"]
    unscored = done.stdout.rpartition("Not scored for")[2]
    return done.returncode, failures, set(re.findall(r"^\s+[✓✗] ([\w-]+) \(", unscored, re.MULTILINE))


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=_RUN_S, check=False)
