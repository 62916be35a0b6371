"""`/metrics` of a real `serve` process: who may read it, that what was done is counted, and that nothing private is."""

import base64
import re
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families as plain_families
from starlette.applications import Starlette

from construction_mcp import __version__
from construction_mcp.bootstrap import House
from construction_mcp.core.config import Settings
from construction_mcp.core.errors import Invalid
from construction_mcp.core.launch import Launch
from construction_mcp.notify.signing import sign
from construction_mcp.server.auth import everybody
from construction_mcp.server.metrics import exposition, look, metrics_routes
from construction_mcp.store.database import Database
from tests.server.serving import LEGACY, Served, modern_call, modern_headers, serving

pytestmark = pytest.mark.anyio

SERIES_MAX = 1500  # of a process that has done a little of everything
VALUES_MAX = 60  # of one label
OPEN_METRICS = "application/openmetrics-text;version=1.0.0"
SUBJECT = "Slab edge at grid C7"
NOTE = {"key": "told", "type": "notify.log", "config": {"text": SUBJECT}}

Sample = tuple[str, Mapping[str, str], float]


class Scrape:
    """The samples of one answer."""

    def __init__(self, text: str, *, is_open: bool = False) -> None:
        self.families = list((open_families if is_open else plain_families)(text))
        self.samples: list[Sample] = [
            (one.name, one.labels, one.value) for family in self.families for one in family.samples
        ]

    def of(self, name: str, **labels: str) -> float:
        """The sum of all samples of that name with these labels among theirs."""
        return sum(value for own, has, value in self.samples if own == name and labels.items() <= has.items())


class Watched:
    """A served process, its numbers before and after what a test does."""

    def __init__(self, served: Served, http: httpx.AsyncClient) -> None:
        self.served, self.http = served, http

    async def scrape(self) -> Scrape:
        answer = await self.http.get("/metrics")
        assert answer.status_code == 200
        return Scrape(answer.text)

    async def call(self, tool: str, **arguments: Any) -> httpx.Response:
        """One tool call of 2026-07-28, answered as JSON."""
        answer = await self.http.post(
            "/mcp", json=modern_call(tool, arguments), headers=modern_headers("tools/call", tool)
        )
        assert answer.status_code == 200, answer.text
        return answer

    async def done(self, tool: str, **arguments: Any) -> Any:
        """What a call gave; it has to succeed."""
        result = (await self.call(tool, **arguments)).json()["result"]
        assert not result["isError"], result
        return result["structuredContent"]

    async def deployed(self, trigger: Mapping[str, Any]) -> tuple[str, Any]:
        """A running workflow of one step, and what deploying said."""
        made = await self.done("create_workflow", name="Tell", trigger=trigger, actions=[NOTE])
        workflow_id = made["workflow"]["id"]
        return workflow_id, await self.done("deploy_workflow", workflow_id=workflow_id)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """As everywhere, but for the module: its tests share one process."""
    return "asyncio"


