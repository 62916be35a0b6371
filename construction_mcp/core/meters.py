"""What happens, counted and timed: plain objects that any room adds to, and that `/metrics` of `serve` reads.

They belong to the process, not to the object graph: one process owns one data directory, and a count that had to be
handed on would cost every constructor on its way an argument. What can be asked of a living object when somebody looks
(queues, caches, rate windows) has no meter here; `server/metrics.py` asks.

Names follow Prometheus (base units, `_total`), and OpenTelemetry's semantic conventions where these have one, as their
Prometheus translation spells it. A label's values are a known, small set: never an id, a name that a person chose, or
anything from a record.

Adding is a dict look-up and an addition. Each meter is added to by one thread only; another may read it meanwhile.

Source: Prometheus "Metric and label naming"; OpenTelemetry semantic conventions for HTTP, database and MCP metrics.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

SERIES_MAX = 2000  # of one meter; a label that grows beyond it is a mistake, and must not grow our memory with it
OTHER = "_other"  # as the conventions call a value outside the known set

Labels = tuple[str, ...]


@dataclass(slots=True)
class CacheCounts:
    """How reads of one cache were answered since it was made."""

    hit: int = 0
    miss: int = 0
    coalesced: int = 0
    bypass: int = 0
    invalidated: int = 0

    @property
    def hit_rate(self) -> float | None:
        """Share of reads that cost no load of their own; None before the first."""
        total = self.hit + self.miss + self.coalesced
        return (self.hit + self.coalesced) / total if total else None


@dataclass(frozen=True, slots=True)
class CacheStanding:
    """One cache now."""

    name: str
    entries: int
    counts: CacheCounts


class Caches:
    """The caches of one house by name; one that nobody needed yet is empty and was never asked."""

    names = ("procore", "tokens", "workflows")

    def __init__(self) -> None:
        self._made: dict[str, tuple[CacheCounts, Callable[[], int]]] = {}

    def add(self, name: str, counts: CacheCounts, entries: Callable[[], int]) -> None:
        """Whoever makes a cache says so here."""
        assert name in self.names, name
        self._made[name] = (counts, entries)

    def standing(self) -> list[CacheStanding]:
        """Every cache as of now, in the order of names."""
        unmade: tuple[CacheCounts, Callable[[], int]] = (CacheCounts(), int)
        found = {name: self._made.get(name, unmade) for name in self.names}
        return [CacheStanding(name, entries(), counts) for name, (counts, entries) in found.items()]


class Counter:
    """How often something happened since the process started; `known` label values are told from 0 on.

    A series that only begins with its first event has no increase to alert on. Source: Prometheus "Instrumentation",
    "Avoid missing metrics".
    """

    def __init__(self, name: str, meaning: str, labels: Labels = (), known: Iterable[Labels] = ()) -> None:
        self.name, self.meaning, self.labels = name, meaning, labels
        self._values: dict[Labels, int] = dict.fromkeys(known if labels else [()], 0)

    def add(self, *labels: str, by: int = 1) -> None:
        """Count `by` more for these label values, in the order of `labels`."""
        try:
            self._values[labels] += by
        except KeyError:
            labels = _bounded(labels, len(self._values))
            self._values[labels] = self._values.get(labels, 0) + by

    def read(self) -> list[tuple[Labels, int]]:
        """Every series now."""
        return list(self._values.items())


class Series:
    """One distribution: how many fell into each bucket (not cumulated; the last has no bound), and their sum."""

    __slots__ = ("counts", "total")

    def __init__(self, buckets: int) -> None:
        self.counts = [0] * buckets
        self.total = 0.0


class Histogram:
    """How values are distributed; `bounds` are the buckets' upper ends, each belonging to its bucket."""

    def __init__(self, name: str, meaning: str, bounds: Sequence[float], labels: Labels = ()) -> None:
        self.name, self.meaning, self.labels, self.bounds = name, meaning, labels, tuple(bounds)
        self._series: dict[Labels, Series] = {} if labels else {(): Series(len(bounds) + 1)}

    def observe(self, value: float, *labels: str) -> None:
        """Take in one value for these label values, in the order of `labels`."""
        series = self._series.get(labels)
        if series is None:
            labels = _bounded(labels, len(self._series))
            series = self._series.setdefault(labels, Series(len(self.bounds) + 1))
        series.counts[bisect_left(self.bounds, value)] += 1
        series.total += value

    def read(self) -> list[tuple[Labels, Series]]:
        """Every series now."""
        return list(self._series.items())


def _bounded(labels: Labels, series: int) -> Labels:
    return labels if series < SERIES_MAX else (OTHER,) * len(labels)


# The conventions' own buckets, with the bounds that the shipped alerts ask about: 7 s and 10 s, and 1 s of a statement.
_CALL_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 7, 10, 30, 60, 120, 300)
_HTTP_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_STATEMENT_S = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
_COMMIT_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1)
_LAG_S = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5)
_STEP_S = (0.001, 0.005, 0.02, 0.1, 0.5, 1, 5, 10, 30, 60, 300)
_RUN_S = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 3600, 86_400)
_COMPILE_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1)
_WAIT_S = (0.001, 0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300)

