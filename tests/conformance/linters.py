"""Judges of tool definitions, fed with what a stdio client gets from tools/list."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from construction_mcp.cli.bundle import manifest
from tests.conformance.instruments import Instruments
from tests.conformance.processes import ask_stdio
from tests.conformance.report import Row, Verdict, judged

BUDGETS = {"default": 24_000, "all": 80_000}
"""Most bytes of instructions and tools/list together (PRODUCT.md section 9)."""

_SELECTIONS = {"default": (), "all": ("--toolsets", "all")}
_HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "linters", "version": "1"}}
_FRAMES = (
    {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": _HELLO},
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}},
)
_RUN_S = 300

Judge = Callable[[Instruments, Path], Verdict]


def linters(instruments: Instruments, data_dir: Path, folder: Path, env: Mapping[str, str]) -> Iterator[Row]:
    """Every judge on the default listing and on `--toolsets all`."""
    judges: dict[str, Judge] = {
        "tdqs": _tdqs,
        "agent-friend": _agent_friend,
        "mcp-scanner (YARA)": _scanner,
        "mcp-quality": _quality,
    }
    for name, flags in _SELECTIONS.items():
        answers = ask_stdio(data_dir, _FRAMES, *flags, env=env)
        hello, listing = (next(answer["result"] for answer in answers if answer.get("id") == asked) for asked in (1, 2))
        yield judged(f"context, {name}", partial(_context, hello, listing, BUDGETS[name]))
        dump = folder / f"tools-{name}.json"
        dump.write_text(json.dumps({"tools": listing["tools"]}), encoding="utf-8")
        for label, judge in judges.items():
            yield judged(f"{label}, {name}", partial(judge, instruments, dump))
    yield judged("mcpb, the bundle's manifest", partial(_bundle, instruments, folder))


def _bundle(instruments: Instruments, folder: Path) -> Verdict:
    """The judge that an app's own installer uses."""
    path = folder / "manifest.json"
    path.write_text(json.dumps(manifest()), encoding="utf-8")
    done = subprocess.run(
        instruments.bundles("validate", str(path)), capture_output=True, text=True, timeout=_RUN_S, check=False
    )
    return done.returncode == 0, (done.stdout + done.stderr).strip()[-200:]


def _context(hello: Mapping[str, Any], listing: Mapping[str, Any], budget: int) -> Verdict:
    """What every conversation pays before it begins."""
    instructions = len(hello["instructions"].encode())
    tools = len(json.dumps(listing["tools"], separators=(",", ":"), ensure_ascii=False).encode())
    seen = f"{instructions} + {tools} bytes, {len(listing['tools'])} tools; at most {budget}"
    return instructions + tools <= budget and instructions < 1500, seen


def _tdqs(instruments: Instruments, dump: Path) -> Verdict:
    done = _run(instruments.judge("tdqs", "lint", "--file", str(dump), "--fail-on", "warning"))
    lines = [line.strip() for line in done.stdout.splitlines()]
    warnings = [line for line in lines if line.startswith(("warning", "error"))]
    return done.returncode == 0, "; ".join(warnings)[:1000] or lines[-1]


def _agent_friend(instruments: Instruments, dump: Path) -> Verdict:
    """Its warnings count, not its grade. It wants at most 50 tools; ours beyond those are found, not listed.

    A generic name is not counted where it is the contract's own: `input` of run_workflow is `trigger.input`.
    """
    array = dump.with_suffix(".array.json")
    array.write_text(json.dumps(json.loads(dump.read_bytes())["tools"]), encoding="utf-8")
    done = _run(instruments.judge("agent-friend", "validate", "--json", str(array)))
    issues = [one for one in json.loads(done.stdout)["issues"] if not _is_excused(one)]
    told = "; ".join(f"{one['tool']}: {one['message']}" for one in issues)
    return not issues, told[:1000] or "0 errors, 0 warnings"


def _is_excused(issue: Mapping[str, Any]) -> bool:
    named_so = issue["tool"] == "run_workflow" and "'input' has a generic name" in issue["message"]
    return issue["check"] == "tool_count_exceeds_limit" or named_so


def _scanner(instruments: Instruments, dump: Path) -> Verdict:
    """It exits 0 whatever it finds, so its JSON is read."""
    done = _run(instruments.scan("--analyzers", "yara", "--format", "raw", "static", "--tools", str(dump)))
    results = json.loads(done.stdout[done.stdout.index("{") :])["scan_results"]
    found = [one for one in results if not one["is_safe"] or one["status"] != "completed"]
    told = "; ".join(f"{one['tool_name']}: {one['findings']}" for one in found)
    expected = len(json.loads(dump.read_bytes())["tools"])
    return not found and len(results) == expected, told[:1000] or f"0 findings in {len(results)} tools"


def _quality(instruments: Instruments, dump: Path) -> Verdict:
    """Informative: its grade weighs what we do not control, as the number of tools."""
    done = _run(instruments.judge("mcp-quality", "static", "--json", str(dump)))
    return None, " ".join(done.stdout.split())[:100] if "{" not in done.stdout else _grade(json.loads(done.stdout))


def _grade(report: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {report[key]}" for key in ("score", "grade", "verdict") if key in report)


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    offline = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_COLOR": "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=_RUN_S, env=offline, check=False)
