"""OpenTelemetry behind `core/spans.py`, for `serve` with the extra `otel` and a place to send spans to.

Where to and how is said by OpenTelemetry's own variables, as its exporters read them. A caller's `traceparent` is taken
from a verified HTTP request, and by the SDK from `_meta` of an MCP message, which outranks it. What we send carries
none: not to Procore, nor to mail servers, webhooks or other hosts. Only a question back to the very client carries its
own.

Source: OpenTelemetry "SDK configuration by environment variables"; MCP SEP-414, trace context in `_meta`.
"""

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from construction_mcp import __version__
from construction_mcp.core import spans
from construction_mcp.core.errors import ConstructionError
from construction_mcp.core.spans import Kind, Value

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span as TheirSpan

log = logging.getLogger(__name__)

_FLUSHED_WITHIN_S = 2.0  # of the ten that ending may take: spans are the last thing worth waiting for
_PLACES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


@contextmanager
def tracing(environ: Mapping[str, str]) -> Iterator[None]:
    """Send spans while the block runs, if the environment names a place and the extra is installed."""
    if not _is_wanted(environ):
        yield
        return
    try:
        provider = _provider()
    except ImportError as missing:
        log.warning("no traces: %s is not installed; pip install 'construction-mcp[otel]' brings it", missing.name)
        yield
        return
    spans.listen(OpenTelemetry(provider))
    try:
        yield
    finally:
        spans.listen(None)
        # In a thread that may be left behind: an exporter that reaches nobody tries for longer than we have.
        flush = threading.Thread(target=provider.shutdown, daemon=True)
        flush.start()
        flush.join(_FLUSHED_WITHIN_S)


def _is_wanted(environ: Mapping[str, str]) -> bool:
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER") == "none":
        return False
    return any(environ.get(name) for name in _PLACES)


def _provider() -> "TracerProvider":
    """The process' own, which the SDK of MCP finds as well."""
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = {"service.name": "construction-mcp", "service.version": __version__}
    # The environment's resource outranks ours: OTEL_SERVICE_NAME is the operator's word.
    resource = Resource(named).merge(Resource.create())
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider


class OpenTelemetry:
    """Implements `spans.Sink`. A failure is told by its public code: messages may quote what a person wrote."""

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry import context, trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._tracer = provider.get_tracer("construction-mcp", __version__)
        self._context = context
        self._trace = trace
        self._headers = TraceContextTextMapPropagator()
        self._kinds: dict[Kind, trace.SpanKind] = {
            "internal": trace.SpanKind.INTERNAL,
            "client": trace.SpanKind.CLIENT,
            "server": trace.SpanKind.SERVER,
        }

    @contextmanager
    def open(self, name: str, kind: Kind, attributes: Mapping[str, Value]) -> Iterator["_Told"]:
        """As `spans.Sink.open`."""
        with self._tracer.start_as_current_span(
            name, kind=self._kinds[kind], attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            told = _Told(span)
            try:
                yield told
            except ConstructionError as error:
                told.failed(error.code)
                raise
            except BaseException as error:
                told.failed(type(error).__name__)
                raise

    @contextmanager
    def joined(self, carried: Mapping[str, str]) -> Iterator[None]:
        """As `spans.Sink.joined`."""
        found = self._headers.extract(carried)
        if not self._trace.get_current_span(found).get_span_context().is_valid:
            yield
            return
        token = self._context.attach(found)
        try:
            yield
        finally:
            self._context.detach(token)

    def here(self) -> object:
        """As `spans.Sink.here`."""
        return self._context.get_current()

    def past(
        self, name: str, kind: Kind, attributes: Mapping[str, Value], parent: object, began_ns: int, took_ns: int
    ) -> None:
        """As `spans.Sink.past`."""
        assert parent is None or isinstance(parent, self._context.Context)
        span = self._tracer.start_span(
            name, context=parent, kind=self._kinds[kind], attributes=attributes, start_time=began_ns
        )
        span.end(began_ns + took_ns)


class _Told:
    """Implements `spans.Span`."""

    def __init__(self, span: "TheirSpan") -> None:
        self._span = span

    def note(self, name: str, value: Value, /) -> None:
        self._span.set_attribute(name, value)

    def failed(self, code: str, /) -> None:
        from opentelemetry.trace import StatusCode

        self._span.set_attribute("error.type", code)
        self._span.set_status(StatusCode.ERROR)
