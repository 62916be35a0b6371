"""The one guard on the way out: who may be called is decided here, and sockets open to the address that was checked.

A name is resolved once, every answer is judged, and the socket opens to a judged address: what a name server says a
moment later changes nothing. TLS still verifies the name.
"""

import asyncio
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpcore

from construction_mcp.core.errors import Invalid, NotPermitted
from construction_mcp.net.addresses import canonical_host, is_never_reachable, is_public, parse

DEFAULT_PORTS = {"http": 80, "https": 443}


class EgressRefused(NotPermitted):
    """The address is not one this server may reach; nothing was sent."""

    default_code = "SYSTEM_EGRESS_REFUSED"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host and port that may be reached; `private` when whoever named it may mean an address inside the network."""

    host: str
    port: int
    private: bool = False


class Policy(Protocol):
    """Judges names and ports; the guard judges the addresses behind them."""

    def admits(self, scheme: str, host: str, port: int) -> Endpoint | None:
        """The endpoint that covers this destination, or None."""
        ...


class Only:
    """Exactly these hosts and ports: what the operator's settings and the environment table name."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._endpoints = {(endpoint.host, endpoint.port): endpoint for endpoint in endpoints}

    def admits(self, scheme: str, host: str, port: int) -> Endpoint | None:
        return self._endpoints.get((host, port)) if scheme in DEFAULT_PORTS else None


class AnyPublicHost:
    """Any name over HTTPS on 443: for file storage that Procore redirects to and whose names it does not publish."""

    def admits(self, scheme: str, host: str, port: int) -> Endpoint | None:
        return Endpoint(host, port) if (scheme, port) == ("https", 443) else None


def chosen_by_operator(url: str) -> Endpoint:
    """The endpoint of a URL in the settings; it may be inside the network, since the operator wrote it."""
    return _endpoint_of(url, private=True)


def built_in(url: str) -> Endpoint:
    """The endpoint of a URL this package ships; it has to be public."""
    return _endpoint_of(url, private=False)


def allow_list(entries: Iterable[str]) -> Only:
    """CONSTRUCTION_MCP_EGRESS_ALLOW: `host[:port]`, both default ports without one.

    A name admits public addresses only, so that a name server cannot point it inside; `localhost` or a literal address
    admits what it says, because then the operator wrote the address.

    Raises:
        Invalid: an entry is not of that form.
    """
    return Only(endpoint for entry in entries for endpoint in _entry(entry))


def _entry(entry: str) -> list[Endpoint]:
    bare = parse(entry)
    split = urlsplit(f"//[{entry}]" if bare is not None and bare.version == 6 else f"//{entry}")
    try:
        host, port = split.hostname, split.port
    except ValueError:
        host = port = None
    if not host or split.path or split.query or split.fragment or split.username is not None or "*" in host:
        raise Invalid(f"CONSTRUCTION_MCP_EGRESS_ALLOW holds {entry!r}; an entry is host or host:port.")
    host = canonical_host(host)
    private = host == "localhost" or parse(host) is not None
    return [Endpoint(host, number, private) for number in ([port] if port else DEFAULT_PORTS.values())]


def _endpoint_of(url: str, *, private: bool) -> Endpoint:
    split = urlsplit(url)
    try:
        port = split.port or DEFAULT_PORTS.get(split.scheme)
    except ValueError:
        port = None
    if not split.hostname or port is None:
        raise Invalid("An address in the settings is not an http or https URL.", details={"scheme": split.scheme})
    return Endpoint(canonical_host(split.hostname), port, private)


class Resolver(Protocol):
    """Turns a name into addresses."""

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Every address of the name, in the order to try.

        Raises:
            OSError: the name does not resolve.
        """
        ...


class SystemResolver:
    """What the machine's own resolver says."""

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        rows = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(row[4][0]) for row in rows))


class Guard:
    """Decides for one kind of caller (operator settings, or arguments) where it may connect."""

    def __init__(self, policy: Policy, resolver: Resolver | None = None) -> None:
        self._policy = policy
        self._resolver = resolver or SystemResolver()

    def admit(self, scheme: str, host: str, port: int) -> Endpoint:
        """The endpoint that covers this destination.

        Raises:
            EgressRefused: the policy does not name it.
        """
        endpoint = self._policy.admits(scheme, canonical_host(host), port)
        if endpoint is None:
            raise EgressRefused("This server may not reach that host and port.", details={"host": host, "port": port})
        return endpoint

    async def addresses(self, endpoint: Endpoint) -> list[str]:
        """Resolve once and judge every answer: one that is not allowed refuses the name.

        Raises:
            EgressRefused: some answer lies where this endpoint may not.
            OSError: the name does not resolve.
        """
        answers = await self._resolver.resolve(endpoint.host, endpoint.port)
        if not answers:
            raise OSError("the name has no address")
        for answer in answers:
            address = parse(answer)
            if address is None or is_never_reachable(address) or not (endpoint.private or is_public(address)):
                raise EgressRefused(
                    "That host's address is not one this server may reach.", details={"host": endpoint.host}
                )
        return list(answers)


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """httpcore's door to the network, opening only to addresses the guard has judged.

    The scheme is not known at this depth: the transport has asked `Guard.admit` with it before.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._inner: httpcore.AsyncNetworkBackend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        # A pool serves one policy, and both schemes of it share their ports' endpoints.
        endpoint = self._guard.admit("https", host, port)
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._guard.addresses(endpoint)
        except TimeoutError:
            raise httpcore.ConnectTimeout("resolving the name took too long") from None
        except OSError:
            raise httpcore.ConnectError("the name does not resolve") from None
        return await self._first_of(addresses, port, timeout, local_address, socket_options)

    async def _first_of(
        self, addresses: list[str], port: int, within_s: float | None, local: str | None, options: Any
    ) -> httpcore.AsyncNetworkStream:
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(address, port, within_s, local, options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._inner.connect_tcp(addresses[-1], port, within_s, local, options)

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - httpcore's signature
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - httpcore's signature
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - httpcore's signature
    ) -> httpcore.AsyncNetworkStream:
        raise EgressRefused("This server reaches no local sockets.")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)
