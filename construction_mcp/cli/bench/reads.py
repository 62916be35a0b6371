"""What a Procore read costs above the upstream's own time, and whether it touches the database.

The upstream's own time is what the same request takes without us: a raw request over a kept connection, in turn with
each call. Every call asks for what changed since another day, so that no answer is one kept from before.
"""

import json
import statistics
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, timedelta

from construction_mcp.cli.bench.effort import Effort
from construction_mcp.cli.bench.row import Budget, Row, share
from construction_mcp.cli.bench.sample import UNHINDERED, Sample, sampled
from construction_mcp.cli.bench.web import Line, get, post, require

TOOL, PATH = "list_procore_punch_items", "/rest/v1.1/punch_items"
PAGE, PAGE_MOST = 25, 100  # what the tool lists by default, and what Procore gives at once
_LONG_AGO = date(2000, 1, 1)
_FILTERS = "filters%5Bstatus%5D=open&filters%5Bupdated_at%5D={since}...2100-01-01"  # as the tool sends them
_WARMING = 5
_IMPORTED_S = 5.0  # the first call has the rest of the server imported beside it


@dataclass
class _Timed:
    """Milliseconds of raw requests and of the same reads through us, in turn; what the calls said of themselves."""

    raw: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    by_trace: list[float] = field(default_factory=list)
    statements: list[int] = field(default_factory=list)
    cached: int = 0
    cpu_ms: float | None = None


def reads(effort: Effort) -> list[Row]:
    """p95 above the upstream, by the caller's clock and by the trace, and the statements of a read."""
    rounds = effort.of(300, 40)
    with effort.room() as room, sampled(room, "off", UNHINDERED) as sample:
        sample.server.call(TOOL, project_id=sample.project_id)
        time.sleep(_IMPORTED_S)
        page = _time(sample, rounds, PAGE, _LONG_AGO)
        full = _time(sample, rounds // 3, PAGE_MOST, _LONG_AGO + timedelta(days=2 * rounds))
    spent = "" if page.cpu_ms is None else f", {page.cpu_ms:.1f} ms of it our processor's"
    note = f"{PAGE} records, {statistics.median(page.whole):.1f} ms{spent}; {page.cached} of {rounds} came from a cache"
    above, limits = [mine - theirs for mine, theirs in zip(page.whole, page.raw, strict=True)], Budget(5.0, scales=True)
    name = "Procore read above the upstream's own time"
    return [
        Row("reads", f"{name}, by the call's trace, p95", share(page.by_trace, 0.95), "ms", limits, note=note),
        Row("reads", f"{name}, by the caller's clock, p95", share(above, 0.95), "ms", limits),
        Row("reads", f"{name}, p50", statistics.median(above), "ms", None, "raw request", statistics.median(page.raw)),
        Row("reads", f"the same of a page of {PAGE_MOST}, by the trace, p95", share(full.by_trace, 0.95), "ms"),
        Row("reads", "SQL statements of a Procore read, most", max(page.statements + full.statements), "", Budget(0)),
    ]


def _time(sample: Sample, rounds: int, limit: int, since: date) -> _Timed:
    timed, began_cpu = _Timed(), None
    with closing(Line(sample.port)) as line:
        head = {"host": f"127.0.0.1:{sample.port}", "procore-company-id": str(sample.company_id)}
        head["authorization"] = f"Bearer {_token(line, sample)}"
        for at in range(-_WARMING, rounds):
            if at == 0:
                began_cpu = sample.server.cpu_s
            day = (since + timedelta(days=at + _WARMING)).isoformat()
            query = f"project_id={sample.project_id}&{_FILTERS.format(since=day)}&per_page={limit}&page=1"
            began = time.perf_counter()
            require(line.exchange(get(f"{PATH}?{query}", head)))
            between = time.perf_counter()
            called = sample.server.call(TOOL, project_id=sample.project_id, limit=limit, updated_since=day)
            ended = time.perf_counter()
            if at < 0:
                continue
            trace = called["_trace"]
            timed.raw.append((between - began) * 1000)
            timed.whole.append((ended - between) * 1000)
            timed.by_trace.append(trace["duration_ms"] - trace["upstream_ms"])
            timed.statements.append(trace["db_queries"])
            timed.cached += trace["upstream_requests"] == 0
    ended_cpu = sample.server.cpu_s
    if began_cpu is not None and ended_cpu is not None:
        timed.cpu_ms = (ended_cpu - began_cpu) * 1000 / rounds
    return timed


def _token(line: Line, sample: Sample) -> str:
    """A bearer of the simulator, as our server gets its own."""
    body = json.dumps({"grant_type": "client_credentials", **sample.credentials}).encode()
    answer = require(line.exchange(post("/oauth/token", body, {"host": f"127.0.0.1:{sample.port}"})))
    return str(json.loads(answer)["access_token"])
