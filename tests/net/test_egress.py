"""The egress guard: what may be reached, and that nothing else is."""

import asyncio
import contextlib
from ipaddress import ip_address

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Invalid
from construction_mcp.net.addresses import is_never_reachable, is_public
from construction_mcp.net.egress import (
    AnyPublicHost,
    EgressRefused,
    Endpoint,
    Guard,
    Only,
    allow_list,
    built_in,
    chosen_by_operator,
)
from construction_mcp.net.outbound import Outbound, TransferFailed
from construction_mcp.net.transport import GuardedTransport

pytestmark = pytest.mark.anyio

TRUST = httpx.create_ssl_context(trust_env=False)  # 50 ms each
# Addresses a name server could answer with: private, local, metadata, and their many disguises.
FORBIDDEN_ADDRESSES = [
    "0.0.0.0",  # noqa: S104 - an address to refuse, bound by nobody
    "127.0.0.1", "127.1.2.3", "127.255.255.254", "0.1.2.3", "10.0.0.1", "10.255.255.255", "172.16.0.1",
    "172.31.255.255", "192.168.0.1", "192.168.255.255", "169.254.169.254", "169.254.170.2", "169.254.0.1",
    "168.63.129.16", "100.64.0.1", "100.100.100.200", "100.127.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1",
    "192.88.99.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250",
    "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "::ffff:7f00:1", "::ffff:0:127.0.0.1", "::127.0.0.1", "::10.0.0.1", "::a9fe:a9fe", "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "3fff::1", "100::1", "5f00::1", "fc00::1", "fd00::1",
    "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "febf::1", "fec0::1", "feff::1", "ff02::1", "ff0e::1",
]  # fmt: skip
# Ways to write a URL so that a filter sees one host and a socket reaches another.
FORBIDDEN_URLS = [
    "http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/",
    "http://0x7f.0.0.1/", "http://127.0.0.1.:80/", "http://localhost/", "http://LOCALHOST/", "http://localhost./",
    "http://[::1]/", "http://[::]/", "http://[::ffff:127.0.0.1]/", "http://[0:0:0:0:0:0:0:1]/", "http://0/",
    "http://0.0.0.0/", "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "http://metadata/",
    "http://metadata.google.internal/", "http://hooks.example.com.evil.test/", "http://evil.test#hooks.example.com/",
    "http://hooks.example.com@127.0.0.1/", "http://user:pass@hooks.example.com/", "http://127.0.0.1:80@evil.test/",
    "http://hooks.example.com:22/", "https://hooks.example.com:8443/", "http://evil.test/?hooks.example.com",
    "http://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3/", "http://\uff11\uff12\uff17.0.0.1/",
    "http://127\u30020\u30020\u30021/", "file:///etc/passwd", "ftp://hooks.example.com/", "gopher://127.0.0.1:6379/_x",
    "unix:/var/run/docker.sock", "//127.0.0.1/", "http:127.0.0.1", "http://hooks.example.com\\@127.0.0.1/",
    "http://hooks.example.com%00.evil.test/", "http://hooks.example.com%2eevil.test/", "javascript:alert(1)",
]  # fmt: skip


