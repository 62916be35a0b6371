"""`GET /metrics`: what the process counted (`core/meters.py`) and how things stand now, in Prometheus' formats.

The format and the process' own figures are prometheus_client's. It is imported with the first scrape, in a thread;
nothing but `serve` ever loads it.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from construction_mcp import __version__
from construction_mcp.bootstrap import House
from construction_mcp.core import meters
from construction_mcp.core.errors import ConstructionError
from construction_mcp.core.meters import CacheStanding, Labels
from construction_mcp.procore.limiter import Allowance, Limiters
from construction_mcp.server.auth import Gate, Identify
from construction_mcp.store import census
from construction_mcp.store.census import Census
from construction_mcp.store.database import Database

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

log = logging.getLogger(__name__)

Values = Sequence[tuple[Labels, float]]

METRICS_PATH = "/metrics"
_OPEN_METRICS = "application/openmetrics-text"
_HOUR_S = 3600.0


def metrics_routes(house: House, identify: Identify) -> list[Route]:
    """The one route: for any verified caller, or for everybody who reaches the port where the operator says so."""
    app = _Metrics(house)
    open_to_all = house.settings.metrics_auth == "none"
    return [Route(METRICS_PATH, app if open_to_all else Gate(app, identify), methods=["GET"])]


async def watch_loop(interval_s: float) -> None:
    """Time how late the event loop wakes this, for ever."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + interval_s
        await asyncio.sleep(interval_s)
        meters.LOOP_LAG.observe(max(0.0, loop.time() - due))


class _Metrics:
    """Looks at what lives here, then writes it down beside the loop."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        standing = await look(self._house)
        open_metrics = _OPEN_METRICS in Request(scope).headers.get("accept", "")
        body, kind = await asyncio.to_thread(exposition, standing, open_metrics=open_metrics)
        # The header is given whole: Starlette would add a charset to the one that names its own.
        response: Response = PlainTextResponse(body, headers={"cache-control": "no-store", "content-type": kind})
        await response(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand, as of one moment. census: None where the store could not be asked."""

    environment: str
    is_read_only: bool
    caches: list[CacheStanding]
    windows: list[Allowance]
    database: dict[str, Any]
    census: Census | None
    queue_age_s: float


async def look(house: House) -> Standing:
    """Ask what is there; what nobody needed yet is not made for this, and counts as empty."""
    limiters: Limiters | None = house.services.ready.get(Limiters)
    counted, database = await _census(house)
    return Standing(
        environment=house.settings.environment,
        is_read_only=house.settings.read_only,
        caches=house.caches.standing(),
        windows=limiters.windows() if limiters else [],
        database=database,
        census=counted,
        queue_age_s=0.0 if counted is None else counted.queue_age_s(house.clock.now()),
    )


async def _census(house: House) -> tuple[Census | None, dict[str, Any]]:
    """A store in trouble must not hide everything else: that is when somebody looks."""
    try:
        database = await house.services.get(Database)
        return await database.read(census.take), database.stats()
    except ConstructionError as problem:
        log.warning("metrics are without the store's: %s", problem.code)
        return None, {}


def exposition(standing: Standing, *, open_metrics: bool = False) -> tuple[bytes, str]:
    """Everything as text, and its media type: OpenMetrics 1.0 for whoever asks for it, else Prometheus 0.0.4."""
    from prometheus_client import CollectorRegistry
    from prometheus_client import exposition as plain
    from prometheus_client.openmetrics import exposition as newer

    registry = CollectorRegistry()
    registry.register(_Collected([*_counted(), *_standing(standing)]))
    for family in _processes().collect():
        registry.register(_Collected([family]))
    if open_metrics:
        text: bytes = newer.generate_latest(registry)  # type: ignore[no-untyped-call]  # the library's is not typed
        return text, newer.CONTENT_TYPE_LATEST
    return plain.generate_latest(registry), plain.CONTENT_TYPE_PLAIN_0_0_4


class _Collected:
    """Families that are there already, as a registry takes them."""

    def __init__(self, families: "list[Metric]") -> None:
        self._families = families

    def collect(self) -> "Iterable[Metric]":
        return self._families


@lru_cache(maxsize=1)
def _processes() -> "CollectorRegistry":
    """Memory, descriptors and CPU of this process (Linux), and Python's own: `process_*`, `python_*`."""
    from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    return registry


