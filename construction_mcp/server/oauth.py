"""Verified OAuth access tokens: signed by the issuer's published keys, for us, not expired.

Only the two asymmetric algorithms that every issuer offers are accepted, and the algorithm is checked against the kind
of key, so neither `none` nor an HMAC keyed with a public key gets through (RFC 8725, sections 3.1 and 3.2).
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import jwt
from mcp.server.auth.routes import build_resource_metadata_url, create_protected_resource_routes
from mcp.server.auth.settings import AuthSettings
from pydantic import AnyHttpUrl
from starlette.routing import Route

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits, Settings
from construction_mcp.core.errors import Invalid, NotPermitted, Unavailable
from construction_mcp.core.json import read_json
from construction_mcp.core.types import Principal, Role
from construction_mcp.net.egress import Guard, Only, chosen_by_operator
from construction_mcp.net.outbound import Outbound
from construction_mcp.net.transport import GuardedTransport
from construction_mcp.server.addresses import is_loopback
from construction_mcp.server.auth import Verified

log = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "ES256")
SCOPE_PREFIX = "construction-mcp:"
_KEY_TYPES = {"RS256": "RSA", "ES256": "EC"}
_ROLES_BY_RANK = (Role.ADMIN, Role.BUILDER, Role.APPROVER)
_NAME_LENGTH_MAX = 200


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whom the operator trusts to say who people are."""

    issuer: str
    audience: str
    jwks_url: str


def issuer_of(settings: Settings) -> Issuer | None:
    """The trusted issuer, or None when none is configured.

    Raises:
        Invalid: only part of it is configured, or its keys would come over a line that others can change.
    """
    given = (settings.oauth_issuer, settings.oauth_audience, settings.oauth_jwks_url)
    if not any(given):
        return None
    if not (settings.oauth_issuer and settings.oauth_audience and settings.oauth_jwks_url):
        raise Invalid("CONSTRUCTION_MCP_OAUTH_ISSUER, _AUDIENCE and _JWKS_URL belong together; set all three or none.")
    for name, url in (("ISSUER", settings.oauth_issuer), ("JWKS_URL", settings.oauth_jwks_url)):
        if not _is_safe(url):
            raise Invalid(f"CONSTRUCTION_MCP_OAUTH_{name} is {url!r}; it must be an https URL.")
    return Issuer(settings.oauth_issuer, settings.oauth_audience, settings.oauth_jwks_url)


class ResourceMetadata(NamedTuple):
    """What tells a client where to get a token (RFC 9728): the routes that serve it, and its URL for 401 answers."""

    url: AnyHttpUrl
    routes: list[Route]


def resource_metadata(resource: str, issuer: Issuer) -> ResourceMetadata:
    """The metadata of the MCP endpoint at `resource`, a full URL."""
    # AuthSettings keeps a URL without a path as it was written; issuers are compared as strings (RFC 8414, 3.3).
    urls = AuthSettings.model_validate(
        {"issuer_url": issuer.issuer, "resource_server_url": resource, "validate_token_resource": False}
    )
    assert urls.resource_server_url is not None
    routes = create_protected_resource_routes(
        urls.resource_server_url,
        [urls.issuer_url],
        scopes_supported=[SCOPE_PREFIX + role for role in Role],
        resource_name="construction-mcp",
    )
    return ResourceMetadata(build_resource_metadata_url(urls.resource_server_url), routes)


