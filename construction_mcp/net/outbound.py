"""One request out and one answer in, with a deadline, a size bound and every redirect judged again."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, ClassVar

import httpx

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Unavailable
from construction_mcp.net.body import ACCEPT_ENCODING, TooLarge, Undecodable, read_bounded

USER_AGENT = "construction-mcp"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# All that follows a redirect to another origin: no credential, no company, nothing of ours.
_HEADERS_FOR_STRANGERS = frozenset({"accept", "accept-encoding", "user-agent"})


class Fault(StrEnum):
    """What went wrong between us and the other side."""

    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    BROKEN = "broken"  # reset, cut off, or not HTTP
    TOO_LARGE = "too_large"
    REDIRECT = "redirect"  # too many, downgraded, or to nowhere


class TransferFailed(Unavailable):
    """No usable answer. `sent` tells whether the other side may have seen the request."""

    transient: ClassVar[frozenset[Fault]] = frozenset({Fault.CONNECT, Fault.TIMEOUT, Fault.BROKEN})

    def __init__(self, fault: Fault, *, sent: bool) -> None:
        super().__init__(
            "The other side gave no usable answer.", details={"fault": fault.value}, retryable=fault in self.transient
        )
        self.fault = fault
        self.sent = sent


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whole and decoded."""

    status: int
    headers: httpx.Headers
    body: bytes
    elapsed_ms: float


class Outbound:
    """Sends through one guarded client; redirects to other origins go through `elsewhere`, without credentials."""

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        limits: Limits,
        *,
        elsewhere: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._limits = limits
        self._client = _client(transport, limits)
        self._elsewhere = _client(elsewhere, limits) if elsewhere else self._client

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        within_s: float | None = None,
        bytes_max: int | None = None,
        before: Callable[[], Awaitable[None]] | None = None,
    ) -> Reply:
        """One request; redirects of reads are followed, at most `redirects_max`.

        before: awaited once connected, right before the first byte; what it raises comes out, and nothing has left.
        Transports that report nothing, such as the in-process one, do not ask it.

        Raises:
            TransferFailed: no whole answer within `within_s` seconds and `bytes_max` bytes.
            EgressRefused: the address, or one it redirects to, may not be reached.
        """
        journey = _Journey(before)
        started = time.perf_counter()
        try:
            async with asyncio.timeout(min(within_s or self._limits.attempt_timeout_s, self._limits.attempt_timeout_s)):
                status, answered, body = await self._travel(
                    method, url, headers or {}, content, bytes_max=bytes_max, journey=journey
                )
        except TimeoutError:
            raise TransferFailed(Fault.TIMEOUT, sent=journey.sent) from None
        except (httpx.TransportError, httpx.InvalidURL, TooLarge, Undecodable) as problem:
            raise _failure(problem, journey) from None
        return Reply(status, answered, body, (time.perf_counter() - started) * 1000)

    async def aclose(self) -> None:
        """Close both connection pools."""
        await self._client.aclose()
        await self._elsewhere.aclose()

    async def _travel(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None,
        *,
        bytes_max: int | None,
        journey: "_Journey",
    ) -> tuple[int, httpx.Headers, bytes]:
        client, here = self._client, httpx.URL(url)
        sending = {"accept-encoding": ACCEPT_ENCODING, "user-agent": USER_AGENT, **_lowered(headers)}
        for _ in range(self._limits.redirects_max + 1):
            request = client.build_request(
                method, here, headers=sending, content=content, extensions={"trace": journey.trace}
            )
            journey.sent = True
            answer = await client.send(request, stream=True)
            try:
                there = _next_hop(answer, here) if method in ("GET", "HEAD") else None
                if there is None:
                    body = await read_bounded(answer, bytes_max or self._limits.answer_bytes_max)
                    return answer.status_code, answer.headers, body
            finally:
                await answer.aclose()
            if _origin(there) != _origin(here):
                client = self._elsewhere
                sending = {name: value for name, value in sending.items() if name in _HEADERS_FOR_STRANGERS}
            here = there
        raise TransferFailed(Fault.REDIRECT, sent=True)


class _Journey:
    """Watches one request, to know whether the other side may have seen any of it.

    Handing it to a transport counts as sending until a connection attempt shows that nothing has left yet: some
    transports, such as the in-process one, report nothing.
    """

    def __init__(self, before: Callable[[], Awaitable[None]] | None) -> None:
        self.sent = False
        self._before = before

    async def trace(self, event: str, _info: Mapping[str, Any]) -> None:
        """httpcore's trace extension."""
        if event.endswith("connect_tcp.started"):
            self.sent = False
        elif event.endswith("send_request_headers.started"):
            if self._before is not None:
                await self._before()
            self.sent = True


def _client(transport: httpx.AsyncBaseTransport, limits: Limits) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=transport,
        trust_env=False,  # a proxy variable or a .netrc file would see, or add, credentials
        follow_redirects=False,
        # Cookies of one connection must not follow another's requests.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        timeout=httpx.Timeout(limits.read_timeout_s, connect=limits.connect_timeout_s, pool=limits.connect_timeout_s),
    )


def _failure(problem: Exception, journey: _Journey) -> TransferFailed:
    if isinstance(problem, TooLarge):
        return TransferFailed(Fault.TOO_LARGE, sent=True)
    if isinstance(problem, httpx.ConnectError):
        return TransferFailed(Fault.TLS if _is_tls(problem) else Fault.CONNECT, sent=False)
    if isinstance(problem, httpx.ConnectTimeout | httpx.PoolTimeout):
        return TransferFailed(Fault.CONNECT, sent=False)
    if isinstance(problem, httpx.TimeoutException):
        return TransferFailed(Fault.TIMEOUT, sent=journey.sent)
    if isinstance(problem, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return TransferFailed(Fault.REDIRECT, sent=journey.sent)
    return TransferFailed(Fault.BROKEN, sent=journey.sent)


def _is_tls(problem: BaseException | None) -> bool:
    while problem is not None:
        if isinstance(problem, ssl.SSLError):
            return True
        problem = problem.__cause__ or problem.__context__
    return False


def _next_hop(answer: httpx.Response, here: httpx.URL) -> httpx.URL | None:
    if answer.status_code not in _REDIRECTS or "location" not in answer.headers:
        return None
    try:
        there = here.join(answer.headers["location"])
    except httpx.InvalidURL:
        raise TransferFailed(Fault.REDIRECT, sent=True) from None
    if there.scheme not in ("http", "https") or (here.scheme == "https" and there.scheme == "http"):
        raise TransferFailed(Fault.REDIRECT, sent=True)
    return there


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
