"""The circuit breaker."""

import pytest

from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Unavailable
from construction_mcp.net.breaker import Breakers


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def breakers(clock):
    return Breakers(clock, Limits(breaker_failures_max=3, breaker_rest_s=30))


def request(breakers, *, ok, host="api.example.com"):
    with breakers.attempt(host) as seen:
        seen.ok = ok


def test_failures_in_a_row_let_the_host_rest(breakers, clock):
    for _ in range(3):
        request(breakers, ok=False)

    with pytest.raises(Unavailable) as refused:
        request(breakers, ok=True)
    assert refused.value.retry_after_s == 30
    assert breakers.is_open("api.example.com")


def test_a_success_between_failures_keeps_it_closed(breakers):
    for ok in (False, False, True, False, False):
        request(breakers, ok=ok)

    request(breakers, ok=True)


def test_after_the_rest_one_request_finds_out(breakers, clock):
    for _ in range(3):
        request(breakers, ok=False)
    clock.advance(30)

    with breakers.attempt("api.example.com") as probe:
        with pytest.raises(Unavailable):
            request(breakers, ok=True)
        probe.ok = True

    request(breakers, ok=True)


def test_a_probe_that_fails_starts_another_rest(breakers, clock):
    for _ in range(3):
        request(breakers, ok=False)
    clock.advance(30)
    request(breakers, ok=False)

    with pytest.raises(Unavailable):
        request(breakers, ok=True)
    clock.advance(30)
    request(breakers, ok=True)


def test_a_probe_that_was_cancelled_lets_the_next_one_try(breakers, clock):
    for _ in range(3):
        request(breakers, ok=False)
    clock.advance(30)
    request(breakers, ok=None)

    request(breakers, ok=True)


def test_one_host_does_not_stop_another(breakers):
    for _ in range(3):
        request(breakers, ok=False)

    request(breakers, ok=True, host="login.example.com")
