"""Who looks at the dashboard: sessions that last as long as their bearer, and links that open one once.

A session keeps its bearer sealed under a key that only the browser's cookie has, and shows it to the same judge as an
MCP call before each page. So a revoked, rotated or expired bearer ends its sessions, a changed role counts at once, and
what is in this process's memory opens nothing. Nothing is stored: after a restart people sign in again.
Source: OWASP "Session Management" (renewal, idle and absolute time-outs), "Cross-Site Request Forgery Prevention".
"""

import hmac
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cachetools import TLRUCache, TTLCache

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.json import write_json
from construction_mcp.core.types import Principal
from construction_mcp.server.auth import Identify

_TOKEN_BYTES = 32  # 256 bits: not to be guessed
_TOKEN_CHARS_MAX = 100
_NONCE_BYTES = 12  # NIST SP 800-38D


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of somebody who is signed in."""

    principal: Principal
    token: str

    def key(self, *about: str) -> str:
        """What a form brings back: only a page that this session was shown about exactly this has it."""
        return hmac.digest(self.token.encode(), write_json(["form", *about]).encode(), "sha256").hex()

    def has_key(self, given: str, *about: str) -> bool:
        """Whether it is this session's key of such a form."""
        return hmac.compare_digest(self.key(*about).encode(), given.encode("utf-8", "surrogatepass"))


@dataclass(slots=True)
class _Session:
    nonce: bytes
    sealed: bytes
    used_at: float
    ends_at: float


class Sessions:
    """The sessions of one process, by the hash of their token."""

    def __init__(self, identify: Identify, clock: Clock, limits: Limits) -> None:
        self._identify = identify
        self._clock = clock
        self._length_s, self._idle_s = limits.dashboard_session_s, limits.dashboard_idle_s
        self._open: TLRUCache[bytes, _Session] = TLRUCache(
            limits.dashboard_sessions_max, ttu=lambda _, session, __: session.ends_at, timer=clock.monotonic
        )

    async def open(self, bearer: str) -> str | None:
        """A new session's token; None when nobody has that bearer. An empty one is what `--no-auth` takes."""
        if await self._judged(bearer) is None:
            return None
        token, nonce, now = secrets.token_urlsafe(_TOKEN_BYTES), secrets.token_bytes(_NONCE_BYTES), self._now()
        sealed = _cipher(token).encrypt(nonce, bearer.encode("utf-8", "surrogatepass"), None)
        self._open[_hash(token)] = _Session(nonce, sealed, now, now + self._length_s)
        return token

    async def visit(self, token: str | None, *, is_use: bool = True) -> Visit | None:
        """Who this is now; None when the session, or the bearer it was opened with, has ended.

        is_use: whether a person did it; what a page asks by itself keeps no session alive.
        """
        if token is None or len(token) > _TOKEN_CHARS_MAX:
            return None
        session = self._open.get(_hash(token))
        if session is None:
            return None
        if session.used_at + self._idle_s <= self._now():
            self.close(token)
            return None
        bearer = _cipher(token).decrypt(session.nonce, session.sealed, None).decode("utf-8", "surrogatepass")
        principal = await self._judged(bearer)
        if principal is None:
            self.close(token)
            return None
        if is_use:
            session.used_at = self._now()
        return Visit(principal, token)

    def close(self, token: str) -> None:
        """Signed out; ending it twice is no mistake."""
        self._open.pop(_hash(token), None)

    async def _judged(self, bearer: str) -> Principal | None:
        """As for a request that carries it."""
        header = (b"authorization", b"Bearer " + bearer.encode("latin-1", "replace"))
        caller = await self._identify({"type": "http", "headers": [header] if bearer else []})
        return None if caller is None else caller.principal

    def _now(self) -> float:
        return self._clock.monotonic()


class Links:
    """Addresses that sign somebody in once, as whoever has `bearer`; only their hashes are kept."""

    def __init__(self, bearer: str, clock: Clock, limits: Limits) -> None:
        self._bearer = bearer
        self._open: TTLCache[bytes, bool] = TTLCache(
            limits.dashboard_links_max, limits.dashboard_link_s, timer=clock.monotonic
        )

    def new(self) -> str:
        """The secret part of a new address."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._open[_hash(token)] = True
        return token

    def leads(self, token: str) -> bool:
        """Whether it would sign somebody in. Looking spends nothing: previews and scanners look too."""
        return len(token) <= _TOKEN_CHARS_MAX and _hash(token) in self._open

    def spend(self, token: str) -> str | None:
        """The bearer to open a session with, once; None when the link was spent, is too old or never was."""
        is_open = len(token) <= _TOKEN_CHARS_MAX and self._open.pop(_hash(token), False)
        return self._bearer if is_open else None


def _cipher(token: str) -> Any:
    """The seal of one session; its key is derived from what only the cookie has."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # 20 ms: only for whoever signs in

    return AESGCM(hmac.digest(token.encode("utf-8", "surrogatepass"), b"session bearer", "sha256"))


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
