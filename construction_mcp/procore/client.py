"""The door to Procore: one request with its token, its turn in the rate windows, its tries and its error.

What is repeated, at most `procore_tries_max` times in all and inside one deadline:
- a read, whatever passing trouble it met;
- a write only when Procore cannot have acted on it: nothing left this machine, or Procore turned it away (401, 429, 503
  with Retry-After). Anything else that keeps a write's outcome from us raises `Uncertain`.
"""

import contextlib
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from construction_mcp.cache import Cache, Key
from construction_mcp.core import meters
from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import ConstructionError, Invalid
from construction_mcp.core.trace import current_trace
from construction_mcp.net.breaker import Breakers
from construction_mcp.net.outbound import Outbound, Reply, TransferFailed
from construction_mcp.net.retry import Backoff, retry_after_s
from construction_mcp.procore import failures, paths
from construction_mcp.procore.budget import Usage, current_account
from construction_mcp.procore.connection import Connection
from construction_mcp.procore.ledger import read_report
from construction_mcp.procore.limiter import Limiters, Priority, Slot
from construction_mcp.procore.measuring import exchanging
from construction_mcp.procore.responses import Answer, Unreadable, read_answer
from construction_mcp.procore.tokens import Tokens

log = logging.getLogger(__name__)

Method = Literal["GET", "POST", "PATCH", "PUT", "DELETE"]