def _counted() -> "Iterator[Metric]":
    """What `core/meters.py` holds."""
    from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

    for counter in meters.COUNTERS:
        family = CounterMetricFamily(counter.name, counter.meaning, labels=counter.labels)
        for labels, value in counter.read():
            family.add_metric(labels, value)
        yield family
    for histogram in meters.HISTOGRAMS:
        bounds = [*(str(float(bound)) for bound in histogram.bounds), "+Inf"]
        shown = HistogramMetricFamily(histogram.name, histogram.meaning, labels=histogram.labels)
        for labels, series in histogram.read():
            sums, counts = 0, list(series.counts)
            buckets = [(bound, sums := sums + count) for bound, count in zip(bounds, counts, strict=True)]
            shown.add_metric(labels, buckets, series.total)
        yield shown


def _standing(now: Standing) -> "Iterator[Metric]":
    yield _gauge("build_info", "What runs here.", ("version", "environment"), [((__version__, now.environment), 1)])
    yield _gauge("read_only", "1 where nothing may be changed.", (), [((), int(now.is_read_only))])
    yield from _of_caches(now.caches)
    yield from _of_windows(now.windows)
    yield _gauge("database_up", "1 where the store answered this scrape.", (), [((), int(now.census is not None))])
    if now.census is not None:
        yield from _of_census(now.census, now.queue_age_s)
    if now.database:
        yield from _of_database(now.database)


def _of_caches(caches: list[CacheStanding]) -> "Iterator[Metric]":
    ways = ("hit", "miss", "coalesced", "bypass")
    asked = [((one.name, way), getattr(one.counts, way)) for one in caches for way in ways]
    yield _counter("cache_requests", "Reads of a cache by how they were answered.", ("cache", "result"), asked)
    dropped = [((one.name,), one.counts.invalidated) for one in caches]
    yield _counter("cache_invalidations", "Tags by which entries were forgotten.", ("cache",), dropped)
    yield _gauge("cache_entries", "Entries kept.", ("cache",), [((one.name,), one.entries) for one in caches])


def _of_windows(windows: list[Allowance]) -> "Iterator[Metric]":
    """Of several applications the one that has least left: it is the next to wait."""
    tightest: dict[str, Allowance] = {}
    for one in windows:
        name = "hour" if one.window_s >= _HOUR_S else "spike"
        if name not in tightest or one.left < tightest[name].left:
            tightest[name] = one
    left = [((name,), one.left) for name, one in tightest.items()]
    most = [((name,), one.limit) for name, one in tightest.items()]
    yield _gauge("procore_window_remaining_requests", "Requests left of Procore's rate window.", ("window",), left)
    yield _gauge("procore_window_limit_requests", "Requests that Procore's rate window allows.", ("window",), most)
    waiting = max((one.waiting for one in windows), default=0)
    yield _gauge("procore_queue_length", "Requests to Procore that wait for their turn.", (), [((), waiting)])


def _of_census(counted: Census, queue_age_s: float) -> "Iterator[Metric]":
    def by_status(name: str, meaning: str, counts: Any) -> "Metric":
        return _gauge(name, meaning, ("status",), [((status,), count) for status, count in counts.items()])

    yield by_status("executions", "Executions that are not over, or need a person.", counted.executions)
    yield by_status("steps", "Steps that are not over, of executions that are not.", counted.steps)
    yield by_status("workflows", "Workflows.", counted.workflows)
    yield _gauge("approvals_pending", "Questions that wait for a person.", (), [((), counted.approvals_pending)])
    yield _gauge("queue_length", "Executions that wait for their turn.", (), [((), counted.queue.length)])
    yield _gauge("queue_age_seconds", "How long the first of the queue has waited.", (), [((), queue_age_s)])


def _of_database(stats: dict[str, Any]) -> "Iterator[Metric]":
    yield _gauge("commit_queue_length", "Functions that wait for the database.", (), [((), stats["queued"])])
    yield _gauge("commit_in_flight", "Functions that the database is running.", (), [((), stats["in_flight"])])
    done = [(("read",), stats["reads"]), (("write",), stats["writes"])]
    yield _counter("database_functions", "Functions run on the database.", ("kind",), done)
    yield _counter("database_busy", "Times another program held the database.", (), [((), stats["busy"])])


def _gauge(name: str, meaning: str, labels: Labels, values: Values) -> "Metric":
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(f"construction_mcp_{name}", meaning, labels=labels)
    for own, value in values:
        family.add_metric(own, value)
    return family


def _counter(name: str, meaning: str, labels: Labels, values: Values) -> "Metric":
    from prometheus_client.core import CounterMetricFamily

    family = CounterMetricFamily(f"construction_mcp_{name}", meaning, labels=labels)
    for own, value in values:
        family.add_metric(own, value)
    return family
