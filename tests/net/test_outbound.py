"""One request and one answer: deadlines, sizes, redirects, and whether anything was sent."""

import asyncio
import contextlib
import gzip
import tracemalloc
import zlib

import httpx
import pytest

from construction_mcp.core.config import Limits
from construction_mcp.net.egress import EgressRefused, Endpoint, Guard, Only
from construction_mcp.net.outbound import Fault, Outbound, TransferFailed
from construction_mcp.net.transport import GuardedTransport
from tests.net.wire import answer, drip, raw, untrusted_tls, wire

pytestmark = pytest.mark.anyio

TRUST = httpx.create_ssl_context(trust_env=False)  # 50 ms each
LIMITS = Limits(attempt_timeout_s=0.5, read_timeout_s=0.4, connect_timeout_s=0.5, answer_bytes_max=100_000)


@contextlib.asynccontextmanager
async def sender(*ports, limits=LIMITS):
    """An Outbound that may reach these loopback ports; closed at the end."""
    policy = Only(Endpoint("127.0.0.1", port, private=True) for port in ports)
    outbound = Outbound(GuardedTransport(Guard(policy), limits, TRUST), limits)
    try:
        yield outbound
    finally:
        await outbound.aclose()


async def fault_of(script, method="GET", *, tls=None):
    """The fault a misbehaving server causes, and whether the request counts as sent."""
    async with wire(script, tls=tls) as server, sender(server.port) as outbound:
        url = server.url.replace("http:", "https:") if tls else server.url
        with pytest.raises(TransferFailed) as caught:
            await outbound.send(method, f"{url}/x", content=b"{}" if method == "POST" else None)
    return caught.value.fault, caught.value.sent


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("script", "fault"),
    [
        (drip(b"HTTP/1.1 200 OK\r\n", b"x-slow: 1\r\n", 0.05), Fault.TIMEOUT),
        (drip(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n", b"x", 0.05), Fault.TIMEOUT),
        (drip(b"", b"", 0.05), Fault.TIMEOUT),
        (raw(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{"), Fault.BROKEN),
        (raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"), Fault.BROKEN),
        (raw(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{", reset=True), Fault.BROKEN),
        (raw(b"", reset=True), Fault.BROKEN),
        (raw(b"SSH-2.0-OpenSSH_9.7\r\n"), Fault.BROKEN),
        (answer(b"x" * 100_001), Fault.TOO_LARGE),
        (raw(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_001), Fault.TOO_LARGE),
        (answer(gzip.compress(b"0" * 50_000_000), headers=["content-encoding: gzip"]), Fault.TOO_LARGE),
        (answer(zlib.compress(b"0" * 50_000_000), headers=["content-encoding: deflate"]), Fault.TOO_LARGE),
        (answer(gzip.compress(b"{}")[:-4], headers=["content-encoding: gzip"]), Fault.BROKEN),
        (answer(b"not gzip", headers=["content-encoding: gzip"]), Fault.BROKEN),
        (answer(b"{}", headers=["content-encoding: br"]), Fault.BROKEN),
        (answer(b"{}", headers=["content-encoding: gzip, gzip"]), Fault.BROKEN),
    ],
    ids=[
        "slow header",
        "slow body",
        "silence",
        "short body",
        "cut chunk",
        "reset in body",
        "reset at once",
        "not http",
        "large by length",
        "large without length",
        "gzip bomb",
        "deflate bomb",
        "cut gzip",
        "false gzip",
        "unknown encoding",
        "encoding twice",
    ],
)
async def test_trouble_after_sending_is_named_and_counts_as_sent(script, fault, method):
    assert await fault_of(script, method) == (fault, True)


async def test_a_refused_connection_counts_as_not_sent():
    async with wire(answer()) as server:
        port = server.port
    async with sender(port) as outbound:
        with pytest.raises(TransferFailed) as caught:
            await outbound.send("POST", f"http://127.0.0.1:{port}/x", content=b"{}")

    assert (caught.value.fault, caught.value.sent, caught.value.retryable) == (Fault.CONNECT, False, True)


async def test_a_name_that_does_not_resolve_counts_as_not_sent():
    class Nameless:
        async def resolve(self, _host, _port):
            raise OSError

    guard = Guard(Only([Endpoint("gone.test", 443)]), Nameless())
    outbound = Outbound(GuardedTransport(guard, LIMITS), LIMITS)

    with pytest.raises(TransferFailed) as caught:
        await outbound.send("POST", "https://gone.test/x", content=b"{}")
    await outbound.aclose()

    assert (caught.value.fault, caught.value.sent) == (Fault.CONNECT, False)


async def test_time_that_runs_out_while_connecting_counts_as_not_sent():
    class Slow:
        async def resolve(self, _host, _port):
            await asyncio.Event().wait()

    limits = Limits(attempt_timeout_s=0.1, connect_timeout_s=5)
    outbound = Outbound(GuardedTransport(Guard(Only([Endpoint("slow.test", 443)]), Slow()), limits, TRUST), limits)

    with pytest.raises(TransferFailed) as caught:
        await outbound.send("POST", "https://slow.test/x", content=b"{}")
    await outbound.aclose()

    assert (caught.value.fault, caught.value.sent) == (Fault.TIMEOUT, False)


async def test_a_certificate_nobody_vouches_for_ends_it_before_anything_is_sent(tmp_path):
    assert await fault_of(answer(), "POST", tls=untrusted_tls(tmp_path)) == (Fault.TLS, False)


async def test_a_gzip_bomb_costs_no_more_memory_than_the_bound():
    bomb = answer(gzip.compress(b"0" * 80_000_000), headers=["content-encoding: gzip"])
    tracemalloc.start()
    try:
        await fault_of(bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 4_000_000


async def test_a_compressed_answer_is_decoded():
    packed = answer(gzip.compress(b'{"a": 1}'), headers=["content-encoding: gzip"])
    async with wire(packed) as server, sender(server.port) as outbound:
        reply = await outbound.send("GET", f"{server.url}/x")

    assert reply.body == b'{"a": 1}'


def redirect(to, status=302):
    return answer(b"", status=f"{status} Found", headers=[f"location: {to}"])


async def test_a_redirect_loop_ends_after_three_hops():
    async with wire(redirect("/again")) as server, sender(server.port) as outbound:
        with pytest.raises(TransferFailed) as caught:
            await outbound.send("GET", f"{server.url}/x")

    assert (caught.value.fault, len(server.requests)) == (Fault.REDIRECT, 4)


@pytest.mark.parametrize("to", ["file:///etc/passwd", "http://", "gopher://127.0.0.1/"])
async def test_a_redirect_to_no_web_address_is_not_followed(to):
    assert (await fault_of(redirect(to)))[0] is Fault.REDIRECT


async def test_a_redirected_write_is_not_sent_anywhere_else():
    async with wire(answer(b"{}")) as other, wire(redirect("/x")) as server:
        server.script = redirect(f"{other.url}/x", 307)
        async with sender(server.port, other.port) as outbound:
            reply = await outbound.send("POST", f"{server.url}/x", content=b"{}")

    assert (reply.status, len(server.requests), other.requests) == (307, 1, [])


async def test_what_is_asked_before_the_first_byte_can_stop_it_on_an_open_connection_too():
    """A process may have been frozen while it connected, and what it was about to send is another's by then."""

    async def stop():
        raise PermissionError("not any more")

    async with wire(answer(b"{}")) as server, sender(server.port) as outbound:
        for _ in range(2):
            with pytest.raises(PermissionError):
                await outbound.send("POST", f"{server.url}/x", content=b"{}", before=stop)
            refused = len(server.requests)
            await outbound.send("GET", f"{server.url}/x")

    assert (refused, len(server.requests)) == (1, 2)


async def test_credentials_stay_with_the_origin_they_were_for():
    """Procore's file addresses redirect to storage that must not see the token."""
    seen = []

    async def note(head, writer):
        seen.append(head.lower())
        await answer(b"file")(head, writer)

    headers = {"Authorization": "Bearer secret", "Procore-Company-Id": "1", "Accept": "*/*"}
    async with (
        wire(note) as storage,
        wire(redirect(f"{storage.url}/f")) as server,
        sender(server.port, storage.port) as outbound,
    ):
        reply = await outbound.send("GET", f"{server.url}/x", headers=headers)

    assert reply.body == b"file"
    assert b"accept: */*" in seen[0]
    assert not any(word in seen[0] for word in (b"authorization", b"secret", b"procore"))


async def test_credentials_travel_along_inside_their_origin():
    heads = []

    async def twice(head, writer):
        heads.append(head.lower())
        await (answer(b"ok") if len(heads) == 2 else redirect("/there"))(head, writer)

    async with wire(twice) as server, sender(server.port) as outbound:
        await outbound.send("GET", f"{server.url}/x", headers={"Authorization": "Bearer t"})

    assert all(b"authorization: bearer t" in head for head in heads)


async def test_other_origins_are_reached_through_their_own_guard():
    async with wire(answer(b"inside")) as inside, wire(redirect("/")) as server:
        server.script = redirect(f"{inside.url}/")
        both = [Endpoint("127.0.0.1", port, private=True) for port in (server.port, inside.port)]
        direct = GuardedTransport(Guard(Only(both)), LIMITS)
        elsewhere = GuardedTransport(Guard(Only([])), LIMITS)
        outbound = Outbound(direct, LIMITS, elsewhere=elsewhere)
        with pytest.raises(EgressRefused):
            await outbound.send("GET", f"{server.url}/x")
        await outbound.aclose()

    assert inside.requests == []


async def test_a_cookie_is_never_sent_back():
    """One client serves every connection."""
    heads = []

    async def set_cookie(head, writer):
        heads.append(head.lower())
        await answer(b"ok", headers=["set-cookie: session=abc; path=/"])(head, writer)

    async with wire(set_cookie) as server, sender(server.port) as outbound:
        for _ in range(2):
            await outbound.send("GET", f"{server.url}/x")

    assert not any(b"cookie" in head for head in heads)