@dataclass(frozen=True, slots=True)
class Request:
    """One request as its caller means it; `repeatable` when doing it twice is the same as once."""

    connection: Connection
    method: Method
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    company: int | None = None
    repeatable: bool = False
    idempotency_token: str | None = None

    @property
    def what(self) -> str:
        """The request in words, without values of its query."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class _Trouble:
    """A try that brought no answer: the error it means, and whether and how another try makes sense."""

    error: ConstructionError
    again: bool = False
    wait_s: float | None = None  # what Procore asked for; None leaves it to the backoff
    held_s: float | None = None  # the limiter keeps everybody waiting for so long; nothing more to do here
    refused_token: str | None = None


class ProcoreClient:
    """Reads and writes for any connection; made once per process."""

    def __init__(
        self,
        outbound: Outbound,
        tokens: Tokens,
        *,
        limiters: Limiters,
        breakers: Breakers,
        cache: Cache,
        usage: Usage,
        clock: Clock,
        limits: Limits,
        backoff: Backoff | None = None,
    ) -> None:
        self._outbound = outbound
        self._tokens = tokens
        self._limiters = limiters
        self._breakers = breakers
        self._cache = cache
        self._clock = clock
        self._limits = limits
        self._backoff = backoff or Backoff(limits.procore_backoff_s, limits.procore_backoff_max_s)
        self.usage = usage
        self.offset_s: float | None = None  # how far Procore's clock was ahead of ours in its last answer

    async def get(
        self,
        connection: Connection,
        path: str,
        query: Mapping[str, Any] | None = None,
        *,
        company: int | None = None,
        ttl_s: float = 0.0,
        fresh: bool = False,
    ) -> Answer:
        """One read. Identical reads at the same time share one request; `ttl_s` keeps the answer longer.

        fresh: ask Procore now, whatever is kept or under way; for looking up a write whose outcome is unknown.

        Raises:
            Invalid: the path or the company is missing or wrong, or Procore refused the values.
            NotFound, NotPermitted, NeedsLogin, RateLimited, Unavailable: what Procore or the way there said.
        """
        request = self._checked(Request(connection, "GET", path, dict(query or {}), company=company))
        if fresh:
            self._cache.note_bypass()
            answer = await self._send(request)
            # What is kept may be older than what was just seen; the next reader must not go back in time.
            self._cache.invalidate(*paths.tags_written(request.path, request.query, request.company))
            return answer
        what = (connection.environment.name, request.path, paths.query_pairs(request.query))
        return await self._cache.get(
            Key(connection.id, request.company, what),
            lambda: self._send(request),
            ttl_s=ttl_s,
            tags=paths.tags_of(request.path, request.query, request.company),
            lane=_priority(),
        )

    async def write(self, request: Request) -> Answer:
        """One change. Reads it makes stale are forgotten, also when its outcome is unknown.

        Raises:
            Uncertain: it may have happened; it was not sent again.
            Conflict and those of `get`: it did not happen.
        """
        request = self._checked(request)
        try:
            return await self._send(request)
        finally:
            self._cache.invalidate(*paths.tags_written(request.path, request.query, request.company, request.body))

    def _checked(self, request: Request) -> Request:
        """The request with its company settled.

        Raises:
            Invalid: a path outside the REST API, a company that is missing, or two that differ.
        """
        paths.checked(request.path)
        named = paths.company_in(request.path, request.query, request.body)
        if request.company is not None and named is not None and named != request.company:
            raise Invalid(
                "The request names two different companies.", details={"company_ids": [request.company, named]}
            )
        company = request.company or named or request.connection.company_id
        is_user = request.connection.grant == "authorization_code"
        if company is None and not paths.needs_no_company(request.path):
            raise Invalid("Procore needs a company for this request.", code="PROCORE_COMPANY_REQUIRED")
        if paths.needs_no_company(request.path) and is_user and named is None and request.company is None:
            company = None  # the same answer for every company: one cache entry, one ledger
        return replace(request, company=company, repeatable=request.repeatable or request.method == "GET")

    async def _send(self, request: Request) -> Answer:
        priority = _priority()
        background = priority is Priority.BACKGROUND
        within_s = self._limits.procore_deadline_background_s if background else self._limits.procore_deadline_s
        deadline = self._clock.monotonic() + within_s
        failed, renewed = 0, False
        while True:
            outcome = await self._try(request, priority, deadline)
            if isinstance(outcome, Answer):
                return outcome
            failed += 1
            wait_s = self._wait_before(outcome, failed, deadline)
            if outcome.refused_token is not None and wait_s is not None:
                if renewed or not await self._renew(request.connection, outcome.refused_token):
                    wait_s = None
                renewed = True
            if wait_s is None:
                log.warning("procore request failed", extra={"request": request.what, "code": outcome.error.code})
                raise outcome.error
            meters.UPSTREAM_RETRIES.add(outcome.error.code)
            await self._clock.sleep(wait_s)

    async def _renew(self, connection: Connection, refused: str) -> bool:
        """Whether there is another token now."""
        return not hmac.compare_digest(await self._tokens.renew(connection, refused), refused)

    def _wait_before(self, trouble: _Trouble, failed: int, deadline: float) -> float | None:
        """Seconds until the next try; None when there should be none."""
        if not trouble.again or failed >= self._limits.procore_tries_max:
            return None
        if trouble.held_s is not None:
            wait_s, over_in_s = 0.0, trouble.held_s
        else:
            wait_s = over_in_s = self._backoff.delay_s(failed) if trouble.wait_s is None else trouble.wait_s
        return wait_s if self._clock.monotonic() + over_in_s < deadline else None

    async def _try(self, request: Request, priority: Priority, deadline: float) -> Answer | _Trouble:
        connection = request.connection
        token = await self._tokens.access_token(connection)
        limiter = self._limiters.of(connection.app.client_id)
        host = urlsplit(connection.environment.api).hostname or ""
        with self._breakers.attempt(host) as seen:
            account = current_account.get()
            standby = None if account is None else account.standby
            async with limiter.slot(priority, self._patience_s(priority, deadline), standby) as slot:
                slot.sent = False
                before = None if account is None or request.method == "GET" else account.before_write
                if before is not None:
                    await before()
                self.usage.charge(connection.id, request.company)
                try:
                    reply = await self._exchange(request, token, slot, deadline, before)
                except TransferFailed as problem:
                    slot.sent, seen.ok = problem.sent, False
                    return self._of_transfer(request, problem)
                seen.ok = reply.status < 500
                return self._of_reply(request, reply, token, slot)

    def _patience_s(self, priority: Priority, deadline: float) -> float:
        limits = self._limits
        most = limits.rate_wait_interactive_s if priority is Priority.INTERACTIVE else limits.rate_wait_background_s
        return max(0.0, min(most, deadline - self._clock.monotonic()))

    async def _exchange(
        self, request: Request, token: str, slot: Slot, deadline: float, before: Callable[[], Awaitable[None]] | None
    ) -> Reply:
        slot.sent = True
        query = paths.encoded(paths.query_pairs(request.query))
        url = request.connection.environment.api + request.path + (f"?{query}" if query else "")
        with exchanging(request.method, request.connection.environment.api, request.path) as seen:
            reply = await self._outbound.send(
                request.method,
                url,
                headers=_headers(request, token),
                content=None if request.body is None else json.dumps(request.body, allow_nan=False).encode(),
                within_s=max(0.1, deadline - self._clock.monotonic()),
                before=before,
            )
            seen.status = reply.status
        slot.observe(reply.headers)
        self._compare_clocks(reply.headers)
        trace = current_trace.get()
        if trace is not None:
            trace.upstream_requests += 1
            trace.upstream_ms += reply.elapsed_ms
        return reply

    def _compare_clocks(self, headers: Mapping[str, str]) -> None:
        """Source: RFC 9110 section 6.6.1: an origin server with a clock sends `Date`; it tells whole seconds."""
        with contextlib.suppress(ValueError, TypeError):
            theirs = parsedate_to_datetime(headers.get("date", ""))
            if theirs.tzinfo is not None:
                self.offset_s = (theirs - self._clock.now()).total_seconds()

    def _of_transfer(self, request: Request, problem: TransferFailed) -> _Trouble:
        error = failures.failure_of_transfer(problem, request.what)
        if problem.sent and not request.repeatable:
            return _Trouble(failures.outcome_unknown(request.what, error))
        return _Trouble(error, again=problem.retryable)

    def _of_reply(self, request: Request, reply: Reply, token: str, slot: Slot) -> Answer | _Trouble:
        status, headers = reply.status, reply.headers
        if 200 <= status < 300:
            return self._of_success(request, reply)
        asked_s = retry_after_s(headers.get("retry-after"), self._clock.now(), max_s=self._limits.header_wait_max_s)
        was_refused = failures.is_refusal(status, headers)
        if was_refused:
            asked_s = self._pause(status, headers, asked_s, slot)
        error = failures.failure_of(status, headers, reply.body, request.what, asked_s)
        if status == 401:
            return _Trouble(error, again=True, wait_s=0.0, refused_token=token)
        if was_refused:
            return _Trouble(error, again=True, held_s=asked_s)
        if failures.can_pass(status) and not request.repeatable:
            return _Trouble(failures.outcome_unknown(request.what, error))
        return _Trouble(error, again=failures.can_pass(status), wait_s=asked_s)

    def _of_success(self, request: Request, reply: Reply) -> Answer | _Trouble:
        try:
            return read_answer(reply.status, reply.headers, reply.body, bytes_max=self._limits.answer_bytes_max)
        except Unreadable:
            error = failures.unreadable(reply.status, request.what)
            if request.repeatable:
                return _Trouble(error, again=True)
            return _Trouble(failures.outcome_unknown(request.what, error))

    def _pause(self, status: int, headers: Mapping[str, str], asked_s: float | None, slot: Slot) -> float:
        """Hold everybody for as long as Procore asked, by Retry-After or the reset, whichever is later."""
        report = read_report(headers, self._clock.now()) if status == 429 else None
        reset_s = report.reset_in_s if report is not None and report.remaining == 0 else 0.0
        seconds = min(max(asked_s or 0.0, reset_s), self._limits.header_wait_max_s)
        if seconds <= 0:
            seconds = self._limits.spike_window_s  # refused without a word: the shorter window is over by then
        slot.pause(seconds if status == 429 else min(seconds, self._limits.overload_pause_max_s))
        return seconds


def _headers(request: Request, token: str) -> dict[str, str]:
    headers = {"authorization": f"Bearer {token}", "accept": "application/json"}
    if request.company is not None:
        headers["procore-company-id"] = str(request.company)
    if request.body is not None:
        headers["content-type"] = "application/json"
    if request.idempotency_token is not None:
        headers["idempotency-token"] = request.idempotency_token
    return headers


def _priority() -> Priority:
    account = current_account.get()
    return Priority.INTERACTIVE if account is None else account.priority
