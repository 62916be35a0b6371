"""httpx's transport over an httpcore pool whose network backend is the egress guard."""

import contextlib
import functools
import ssl
from collections.abc import AsyncIterator, Iterator

import httpcore
import httpx

from construction_mcp.core.config import Limits
from construction_mcp.net.egress import DEFAULT_PORTS, EgressRefused, Guard, GuardedBackend


class GuardedTransport(httpx.AsyncBaseTransport):
    """Every connection of this transport was admitted by `guard`; no proxy, no environment, no HTTP/2."""

    def __init__(self, guard: Guard, limits: Limits, ssl_context: ssl.SSLContext | None = None) -> None:
        self._guard = guard
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl_context or _trusted_authorities(),
            max_connections=limits.outbound_connections_max,
            max_keepalive_connections=limits.outbound_connections_max,
            keepalive_expiry=limits.read_timeout_s,
            retries=0,  # when to try again is the caller's decision: it knows whether this is a write
            network_backend=GuardedBackend(guard),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        if url.scheme not in DEFAULT_PORTS or url.userinfo:
            raise EgressRefused("Only http and https addresses without a user name can be reached.")
        self._guard.admit(url.scheme, url.raw_host.decode("ascii"), url.port or DEFAULT_PORTS[url.scheme])
        assert isinstance(request.stream, httpx.AsyncByteStream)
        raw = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _errors_of_httpx(request):
            answer = await self._pool.handle_async_request(raw)
        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Body(answer, request),
            extensions=answer.extensions,
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


@functools.cache
def _trusted_authorities() -> ssl.SSLContext:
    """Read once: the bundle takes 50 ms to parse, and nothing of it differs between transports."""
    return httpx.create_ssl_context(trust_env=False)


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response, request: httpx.Request) -> None:
        self._answer = answer
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _errors_of_httpx(self._request):
            async for chunk in self._answer.aiter_stream():
                yield chunk

    async def aclose(self) -> None:
        await self._answer.aclose()


@contextlib.contextmanager
def _errors_of_httpx(request: httpx.Request) -> Iterator[None]:
    """httpcore and httpx name their errors alike; callers know httpx's."""
    try:
        yield
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as problem:
        kind = getattr(httpx, type(problem).__name__, httpx.TransportError)
        raise kind(str(problem), request=request) from problem
