"""Procore's token endpoint: code, refresh, service account, revocation.

Source: Procore "OAuth 2.0 Endpoints", "Authorization Code Grant Flow", "Client Credentials Grant Type". There is no
PKCE and no scope; a client secret is always needed. What the endpoint says in words is never shown: only its
`error` code is read.
"""

import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NoReturn
from urllib.parse import urlencode

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import ConstructionError, Invalid, NeedsLogin, NextCall, Unavailable
from construction_mcp.core.json import read_json
from construction_mcp.net.outbound import Outbound, Reply, TransferFailed
from construction_mcp.net.retry import Backoff
from construction_mcp.procore.connection import App, Connection
from construction_mcp.procore.environments import Environment
from construction_mcp.procore.failures import failure_of_transfer

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"  # Procore shows the code on a page, to be copied
_LIFE_S = 5400  # documented, and used when an answer leaves it out
_TOKEN_CHARS_MAX = 16_384
_ANSWER_BYTES_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class TokenPair:
    """An access token, its end, and the single-use refresh token; None when there is none left to use."""

    access_token: str = field(repr=False)
    expires_at: datetime
    refresh_token: str | None = field(default=None, repr=False)

    def carries(self, access_token: str | None) -> bool:
        """Whether this is the pair of that access token."""
        return access_token is not None and hmac.compare_digest(self.access_token, access_token)


class GrantRefused(NeedsLogin):
    """Procore does not accept the code or refresh token: it was used, is too old, or was revoked."""

    default_code = "AUTH_RECONNECT"


def reconnect(message: str) -> GrantRefused:
    """The error that ends in a person connecting again."""
    return GrantRefused(message, next_call=NextCall("connect_procore", {}, "Links the Procore account again."))


def authorize_url(environment: Environment, app: App, redirect_uri: str, state: str) -> str:
    """Where the person signs in."""
    query = {"response_type": "code", "client_id": app.client_id, "redirect_uri": redirect_uri, "state": state}
    return f"{environment.login}/oauth/authorize?{urlencode(query)}"


class OAuth:
    """Requests to `{login}/oauth/...`; repeats only what cannot burn a single-use code or token."""

    def __init__(self, outbound: Outbound, clock: Clock, limits: Limits, backoff: Backoff | None = None) -> None:
        self._outbound = outbound
        self._clock = clock
        self._limits = limits
        self._backoff = backoff or Backoff(limits.procore_backoff_s, limits.procore_backoff_max_s)

    async def exchange_code(self, environment: Environment, app: App, code: str, redirect_uri: str) -> TokenPair:
        """The first pair, for the code that sign-in gave.

        Raises:
            GrantRefused: the code was used, is older than ten minutes, or belongs to another redirect URI.
            Invalid: PROCORE_CREDENTIALS, the app itself is not accepted.
            Unavailable: no answer; the person signs in again, since the code may be spent.
        """
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        return await self._grant(environment, app, form, once=True)

    async def refresh(self, connection: Connection, refresh_token: str) -> TokenPair:
        """The next pair. Any refresh request spends the token given, so one that was sent is never repeated.

        Raises:
            GrantRefused: the token was spent or revoked.
            Invalid: PROCORE_CREDENTIALS.
            Unavailable: no usable answer.
        """
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return await self._grant(connection.environment, connection.app, form, once=True)

    async def service_token(self, connection: Connection) -> TokenPair:
        """An access token of the service account; there is no refresh token, and asking again costs nothing.

        Raises:
            Invalid: PROCORE_CREDENTIALS.
            Unavailable: no usable answer after the usual tries.
        """
        form = {"grant_type": "client_credentials"}
        try:
            return await self._grant(connection.environment, connection.app, form, once=False)
        except GrantRefused:
            _refuse_app()

    async def revoke(self, environment: Environment, app: App, token: str) -> None:
        """Revoke an access or refresh token; Procore ends both of the pair.

        Raises:
            Unavailable: Procore did not confirm.
        """
        reply = await self._post(environment, "/oauth/revoke", app, {"token": token}, once=False)
        if reply.status != 200:
            raise Unavailable("Procore did not confirm that access was revoked.", code="PROCORE_UNAVAILABLE")

    async def _grant(self, environment: Environment, app: App, form: dict[str, str], *, once: bool) -> TokenPair:
        asked_at = self._clock.now()  # the life of the token starts no earlier than this
        reply = await self._post(environment, "/oauth/token", app, form, once=once)
        body = _object_of(reply)
        if reply.status in (400, 401, 403):
            if body.get("error") in ("invalid_client", "unauthorized_client"):
                _refuse_app()
            raise reconnect("Procore does not accept this sign-in any more.")
        token = _token(body.get("access_token"))
        if reply.status not in (200, 201) or token is None:
            raise Unavailable("Procore's sign-in service gave no usable answer.", code="PROCORE_UNAVAILABLE")
        life_s = body.get("expires_in")
        life_s = life_s if isinstance(life_s, int) and 0 < life_s <= 86_400 * 365 else _LIFE_S
        return TokenPair(token, asked_at + timedelta(seconds=life_s), _token(body.get("refresh_token")))

    async def _post(self, environment: Environment, path: str, app: App, form: dict[str, str], *, once: bool) -> Reply:
        content = urlencode({**form, "client_id": app.client_id, "client_secret": app.client_secret}).encode()
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        failures = 0
        while True:
            error, again = await self._attempt(environment.login + path, headers, content, once=once)
            if isinstance(error, Reply):
                return error
            failures += 1
            if not again or failures >= self._limits.procore_tries_max:
                raise error
            await self._clock.sleep(self._backoff.delay_s(failures))

    async def _attempt(
        self, url: str, headers: dict[str, str], content: bytes, *, once: bool
    ) -> tuple[Reply | ConstructionError, bool]:
        """The reply, or the error and whether to try again."""
        try:
            reply = await self._outbound.send(
                "POST", url, headers=headers, content=content, bytes_max=_ANSWER_BYTES_MAX
            )
        except TransferFailed as problem:
            again = problem.retryable and not (once and problem.sent)
            return failure_of_transfer(problem, "POST /oauth"), again
        if reply.status < 500 and reply.status != 429:
            return reply, False
        error = Unavailable("Procore's sign-in service is overloaded.", code="PROCORE_UNAVAILABLE")
        return error, not once


def _refuse_app() -> NoReturn:
    raise Invalid("Procore does not accept the app's client id and secret.", code="PROCORE_CREDENTIALS") from None


def _object_of(reply: Reply) -> dict[str, Any]:
    try:
        body = read_json(reply.body, bytes_max=_ANSWER_BYTES_MAX)
    except Invalid:
        return {}
    return body if isinstance(body, dict) else {}


def _token(value: Any) -> str | None:
    """An opaque token that fits a header, or None."""
    fits = isinstance(value, str) and 0 < len(value) <= _TOKEN_CHARS_MAX and value.isascii() and value.isprintable()
    return value if fits and " " not in value else None
