"""What a Procore read costs above the upstream's own time, and whether it touches the database.

The upstream's own time is what the same request takes without us: a raw request over a kept connection, in turn with
each call. Every call names another limit, so that no answer is one kept from before.
"""

import json
import statistics
import time
from contextlib import closing

from construction_mcp.cli.bench.effort import Effort
from construction_mcp.cli.bench.row import Budget, Row, share
from construction_mcp.cli.bench.sample import UNHINDERED, Sample, sampled
from construction_mcp.cli.bench.web import Line, get, post, require

TOOL, PATH = "list_procore_punch_items", "/rest/v1.1/punch_items"
_FILTERS = "filters%5Bstatus%5D=open"  # what the tool asks for by default
_WARMING = 5
_IMPORTED_S = 5.0  # the first call has the rest of the server imported beside it


def reads(effort: Effort) -> list[Row]:
    """p95 above the upstream, by the caller's clock and by the trace, and the statements of a read."""
    with effort.room() as room, sampled(room, "off", UNHINDERED) as sample:
        return _measure(sample, effort.of(300, 40))


def _measure(sample: Sample, rounds: int) -> list[Row]:
    raw, whole, by_trace, statements, cached = [], [], [], [], 0
    cpu: float | None = None
    sample.server.call(TOOL, project_id=sample.project_id)  # an idle connection would be closed
    time.sleep(_IMPORTED_S)
    with closing(Line(sample.port)) as line:
        head = {"host": f"127.0.0.1:{sample.port}", "procore-company-id": str(sample.company_id)}
        head["authorization"] = f"Bearer {_token(line, sample)}"
        for at in range(-_WARMING, rounds):
            if at == 0:
                cpu = sample.server.cpu_s
            limit = at % 97 + 1
            path = f"{PATH}?project_id={sample.project_id}&{_FILTERS}&per_page={limit}&page=1"
            began = time.perf_counter()
            require(line.exchange(get(path, head)))
            between = time.perf_counter()
            trace = sample.server.call(TOOL, project_id=sample.project_id, limit=limit)["_trace"]
            ended = time.perf_counter()
            if at < 0:
                continue
            raw.append((between - began) * 1000)
            whole.append((ended - between) * 1000)
            by_trace.append(trace["duration_ms"] - trace["upstream_ms"])
            statements.append(trace["db_queries"])
            cached += trace["upstream_requests"] == 0
    after = sample.server.cpu_s
    spent = "" if cpu is None or after is None else f", {(after - cpu) * 1000 / rounds:.1f} ms of it our processor's"
    note = f"a call takes {statistics.median(whole):.1f} ms{spent}; {cached} of {rounds} came from a cache"
    above, limits = [mine - theirs for mine, theirs in zip(whole, raw, strict=True)], Budget(5.0, scales=True)
    name = "Procore read above the upstream's own time"
    return [
        Row("reads", f"{name}, by the caller's clock, p95", share(above, 0.95), "ms", limits, note=note),
        Row("reads", f"{name}, p50", statistics.median(above), "ms", None, "raw request", statistics.median(raw)),
        Row("reads", f"{name}, by the call's trace, p95", share(by_trace, 0.95), "ms", limits),
        Row("reads", "SQL statements of a Procore read, most", max(statements), "", Budget(0)),
    ]


def _token(line: Line, sample: Sample) -> str:
    """A bearer of the simulator, as our server gets its own."""
    body = json.dumps({"grant_type": "client_credentials", **sample.credentials}).encode()
    answer = require(line.exchange(post("/oauth/token", body, {"host": f"127.0.0.1:{sample.port}"})))
    return str(json.loads(answer)["access_token"])