_ENDS = ("completed", "failed", "cancelled", "needs_review")
_DOOR = ("accepted", "duplicate", "unauthorized", "invalid", "too_large", "unavailable")

# calls
OPERATIONS = Histogram(
    "mcp_server_operation_duration_seconds",
    "MCP requests from their handler's start to its result; tools by name, failures by public error code.",
    _CALL_S,
    ("mcp_method_name", "gen_ai_tool_name", "error_type"),
)
CALL_STATEMENTS = Histogram(
    "construction_mcp_tool_call_statements",
    "Database statements that one tool call ran.",
    (0, 1, 2, 5, 10, 20, 50, 100),
)
HTTP_REQUESTS = Histogram(
    "http_server_request_duration_seconds",
    "HTTP requests until their answer was written; of an event stream until its head.",
    _HTTP_S,
    ("http_request_method", "http_route", "http_response_status_code"),
)
LOOP_LAG = Histogram(
    "construction_mcp_event_loop_lag_seconds",
    "How much later than asked the event loop woke a timer, looked at each second.",
    _LAG_S,
)

# store, added to on the connection's thread
STATEMENTS = Histogram(
    "db_client_operation_duration_seconds",
    "Database statements, by the aggregate they belong to.",
    _STATEMENT_S,
    ("db_system_name", "db_collection_name"),
)
SLOW_STATEMENTS = Counter(
    "construction_mcp_slow_statements_total", "Database statements of more than a second; the log names them."
)
COMMITS = Histogram("construction_mcp_commit_duration_seconds", "Commits, waiting for the disk included.", _COMMIT_S)
COMMIT_BATCH = Histogram(
    "construction_mcp_commit_batch_size", "Transactions that shared one commit.", (1, 2, 5, 10, 20, 50, 100, 200, 500)
)

# Procore
UPSTREAM = Histogram(
    "http_client_request_duration_seconds",
    "Requests to Procore from first byte to last; without a status where none came.",
    _HTTP_S,
    ("server_address", "http_request_method", "http_response_status_code", "error_type"),
)
UPSTREAM_WAITS = Histogram(
    "construction_mcp_procore_wait_seconds",
    "How long requests waited for their turn in Procore's rate windows.",
    _WAIT_S,
    ("priority",),
)
UPSTREAM_RETRIES = Counter(
    "construction_mcp_procore_retries_total", "Requests to Procore sent once more, by what went wrong.", ("error_type",)
)

# workflows
WORKFLOWS_CREATED = Counter("construction_mcp_workflows_created_total", "Workflows created.")
COMPILATIONS = Counter(
    "construction_mcp_workflow_compilations_total",
    "Compilations of workflows: `valid` made a plan, `invalid` found errors.",
    ("result",),
    [("valid",), ("invalid",)],
)
COMPILE_TIMES = Histogram("construction_mcp_workflow_compilation_duration_seconds", "Compilations.", _COMPILE_S)

# engine
EXECUTIONS_STARTED = Counter(
    "construction_mcp_executions_started_total",
    "Executions that left the queue.",
    ("mode",),
    [("live",), ("simulate",)],
)
EXECUTIONS_ENDED = Counter(
    "construction_mcp_executions_ended_total",
    "Executions that ended.",
    ("mode", "status"),
    [(mode, status) for mode in ("live", "simulate") for status in _ENDS],
)
EXECUTION_TIMES = Histogram(
    "construction_mcp_execution_duration_seconds",
    "Executions from being accepted to their end, waits for people included.",
    _RUN_S,
    ("status",),
)
STEPS_ENDED = Counter("construction_mcp_steps_ended_total", "Steps that ended.", ("type", "status"))
STEP_TIMES = Histogram(
    "construction_mcp_step_duration_seconds", "Bodies of steps, each try by itself.", _STEP_S, ("type",)
)
STEP_RETRIES = Counter("construction_mcp_step_retries_total", "Tries of steps that are to be repeated.", ("type",))
RUNS_MISSED = Counter(
    "construction_mcp_schedule_runs_missed_total", "Scheduled runs left out because nothing ran when they were due."
)

# webhooks and messages
DELIVERIES = Counter(
    "construction_mcp_webhook_deliveries_total",
    "Webhook deliveries at the door.",
    ("source", "outcome"),
    [*((source, outcome) for source in ("procore", "custom") for outcome in _DOOR), (OTHER, "unknown_hook")],
)
DECISIONS = Counter(
    "construction_mcp_webhook_decisions_total",
    "What became of accepted deliveries.",
    ("outcome",),
    [(outcome,) for outcome in ("started", "ignored", "filtered", "quarantined", "failed")],
)
NOTIFICATIONS = Counter(
    "construction_mcp_notifications_total", "Messages by what became of them.", ("channel", "status")
)

COUNTERS = tuple(one for one in vars().copy().values() if isinstance(one, Counter))
HISTOGRAMS = tuple(one for one in vars().copy().values() if isinstance(one, Histogram))