class Answers:
    """A name server under our control; each question takes the next answer and the last one stays."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = 0

    async def resolve(self, _host, _port):
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


@contextlib.asynccontextmanager
async def listener(answer=b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", host="127.0.0.1"):
    """A server that counts who reached it."""
    heads = []

    async def serve(reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                heads.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(answer)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, host, 0)
    async with server:
        yield server.sockets[0].getsockname()[1], heads


async def fetch(policy, url, resolver=None):
    """One read under this policy."""
    limits = Limits(attempt_timeout_s=3)
    outbound = Outbound(GuardedTransport(Guard(policy, resolver), limits, TRUST), limits)
    try:
        return await outbound.send("GET", url)
    finally:
        await outbound.aclose()


async def refused(policy, url, resolver=None):
    """Whether the guard (or the URL parser before it) stopped the request; nothing may have been connected."""
    try:
        await fetch(policy, url, resolver)
    except EgressRefused:
        return True
    except TransferFailed as problem:
        return not problem.sent
    return False


def test_there_are_at_least_sixty_forms():
    assert len(set(FORBIDDEN_ADDRESSES)) >= 60
    assert len(set(FORBIDDEN_URLS)) >= 40


@pytest.mark.parametrize("address", FORBIDDEN_ADDRESSES)
async def test_a_public_name_that_resolves_inside_is_refused(address):
    guard = Guard(AnyPublicHost(), Answers([address]))

    with pytest.raises(EgressRefused):
        await guard.addresses(guard.admit("https", "files.example.com", 443))


@pytest.mark.parametrize("address", FORBIDDEN_ADDRESSES)
async def test_one_bad_answer_among_good_ones_refuses_the_name(address):
    guard = Guard(AnyPublicHost(), Answers(["93.184.216.34", address]))

    with pytest.raises(EgressRefused):
        await guard.addresses(guard.admit("https", "files.example.com", 443))


@pytest.mark.parametrize("url", FORBIDDEN_URLS)
async def test_an_argument_reaches_only_the_allow_list_however_it_is_written(url):
    async with listener() as (port, heads):
        entry = allow_list(["hooks.example.com"])

        assert await refused(entry, url, Answers(["127.0.0.1"]))
        assert await refused(entry, url.replace(":80", "").replace("127.0.0.1/", f"127.0.0.1:{port}/"))
        assert heads == []


async def test_an_empty_allow_list_reaches_nothing():
    async with listener() as (port, heads):
        assert await refused(allow_list([]), f"http://127.0.0.1:{port}/")
        assert heads == []


async def test_a_name_on_the_allow_list_cannot_be_pointed_inside():
    """The operator wrote a name; only public addresses stand behind it."""
    async with listener() as (port, heads):
        policy = allow_list([f"hooks.example.com:{port}"])

        assert await refused(policy, f"http://hooks.example.com:{port}/", Answers(["127.0.0.1"]))
        assert heads == []


async def test_a_literal_address_on_the_allow_list_means_itself():
    async with listener() as (port, heads):
        reply = await fetch(allow_list([f"127.0.0.1:{port}"]), f"http://127.0.0.1:{port}/x")

    assert (reply.status, reply.body, len(heads)) == (200, b"hi", 1)


async def test_a_user_name_in_an_address_is_refused():
    """It would become a credential we never meant to send."""
    async with listener() as (port, heads):
        assert await refused(allow_list([f"127.0.0.1:{port}"]), f"http://user:pass@127.0.0.1:{port}/")
        assert heads == []


async def test_an_operator_setting_admits_its_own_host_and_port_and_no_other():
    async with listener() as (port, heads), listener() as (other_port, other_heads):
        policy = Only([chosen_by_operator(f"http://localhost:{port}/base")])
        reply = await fetch(policy, f"http://localhost:{port}/x")

        assert reply.status == 200
        assert await refused(policy, f"http://localhost:{other_port}/")
        assert await refused(policy, f"http://127.0.0.1:{port}/")
        assert (len(heads), other_heads) == (1, [])


async def test_even_an_operator_cannot_reach_a_metadata_service():
    policy = Only([chosen_by_operator("http://169.254.169.254/")])

    assert await refused(policy, "http://169.254.169.254/latest/")


async def test_a_host_this_package_names_has_to_be_public():
    assert await refused(Only([built_in("https://api.procore.com")]), "https://api.procore.com/", Answers(["10.0.0.5"]))


async def test_the_connection_goes_to_the_address_that_was_judged():
    """A second answer that points elsewhere (rebinding) is never asked for."""
    async with listener() as (port, heads):
        names = Answers(["127.0.0.1"], ["169.254.169.254"])
        policy = Only([Endpoint("rebind.test", port, private=True)])

        await fetch(policy, f"http://rebind.test:{port}/", names)

    assert names.asked == 1
    assert b"host: rebind.test" in heads[0].lower()


async def test_the_second_address_of_a_name_is_tried_when_the_first_does_not_answer():
    async with listener() as (port, heads):
        names = Answers(["127.0.0.2", "127.0.0.1"])
        policy = Only([Endpoint("two.test", port, private=True)])

        reply = await fetch(policy, f"http://two.test:{port}/", names)

    assert (reply.status, len(heads)) == (200, 1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_inside_is_refused(status):
    async with listener() as (inner_port, inner_heads):
        hop = f"HTTP/1.1 {status} Go\r\nlocation: http://127.0.0.1:{inner_port}/\r\ncontent-length: 0\r\n\r\n".encode()
        async with listener(hop) as (port, heads):
            assert await refused_after_redirect(allow_list([f"127.0.0.1:{port}"]), f"http://127.0.0.1:{port}/")

    assert (len(heads), inner_heads) == (1, [])


async def refused_after_redirect(policy, url):
    try:
        await fetch(policy, url)
    except EgressRefused:
        return True
    return False


async def test_proxy_and_netrc_settings_of_the_environment_are_ignored(monkeypatch, tmp_path):
    async with listener() as (proxy_port, proxied), listener() as (port, heads):
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login spy password secret\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy_port}")

        await fetch(allow_list([f"127.0.0.1:{port}"]), f"http://127.0.0.1:{port}/")

    assert (len(heads), proxied) == (1, [])
    assert b"authorization" not in heads[0].lower()


@pytest.mark.parametrize("entry", ["", "*.example.com", "http://x", "x/y", "x:99999", "x:y", "a@b", "x?y", "x#y"])
def test_an_allow_list_entry_that_is_no_host_and_port_is_refused_at_start(entry):
    with pytest.raises(Invalid):
        allow_list([entry])


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("Hooks.Example.COM", "https://hooks.example.com/"),
        ("hooks.example.com.", "http://hooks.example.com/"),
        ("b\u00fccher.example", "https://xn--bcher-kva.example/"),
        ("[::1]:8080", "http://[::1]:8080/"),
        ("::1", "https://[::1]/"),
        ("10.0.0.5:9000", "http://10.0.0.5:9000/"),
    ],
)
def test_an_allow_list_entry_admits_what_it_names(entry, url):
    target = httpx.URL(url)

    host = target.raw_host.decode()
    assert Guard(allow_list([entry])).admit(
        target.scheme, host, target.port or (443 if target.scheme == "https" else 80)
    )


@given(st.ip_addresses())
def test_no_address_is_public_that_python_calls_local(address):
    """Our list is stricter than Python's, never laxer."""
    if is_public(address):
        assert address.is_global
        assert True not in (address.is_private, address.is_loopback, address.is_link_local, address.is_multicast)
        assert not is_never_reachable(address)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_inside_an_ipv6_one_is_never_more_public(address):
    for prefix in ("::ffff:", "::", "64:ff9b::", "::ffff:0:"):
        disguised = ip_address(f"{prefix}{address}")

        assert not is_public(disguised) or is_public(address)