@pytest.fixture(scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    async with serving(tmp_path_factory.mktemp("watched")) as served, served.http() as http:
        yield Watched(served, http)


async def test_it_asks_for_a_bearer(watched: Watched) -> None:
    async with httpx.AsyncClient(base_url=watched.served.origin, trust_env=False) as http:
        without = await http.get("/metrics")
        wrong = await http.get("/metrics", headers={"authorization": "Bearer nobodys"})

    assert (without.status_code, wrong.status_code) == (401, 401)
    assert "construction_mcp" not in without.text + wrong.text
    assert "x-construction-mcp-version" not in without.headers


async def test_a_viewers_bearer_is_enough(watched: Watched) -> None:
    """So that the collector need not hold the operator's."""
    _, bearer = await watched.served.user("viewer")
    async with watched.served.http(bearer) as http:
        answer = await http.get("/metrics")

    assert answer.status_code == 200


async def test_strict_parsers_read_both_formats(watched: Watched) -> None:
    """Source: OpenMetrics 1.0 and Prometheus "Exposition formats"; the OpenMetrics parser refuses what breaks them."""
    plain = await watched.http.get("/metrics", headers={"accept": "text/plain"})
    newer = await watched.http.get("/metrics", headers={"accept": f"{OPEN_METRICS},text/plain;q=0.5"})
    read, read_newer = Scrape(plain.text), Scrape(newer.text, is_open=True)

    assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert newer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert newer.text.endswith("# EOF\n")
    assert {family.name for family in read.families} == {family.name for family in read_newer.families}
    assert all(family.documentation for family in read.families)


async def test_a_tool_call_is_counted_and_its_answer_says_what_it_cost(watched: Watched) -> None:
    before = await watched.scrape()
    first = await watched.call("list_procore_projects")
    second = await watched.call("list_procore_projects")
    unknown = await watched.call("list_everything_" + "x" * 40)
    after = await watched.scrape()

    def more(name: str, **labels: str) -> float:
        return after.of(name, **labels) - before.of(name, **labels)

    operation = "mcp_server_operation_duration_seconds_count"
    assert more(operation, gen_ai_tool_name="list_procore_projects", error_type="") == 2
    assert more(operation, gen_ai_tool_name="_other", error_type="VALIDATION_UNKNOWN_TOOL") == 1
    assert more("http_server_request_duration_seconds_count", http_route="/mcp", http_response_status_code="200") == 3
    assert more("http_client_request_duration_seconds_count", http_response_status_code="200") == 1
    assert more("construction_mcp_cache_requests_total", cache="procore", result="miss") == 1
    assert more("construction_mcp_cache_requests_total", cache="procore", result="hit") == 1
    assert more("construction_mcp_cache_requests_total", cache="tokens", result="miss") == 1
    assert more("construction_mcp_tool_call_statements_count") == 3
    assert after.of("construction_mcp_procore_window_remaining_requests", window="hour") >= 1
    assert after.of("construction_mcp_procore_window_limit_requests", window="spike") >= 1
    assert first.headers["x-cache-status"] == "MISS"
    assert second.headers["x-cache-status"] == "HIT"
    assert first.headers["x-construction-mcp-version"] == __version__
    told = _timings(first)
    assert set(told) == {"db", "upstream", "total"}
    assert told["total"] >= told["upstream"] > 0
    assert _timings(second)["upstream"] == 0
    assert "server-timing" in unknown.headers


async def test_an_answer_framed_as_events_says_the_version_in_its_head_and_the_rest_in_its_meta(
    watched: Watched,
) -> None:
    """The head of a stream is on its way before the call has ended."""
    start = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": start}
    opened = await watched.http.post("/mcp", json=body)
    session = {"mcp-session-id": opened.headers["mcp-session-id"], "mcp-protocol-version": LEGACY}
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "list_workflows", "arguments": {}}}
    answer = await watched.http.post("/mcp", json=call, headers=session)
    after = await watched.scrape()

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-construction-mcp-version"] == __version__
    assert "server-timing" not in answer.headers
    assert '"duration_ms"' in answer.text
    assert after.of("mcp_server_operation_duration_seconds_count", mcp_method_name="initialize") >= 1


async def test_a_workflow_that_is_made_deployed_and_run_is_counted_at_each_step(watched: Watched) -> None:
    before = await watched.scrape()
    workflow_id, _ = await watched.deployed({"type": "manual"})
    ran = await watched.done("run_workflow", workflow_id=workflow_id, wait_s=20)
    after = await watched.scrape()

    def more(name: str, **labels: str) -> float:
        return after.of(name, **labels) - before.of(name, **labels)

    assert ran["execution"]["status"] == "completed"
    assert more("construction_mcp_workflows_created_total") == 1
    assert more("construction_mcp_workflow_compilations_total", result="valid") >= 1
    assert more("construction_mcp_workflows", status="active") == 1
    assert more("construction_mcp_executions_started_total", mode="live") == 1
    assert more("construction_mcp_executions_ended_total", mode="live", status="completed") == 1
    assert more("construction_mcp_execution_duration_seconds_count", status="completed") == 1
    assert more("construction_mcp_steps_ended_total", type="notify.log", status="completed") == 1
    assert more("construction_mcp_commit_duration_seconds_count") >= 3
    assert more("construction_mcp_commit_batch_size_sum") >= more("construction_mcp_commit_batch_size_count")
    assert more("db_client_operation_duration_seconds_count", db_collection_name="executions") >= 3
    assert after.of("construction_mcp_queue_length") == 0
    assert after.of("construction_mcp_queue_age_seconds") == 0


async def test_deliveries_are_counted_by_what_became_of_them(watched: Watched) -> None:
    _, told = await watched.deployed({"type": "webhook", "source": "custom"})
    before = await watched.scrape()
    answers = [
        (await _deliver(watched.http, told, "msg_1")).status_code,
        (await _deliver(watched.http, told, "msg_1")).status_code,
        (
            await _deliver(watched.http, told, "msg_2", secret="whsec_" + base64.b64encode(b"x" * 24).decode())
        ).status_code,
        (await _deliver(watched.http, told, "msg_3", body=b"no json")).status_code,
        (await watched.http.post("/webhooks/hk_nobodys", content=b"{}")).status_code,
    ]
    after = await watched.scrape()

    def more(name: str, **labels: str) -> float:
        return after.of(name, **labels) - before.of(name, **labels)

    arrived = "construction_mcp_webhook_deliveries_total"
    assert answers == [202, 202, 401, 400, 404]
    assert {
        outcome: more(arrived, source="custom", outcome=outcome)
        for outcome in ("accepted", "duplicate", "unauthorized", "invalid", "unavailable")
    } == {"accepted": 1, "duplicate": 1, "unauthorized": 1, "invalid": 1, "unavailable": 0}
    assert more(arrived, outcome="unknown_hook") == 1
    assert more("construction_mcp_webhook_decisions_total", outcome="started") == 1
    assert more("http_server_request_duration_seconds_count", http_route="/webhooks/{rest}") == 5


