"""What is counted of requests to Procore, and that nothing of a trace goes there."""

from collections import Counter

import pytest

from construction_mcp.core import meters, spans
from construction_mcp.procore.measuring import exchanging
from tests.procore.desk import SERVICE
from tests.procore.drive import run_on
from tests.procore.scripted import Say

pytestmark = pytest.mark.anyio

RFIS = "/rest/v1.0/projects/7/rfis"


def sent():
    """Requests so far by status and error, whatever their method and host."""
    counts = Counter()
    for labels, series in meters.UPSTREAM.read():
        counts[labels[2:]] += sum(series.counts)
    return dict(counts)


def retried():
    return dict(meters.UPSTREAM_RETRIES.read())


def more(before, after):
    return {key: value - before.get(key, 0) for key, value in after.items() if value != before.get(key, 0)}


async def test_each_try_is_counted_by_its_status_and_each_repetition_by_its_reason(desk, procore, clock):
    procore.next_answers.extend([Say(429, {}, {"retry-after": "2"}), Say(502, b"")])
    counts, again = sent(), retried()
    (answer,) = await run_on(clock, desk.client.get(SERVICE, RFIS))

    assert answer.status == 200
    assert more(counts, sent()) == {("429", "429"): 1, ("502", "502"): 1, ("200", ""): 1}
    assert more(again, retried()) == {("PROCORE_RATE_LIMITED",): 1, ("PROCORE_UNAVAILABLE",): 1}


async def test_a_wait_for_the_window_is_timed_on_the_clock_that_waits(desk, procore, clock):
    """26 requests at once where 25 fit into ten seconds: the last waits for the first to leave the window."""
    before = {labels[0]: series.total for labels, series in meters.UPSTREAM_WAITS.read()}
    await run_on(clock, *(desk.client.get(SERVICE, RFIS, {"page": page}) for page in range(1, 27)))
    after = {labels[0]: series.total for labels, series in meters.UPSTREAM_WAITS.read()}

    assert after["interactive"] - before.get("interactive", 0.0) == pytest.approx(10.0, abs=0.5)


class Listener:
    """A tracing system that keeps names and attributes, and would hand on what it is asked for."""

    def __init__(self):
        self.told = []

    def open(self, name, kind, attributes):
        self.told.append((name, kind, dict(attributes)))
        return Opened(self.told[-1][2])


class Opened:
    def __init__(self, attributes):
        self.attributes = attributes

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def note(self, name, value):
        self.attributes[name] = value

    def failed(self, code):
        self.attributes["error.type"] = code


@pytest.fixture
def listener():
    made = Listener()
    spans.listen(made)
    yield made
    spans.listen(None)


async def test_a_request_is_told_without_ids_and_query_and_sends_no_trace_along(desk, procore, clock, listener):
    await run_on(clock, desk.client.get(SERVICE, f"{RFIS}/31", {"filters": {"text": "slab"}}))

    (told,) = listener.told
    assert told[:2] == ("GET /rest/v1.0/projects/{id}/rfis/{id}", "client")
    assert told[2]["http.response.status_code"] == 200
    assert "slab" not in str(told)
    assert not [call for call in procore.calls if {"traceparent", "tracestate", "baggage"} & call.headers.keys()]


def test_a_request_that_was_given_up_is_counted_as_that():
    before = sent()
    with pytest.raises(TimeoutError), exchanging("GET", "https://api.example", RFIS):
        raise TimeoutError

    assert more(before, sent()) == {("", "TimeoutError"): 1}
