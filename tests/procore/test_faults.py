"""Fourteen ways the way to Procore fails, for a read and for a write, on real sockets and real time (short limits).

Each has its code, at most three tries, an end inside the deadline, and never a second copy of a write that was sent.
"""

import asyncio
import contextlib
import gzip
import time
from dataclasses import replace

import httpx
import pytest

from construction_mcp.core.clock import SystemClock
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import ConstructionError
from construction_mcp.net.egress import Endpoint, Guard, Only
from construction_mcp.net.transport import GuardedTransport
from construction_mcp.procore.client import Request
from construction_mcp.procore.environments import Environment
from construction_mcp.procore.oauth import TokenPair
from tests.net.wire import answer, drip, raw, untrusted_tls, wire
from tests.procore.desk import ACCOUNT, build_desk

pytestmark = pytest.mark.anyio

TRUST = httpx.create_ssl_context(trust_env=False)
PATH = "/rest/v1.0/projects/7/rfis"
DEADLINE_S = 1.5
LIMITS = Limits(
    attempt_timeout_s=0.3,
    read_timeout_s=0.25,
    connect_timeout_s=0.3,
    procore_deadline_s=DEADLINE_S,
    rate_wait_interactive_s=DEADLINE_S,
    spike_window_s=0.2,
    procore_backoff_s=0.02,
    procore_backoff_max_s=0.05,
    answer_bytes_max=100_000,
)
SOON = "Mon, 02 Mar 2026 15:00:00 GMT"  # long past: at once

# fault -> (what the server does, code of a read, tries of a read, code of a write, tries of a write)
FAULTS = {
    "429 storm": (
        answer(status="429 Slow", headers=["retry-after: 0"]), "PROCORE_RATE_LIMITED", 3, "PROCORE_RATE_LIMITED", 3,
    ),
    "429 without headers": (answer(status="429 Slow"), "PROCORE_RATE_LIMITED", 3, "PROCORE_RATE_LIMITED", 3),
    "503 Retry-After seconds": (
        answer(status="503 Busy", headers=["retry-after: 0"]), "PROCORE_UNAVAILABLE", 3, "PROCORE_UNAVAILABLE", 3,
    ),
    "503 Retry-After date": (
        answer(status="503 Busy", headers=[f"retry-after: {SOON}"]), "PROCORE_UNAVAILABLE", 3, "PROCORE_UNAVAILABLE", 3,
    ),
    "Retry-After of thirty years": (
        answer(status="429 Slow", headers=["retry-after: 1000000000"]),
        "PROCORE_RATE_LIMITED", 1, "PROCORE_RATE_LIMITED", 1,
    ),
    "slow header": (
        drip(b"HTTP/1.1 200 OK\r\n", b"x-slow: 1\r\n", 0.05), "PROCORE_TIMEOUT", 3, "PROCORE_OUTCOME_UNKNOWN", 1,
    ),
    "slow body": (
        drip(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n", b"x", 0.05),
        "PROCORE_TIMEOUT", 3, "PROCORE_OUTCOME_UNKNOWN", 1,
    ),
    "truncated JSON": (answer(b'{"id": 1, "sub'), "PROCORE_BAD_ANSWER", 3, "PROCORE_OUTCOME_UNKNOWN", 1),
    "200 with HTML": (answer(b"<!doctype html><p>Sign in"), "PROCORE_BAD_ANSWER", 3, "PROCORE_OUTCOME_UNKNOWN", 1),
    "gzip bomb": (
        answer(gzip.compress(b"0" * 20_000_000), headers=["content-encoding: gzip"]),
        "PROCORE_BAD_ANSWER", 1, "PROCORE_OUTCOME_UNKNOWN", 1,
    ),
    "redirect loop": (
        answer(status="302 Found", headers=[f"location: {PATH}"]), "PROCORE_BAD_ANSWER", 4, "PROCORE_BAD_ANSWER", 1,
    ),
    "reset in the body": (
        raw(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{", reset=True),
        "PROCORE_UNAVAILABLE", 3, "PROCORE_OUTCOME_UNKNOWN", 1,
    ),
}  # fmt: skip


@contextlib.asynccontextmanager
async def desk_at(url, *, resolver=None):
    """A desk whose Procore is that address, connected and with a token that lives."""
    clock = SystemClock()
    target = httpx.URL(url)
    policy = Only([Endpoint(target.host, target.port, private=True)])
    desk = build_desk(clock, GuardedTransport(Guard(policy, resolver), LIMITS, TRUST), limits=LIMITS)
    environment = Environment("sandbox", url, url, url, overridden=True)
    desk.account = replace(ACCOUNT, environment=environment)
    await desk.tokens.adopt(desk.account, TokenPair("token", clock.now().replace(year=9000), "refresh"))
    try:
        yield desk
    finally:
        await desk.aclose()


async def fail(desk, method):
    """The error of one call, and the seconds it took."""
    began = time.monotonic()
    with pytest.raises(ConstructionError) as caught:
        if method == "GET":
            await desk.client.get(desk.account, PATH)
        else:
            await desk.client.write(Request(desk.account, method, PATH, body={"rfi": {}}))
    return caught.value, time.monotonic() - began


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_a_fault_has_its_code_its_tries_and_its_end(fault, method):
    script, read_code, read_tries, write_code, write_tries = fault
    async with wire(script) as server, desk_at(server.url) as desk:
        error, took_s = await fail(desk, method)

    assert error.code == (read_code if method == "GET" else write_code)
    assert len(server.requests) == (read_tries if method == "GET" else write_tries)
    assert took_s < DEADLINE_S + 0.3


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_bad_certificate_sends_nothing_and_is_not_tried_again(tmp_path, method):
    async with (
        wire(answer(), tls=untrusted_tls(tmp_path)) as server,
        desk_at(server.url.replace("http:", "https:")) as desk,
    ):
        error, _ = await fail(desk, method)

    assert (error.code, error.retryable, error.details["fault"]) == ("PROCORE_UNAVAILABLE", False, "tls")
    assert server.requests == []


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_name_that_does_not_resolve_is_tried_three_times_and_nothing_was_sent(method):
    asked = []

    class Nameless:
        async def resolve(self, host, _port):
            asked.append(host)
            raise OSError

    async with desk_at("https://procore.test:8443", resolver=Nameless()) as desk:
        error, _ = await fail(desk, method)

    assert (error.code, error.retryable, len(asked)) == ("PROCORE_UNAVAILABLE", True, 3)


async def test_a_write_that_was_done_after_we_stopped_waiting_is_not_done_twice():
    """200 after the time-out: Procore has it, we do not know."""
    done = []

    async def late(_head, writer):
        done.append(1)
        await asyncio.sleep(0.5)
        await answer()(_head, writer)

    async with wire(late) as server, desk_at(server.url) as desk:
        error, _ = await fail(desk, "POST")

    assert (error.code, len(done)) == ("PROCORE_OUTCOME_UNKNOWN", 1)
    assert error.details["cause"] == "PROCORE_TIMEOUT"


async def test_a_write_whose_connection_is_refused_was_never_sent():
    async with wire(answer()) as server:
        url = server.url
    async with desk_at(url) as desk:
        error, _ = await fail(desk, "POST")

    assert (error.code, error.retryable) == ("PROCORE_UNAVAILABLE", True)
