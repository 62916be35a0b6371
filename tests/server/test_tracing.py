"""Spans: what a served process tells a collector, whose trace a call belongs to, and what is told to nobody."""

import json
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("opentelemetry.sdk", reason="the extra `otel` is not installed")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from construction_mcp.bootstrap import House
from construction_mcp.core import spans
from construction_mcp.core.config import Settings
from construction_mcp.core.types import local_principal
from construction_mcp.registry.catalog import View
from construction_mcp.registry.dispatch import Call
from construction_mcp.server.result import run_tool
from construction_mcp.server.tracing import OpenTelemetry, tracing
from tests.server.serving import ACCEPT, Served, modern_call, modern_headers, serving

pytestmark = pytest.mark.anyio

SUBJECT = "Slab edge at grid C7"
NOTE = {"key": "told", "type": "notify.log", "config": {"text": SUBJECT}}
CALLERS, IN_META, STRANGERS = ("a1" * 16, "b2" * 16, "c3" * 16)


def parent(trace_id: str) -> str:
    """Source: W3C Trace Context, section 3.2: version, trace, span, sampled."""
    return f"00-{trace_id}-{'d4' * 8}-01"


class Collector:
    """An OTLP receiver: what arrived, whole and read."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.bodies: list[bytes] = []

    @property
    def spans(self) -> list[Span]:
        read = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return [
            span for one in read for told in one.resource_spans for scope in told.scope_spans for span in scope.spans
        ]

    def of(self, trace_id: str) -> list[Span]:
        return [span for span in self.spans if span.trace_id.hex() == trace_id]

    def ancestry(self, span: Span) -> list[str]:
        """The names from this span up to the first that was not told here."""
        by_id = {one.span_id: one for one in self.spans}
        names = []
        while span is not None:
            names.append(span.name)
            span = by_id.get(span.parent_span_id)  # type: ignore[assignment]  # None ends the walk
        return names


@contextmanager
def collecting() -> Iterator[Collector]:
    """A receiver on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return None

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = Collector(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield collector
        server.shutdown()


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """As everywhere, but for the module: its tests look at what one process told."""
    return "asyncio"


@pytest.fixture(scope="module")
async def told(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Collector]:
    """Everything that a process told in its life: it has ended, so nothing is on its way any more."""
    with collecting() as collector:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "CONSTRUCTION_MCP_LOG_LEVEL": "warning"}
        async with serving(tmp_path_factory.mktemp("told"), environ=environ) as served, served.http() as http:
            await _live(served, http)
            code = await served.stop()
        assert code == 0
        yield collector


async def _live(served: Served, http: httpx.AsyncClient) -> None:
    async def call(tool: str, *, meta: Mapping[str, str] | None = None, trace: str | None = None, **given: Any) -> Any:
        body = modern_call(tool, given)
        body["params"]["_meta"] |= meta or {}
        carried = {"traceparent": parent(trace)} if trace else {}
        answer = await http.post("/mcp", json=body, headers={**modern_headers("tools/call", tool), **carried})
        return answer.json()["result"]["structuredContent"]

    await call("list_procore_projects", trace=CALLERS)
    await call("list_workflows", trace=STRANGERS, meta={"traceparent": parent(IN_META)})
    async with httpx.AsyncClient(base_url=served.origin, headers=ACCEPT, trust_env=False) as stranger:
        await stranger.post("/mcp", json={}, headers={"traceparent": parent(STRANGERS)})
        await stranger.post("/webhooks/hk_x", json={}, headers={"traceparent": parent(STRANGERS)})
    made = await call("create_workflow", name="Tell", trigger={"type": "manual"}, actions=[NOTE])
    await call("deploy_workflow", workflow_id=made["workflow"]["id"])
    ran = await call("run_workflow", workflow_id=made["workflow"]["id"], wait_s=20)
    assert ran["execution"]["status"] == "completed"