class OAuthTokens:
    """The verifier of one issuer's tokens."""

    def __init__(self, issuer: Issuer, clock: Clock, limits: Limits) -> None:
        self._issuer = issuer
        self._keys = PublishedKeys(issuer.jwks_url, clock, limits)
        self._leeway_s = limits.oauth_leeway_s

    async def verify(self, bearer: str) -> Verified | None:
        """Who the token speaks for; None for anything that is not a valid token of ours."""
        try:
            header = jwt.get_unverified_header(bearer)
        except jwt.PyJWTError:
            return None
        algorithm, key_id = header.get("alg"), header.get("kid")
        if algorithm not in ALGORITHMS or not isinstance(key_id, str):
            return None
        key = await self._keys.find(key_id, algorithm)
        return self._judge(bearer, key, algorithm) if key is not None else None

    def _judge(self, bearer: str, key: jwt.PyJWK, algorithm: str) -> Verified | None:
        try:
            claims = jwt.decode(
                bearer,
                key,
                algorithms=[algorithm],
                issuer=self._issuer.issuer,
                audience=self._issuer.audience,
                leeway=self._leeway_s,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as problem:
            log.info("refused an OAuth token: %s", type(problem).__name__)
            return None
        subject = claims["sub"]
        name = str(claims.get("name") or subject)[:_NAME_LENGTH_MAX]
        issuer = self._issuer.issuer
        return Verified(Principal(f"oauth:{issuer}|{subject}", _role(claims), name), issuer)


class PublishedKeys:
    """The issuer's JWKS. An unknown key id asks again, at most once in `jwks_refetch_s`, so that nobody can use made-up
    ids to make us flood the issuer. A set that cannot be fetched leaves the last one in force."""

    def __init__(self, url: str, clock: Clock, limits: Limits) -> None:
        self._url = url
        # The operator named this host: it and no other may be reached, wherever it redirects.
        self._outbound = Outbound(GuardedTransport(Guard(Only([chosen_by_operator(url)])), limits), limits)
        self._clock = clock
        self._limits = limits
        self._keys: dict[str, Mapping[str, Any]] = {}
        self._asked_at: float | None = None
        self._asking = asyncio.Lock()

    async def find(self, key_id: str, algorithm: str) -> jwt.PyJWK | None:
        """The key of that id, if it is of the algorithm's kind and meant for signatures."""
        if self._is_due(self._limits.jwks_refetch_s if key_id not in self._keys else self._limits.jwks_cache_s):
            await self._ask(key_id)
        found = self._keys.get(key_id, {})
        if found.get("kty") != _KEY_TYPES[algorithm] or found.get("use", "sig") != "sig":
            return None
        try:
            return jwt.PyJWK.from_dict(dict(found), algorithm)
        except (jwt.PyJWTError, ValueError, TypeError):
            return None

    def _is_due(self, period_s: float) -> bool:
        return self._asked_at is None or self._clock.monotonic() - self._asked_at >= period_s

    async def _ask(self, key_id: str) -> None:
        async with self._asking:
            if key_id in self._keys and not self._is_due(self._limits.jwks_cache_s):
                return  # somebody else fetched it while we waited
            if not self._is_due(self._limits.jwks_refetch_s):
                return
            self._asked_at = self._clock.monotonic()
            try:
                self._keys = await self._fetch()
            except (Invalid, NotPermitted, Unavailable) as problem:
                log.warning("the OAuth issuer's keys could not be fetched: %s", type(problem).__name__)

    async def _fetch(self) -> dict[str, Mapping[str, Any]]:
        reply = await self._outbound.send(
            "GET", self._url, within_s=self._limits.jwks_timeout_s, bytes_max=self._limits.jwks_bytes_max
        )
        if reply.status != 200:
            raise Unavailable(f"The issuer answered {reply.status}.")
        document = read_json(reply.body, bytes_max=self._limits.jwks_bytes_max)
        keys = document.get("keys") if isinstance(document, dict) else None
        if not isinstance(keys, list):
            raise Invalid("The answer is not a key set.")
        return {key["kid"]: key for key in keys if isinstance(key, dict) and isinstance(key.get("kid"), str)}


def _role(claims: Mapping[str, Any]) -> Role:
    """From a `construction-mcp:<role>` scope, the widest one; viewer without any."""
    said = claims.get("scope", claims.get("scp", ""))
    scopes = said.split() if isinstance(said, str) else said if isinstance(said, list) else []
    return next((role for role in _ROLES_BY_RANK if SCOPE_PREFIX + role in scopes), Role.VIEWER)


def _is_safe(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))