async def test_a_refusal_of_procores_and_the_try_after_it_are_counted(watched: Watched) -> None:
    before = await watched.scrape()
    fault = {"match": {"path": "*/companies"}, "do": "429"}
    await watched.http.post("/_sim/faults", json=[fault])
    await watched.done("list_procore_companies")
    after = await watched.scrape()

    sent = "http_client_request_duration_seconds_count"
    assert after.of(sent, error_type="429") - before.of(sent, error_type="429") == 1
    assert after.of("construction_mcp_procore_retries_total") - before.of("construction_mcp_procore_retries_total") == 1


async def test_no_label_holds_what_is_private_or_grows_with_the_data(watched: Watched) -> None:
    """After all of the above: ids, tokens, names and texts of records are nowhere, and every label's values are few."""
    workflow_id, told = await watched.deployed({"type": "webhook", "source": "custom"})
    await watched.done("run_workflow", workflow_id=workflow_id, wait_s=20)
    await watched.call("get_procore_project", project_id=99_123_456)
    await watched.http.get("/" + "secret" * 5)
    read = await watched.scrape()

    values: dict[str, set[str]] = {}
    for _, labels, _ in read.samples:
        for label, value in labels.items():
            values.setdefault(label, set()).add(value)
    del values["le"]
    every = set().union(*values.values())
    hook_id = told["webhook_url"].rpartition("/")[2]
    private = {watched.served.token or "", workflow_id, hook_id, told["webhook_secret"], SUBJECT, "99123456", "secret"}
    assert [one for one in every for word in private if word in one] == []
    assert [one for one in every if re.search(r"\d{5}|(wf|ex|dl|hk)_", one)] == []
    assert {label: len(found) for label, found in values.items() if len(found) > VALUES_MAX} == {}
    assert len(read.samples) < SERIES_MAX


async def test_the_process_tells_its_memory_descriptors_and_how_late_its_loop_is(watched: Watched) -> None:
    read = await watched.scrape()

    assert read.of("process_resident_memory_bytes") > 10_000_000
    assert read.of("process_open_fds") > 3
    assert read.of("construction_mcp_event_loop_lag_seconds_count") >= 1
    assert read.of("construction_mcp_build_info", version=__version__, environment="simulator") == 1


async def test_where_the_operator_says_so_everybody_may_read(tmp_path: Path) -> None:
    async with House(Settings(data_dir=tmp_path / "data", metrics_auth="none")) as house:
        app = Starlette(routes=metrics_routes(house, everybody()))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://here") as http:
            answer = await http.get("/metrics")

    assert answer.status_code == 200
    assert Scrape(answer.text).of("construction_mcp_database_up") == 1


async def test_a_store_that_does_not_answer_hides_nothing_else(tmp_path: Path) -> None:
    async with House(Settings(data_dir=tmp_path / "data")) as house:
        await (await house.services.get(Database)).close()
        text, _ = exposition(await look(house))

    read = Scrape(text.decode())
    assert read.of("construction_mcp_database_up") == 0
    assert read.of("process_open_fds") > 0


def test_the_setting_has_two_values(tmp_path: Path) -> None:
    from construction_mcp.core.config import load_settings

    with pytest.raises(Invalid, match="METRICS_AUTH"):
        load_settings(Launch(data_dir=str(tmp_path)), {"CONSTRUCTION_MCP_METRICS_AUTH": "open"})


def _timings(answer: httpx.Response) -> dict[str, float]:
    """Source: W3C Server Timing, section 3."""
    parts = [one.strip().split(";dur=") for one in answer.headers["server-timing"].split(",")]
    return {name: float(ms) for name, ms in parts}


async def _deliver(
    http: httpx.AsyncClient, told: Mapping[str, Any], message_id: str, *, secret: str | None = None, body: bytes = b"{}"
) -> httpx.Response:
    """A delivery as Standard Webhooks signs it."""
    at = str(int(time.time()))
    key = base64.b64decode((secret or told["webhook_secret"]).removeprefix("whsec_"))
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": at,
        "webhook-signature": sign(key, message_id, at, body),
    }
    return await http.post(httpx.URL(told["webhook_url"]).path, content=body, headers=headers)