async def test_a_call_is_told_inside_the_callers_trace_down_to_procore(told: Collector) -> None:
    (asked,) = [one for one in told.of(CALLERS) if one.name.startswith("GET ")]

    assert asked.name == "GET /rest/v1.1/projects"
    assert told.ancestry(asked)[-2:] == ["tools/call list_procore_projects", "POST /mcp"]
    (entry,) = [one for one in told.of(CALLERS) if one.name == "POST /mcp"]
    assert entry.parent_span_id.hex() == "d4" * 8
    assert _attributes(entry)["http.response.status_code"] == "200"


async def test_the_parent_in_the_message_outranks_that_of_its_request(told: Collector) -> None:
    """Source: MCP SEP-414; a client in between may have made the request on its own."""
    names = [one.name for one in told.of(IN_META)]

    assert "tools/call list_workflows" in names
    assert any(name.startswith("workflows.") for name in names)


async def test_a_strangers_parent_is_not_believed(told: Collector) -> None:
    """Neither without a bearer nor at the webhooks' door. The trace is known from one call that was verified."""
    assert [one.name for one in told.of(STRANGERS)] == ["POST /mcp"]


async def test_an_execution_is_a_trace_with_its_steps_and_statements(told: Collector) -> None:
    (step,) = [one for one in told.spans if one.name == "step notify.log"]
    written = [one for one in told.spans if one.name == "transitions.finish"]

    assert told.ancestry(step) == ["step notify.log", "execution"]
    assert "execution" in told.ancestry(written[0])
    assert _attributes(written[0]) == {"db.system.name": "sqlite", "db.query.summary": "transitions.finish"}


async def test_nothing_private_is_told(told: Collector) -> None:
    whole = b"".join(told.bodies)

    assert b"construction-mcp" in whole
    assert SUBJECT.encode() not in whole
    assert b"INSERT" not in whole
    assert b"earer" not in whole


@pytest.fixture
def kept() -> Iterator[InMemorySpanExporter]:
    """Spans of this process, kept in memory."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    spans.listen(OpenTelemetry(provider))
    yield exporter
    spans.listen(None)


async def test_statements_are_told_where_they_were_asked_for_though_another_thread_ran_them(
    tmp_path: Path, kept: InMemorySpanExporter
) -> None:
    async with House(Settings(data_dir=tmp_path / "data")) as house:
        with spans.span("a call"):
            outcome, trace = await run_tool(house, "list_workflows", {}, Call(local_principal(), View()))

    found: dict[str, ReadableSpan] = {one.name: one for one in kept.get_finished_spans()}
    call, page = found["a call"], found["workflows.page"]
    assert not outcome.is_error
    assert page.parent is not None
    assert page.parent.span_id == call.context.span_id
    assert call.start_time <= page.start_time <= page.end_time <= call.end_time
    assert sum(one.startswith("workflows.") for one in found) <= trace.db_queries


async def test_a_block_that_fails_is_told_by_its_code_and_not_by_its_words(kept: InMemorySpanExporter) -> None:
    from construction_mcp.core.errors import Invalid

    with pytest.raises(Invalid), spans.span("a step"):
        raise Invalid(f"{SUBJECT} is no subject.", code="VALIDATION_INVALID")

    (span,) = kept.get_finished_spans()
    assert (span.attributes or {})["error.type"] == "VALIDATION_INVALID"
    assert not span.status.is_ok
    assert SUBJECT not in json.dumps(json.loads(span.to_json()))


def test_while_nobody_listens_a_span_is_nothing() -> None:
    assert spans.listener() is None
    assert spans.span("one") is spans.span("another", "client", a=1)


def test_without_the_extra_there_are_no_traces_and_a_line_that_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}):
        listening = spans.listener()

    assert listening is None
    assert "construction-mcp[otel]" in caplog.text


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_nobody_listens_unless_a_place_is_named(environ: dict[str, str]) -> None:
    with tracing(environ):
        assert spans.listener() is None


def _attributes(span: Span) -> dict[str, str]:
    return {one.key: str(one.value.string_value or one.value.int_value) for one in span.attributes}
