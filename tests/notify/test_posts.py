"""Posts at a real HTTP server: to hosts that were admitted, once, and each failure under its own name."""

import base64
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import ConstructionError, Invalid, Uncertain
from construction_mcp.core.keys import KeyRing
from construction_mcp.net.egress import Guard, Only, allow_list, chosen_by_operator
from construction_mcp.net.outbound import Outbound
from construction_mcp.net.transport import GuardedTransport
from construction_mcp.notify import slack, teams
from construction_mcp.notify.message import Line, Message, Section
from construction_mcp.notify.posts import Posts, Way, as_json
from construction_mcp.notify.signing import Signatures, sign
from tests.net.wire import answer as answers
from tests.net.wire import untrusted_tls, wire
from tests.notify.sinks import post_sink

pytestmark = pytest.mark.anyio

QUICK = Limits(post_timeout_s=0.5, attempt_timeout_s=0.5, connect_timeout_s=0.4, read_timeout_s=0.4)


@asynccontextmanager
async def posts(*, chosen: tuple[str, ...] = (), allowed: tuple[str, ...] = ()) -> AsyncIterator[Posts]:
    """Posts as bootstrap makes them."""
    policies = [Only(chosen_by_operator(url) for url in chosen), allow_list(allowed)]
    guards = [Guard(policy) for policy in policies]
    ways = [Way(guard, Outbound(GuardedTransport(guard, QUICK), QUICK)) for guard in guards]
    try:
        yield Posts(*ways, QUICK)
    finally:
        for way in ways:
            await way.outbound.aclose()


async def failure(status: str, *, body: bytes = b"canary", **behaviour: object) -> ConstructionError:
    """How a post ends that a server answers so."""
    async with post_sink(status=status, answer=body, **behaviour) as sink, posts(chosen=(sink.url,)) as sending:
        with pytest.raises(ConstructionError) as caught:
            await sending.post(sink.url, b"{}", is_chosen=True)
    assert len(sink.posts) == 1
    assert "canary" not in str(caught.value.public())  # neither its words nor the channel's address
    return caught.value


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        ("400 Bad Request", "NOTIFY_REFUSED", False),
        ("403 Forbidden", "NOTIFY_CREDENTIALS", False),
        ("404 Not Found", "NOTIFY_CREDENTIALS", False),
        ("410 Gone", "NOTIFY_CREDENTIALS", False),
        ("413 Too Large", "NOTIFY_REFUSED", False),
        ("302 Found", "NOTIFY_REFUSED", False),
        ("429 Too Many Requests", "NOTIFY_UNAVAILABLE", True),
        ("500 Oops", "NOTIFY_UNAVAILABLE", True),
        ("503 Busy", "NOTIFY_UNAVAILABLE", True),
        ("502 Bad Gateway", "NOTIFY_OUTCOME_UNKNOWN", False),
        ("504 Gateway Timeout", "NOTIFY_OUTCOME_UNKNOWN", False),
    ],
)
async def test_an_answer_is_told_by_its_status(status: str, code: str, retryable: bool) -> None:
    problem = await failure(status, headers=("location: https://evil.example/",))

    assert (problem.code, problem.retryable) == (code, retryable)


async def test_a_channel_that_is_spent_says_when_to_come_back() -> None:
    assert (await failure("429 Too Many Requests", headers=("retry-after: 30",))).retry_after_s == 30


async def test_a_failure_that_calls_itself_200_is_one() -> None:
    """Teams' older connectors answer so."""
    said = b"Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 413"

    assert (await failure("200 OK", body=said)).code == "NOTIFY_REFUSED"


async def test_no_answer_after_it_had_left_is_an_unknown_outcome() -> None:
    problem = await failure("200 OK", breaks=True)

    assert isinstance(problem, Uncertain)
    assert problem.code == "NOTIFY_OUTCOME_UNKNOWN"


async def test_a_certificate_nobody_vouches_for_ends_it(tmp_path: Path) -> None:
    async with wire(answers(b"ok"), tls=untrusted_tls(tmp_path)) as server:
        url = server.url.replace("http:", "https:")
        async with posts(chosen=(url,)) as sending:
            with pytest.raises(ConstructionError) as caught:
                await sending.post(url, b"{}", is_chosen=True)

    assert caught.value.code == "NOTIFY_INSECURE"
    assert server.requests == []


async def test_the_settings_admit_exactly_their_host_and_arguments_none() -> None:
    async with post_sink() as ours, post_sink() as other, posts(chosen=(ours.url,)) as sending:
        for url, is_chosen in ((other.url, True), (ours.url, False), (other.url, False)):
            with pytest.raises(ConstructionError) as caught:
                await sending.post(url, b"{}", is_chosen=is_chosen)
            assert caught.value.code == "SYSTEM_EGRESS_REFUSED"
        await sending.post(ours.url, b"{}", is_chosen=True)

    assert (len(ours.posts), len(other.posts)) == (1, 0)


async def test_an_argument_reaches_what_the_allow_list_names() -> None:
    async with post_sink() as sink, posts(allowed=(f"127.0.0.1:{sink.port}",)) as sending:
        sending.admit(sink.url)
        await sending.post(sink.url, b"{}", is_chosen=False)

    assert sink.post.headers["content-type"] == "application/json; charset=utf-8"
    assert sink.post.method == "POST"


@pytest.mark.parametrize(
    "url",
    ["ftp://x.example/", "https://", "x", "https://a@b.example/", "https://x.example/ y", "https://x.example:99999/"],
)
async def test_what_is_no_address_is_refused_before_anybody_is_asked(url: str) -> None:
    async with posts(allowed=("x.example",)) as sending:
        with pytest.raises(Invalid):
            sending.admit(url)


def test_a_signature_is_that_of_the_specification() -> None:
    """The vector of Standard Webhooks' reference libraries."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

    said = sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert said == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_can_check_us_and_not_pretend_to_be_us_elsewhere() -> None:
    signatures = Signatures(KeyRing([b"k" * 32]))
    url, moment = "https://erp.builder.com/in", datetime(2026, 3, 2, tzinfo=UTC)

    headers = signatures.headers(url, "msg_1", moment, b"{}")
    secret = signatures.secret_of("https://ERP.builder.com:443/another")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"msg_1.{headers['webhook-timestamp']}.{{}}".encode()
    expected = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert secret != signatures.secret_of("https://other.example/in")


def test_a_long_list_is_cut_and_counted_where_a_channel_takes_less() -> None:
    lines = tuple(Line("x" * 400, "https://app.procore.com/rfi/17") for _ in range(50))
    long = Message("Many", "Too many.", (Section("All", lines, more=7),))

    short = long.with_lines(3)
    assert (len(short.sections[0].lines), short.sections[0].more) == (3, 54)
    for layout in (slack.payload, teams.payload):
        assert b"and 54 more" in as_json(layout(short), 10_000)
