"""Access tokens ready to use: cached, refreshed once for everybody, and stored before they are used.

A refresh token is single use, and a refresh whose answer is lost has spent it. So: one refresh at a time whoever asks;
it runs to its end even when every caller has gone; the new pair is durable before the first request carries it.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Protocol

from cachetools import TLRUCache, TTLCache

from construction_mcp.cache import SingleFlight
from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import NeedsLogin, NextCall, Unavailable
from construction_mcp.core.meters import CacheCounts
from construction_mcp.procore.connection import Connection
from construction_mcp.procore.oauth import GrantRefused, OAuth, TokenPair, reconnect


class TokenStore(Protocol):
    """Where pairs live between processes, encrypted."""

    async def load(self, connection_id: str) -> TokenPair | None:
        """The pair kept for the connection."""
        ...

    async def save(self, connection_id: str, pair: TokenPair) -> None:
        """Keep the pair; it is durable when this returns."""
        ...

    async def delete(self, connection_id: str) -> None:
        """Keep nothing; no error when nothing was kept."""
        ...


class Tokens:
    """Hands out access tokens; a cached one costs no statement and no request."""

    def __init__(self, oauth: OAuth, store: TokenStore, clock: Clock, limits: Limits) -> None:
        self._oauth = oauth
        self._store = store
        self._clock = clock
        self._limits = limits
        self._cache: TLRUCache[str, TokenPair] = TLRUCache(
            limits.cache_entries_max, ttu=self._cached_until, timer=clock.monotonic
        )
        self._just_renewed: TTLCache[str, TokenPair] = TTLCache(
            limits.cache_entries_max, limits.renew_pause_s, timer=clock.monotonic
        )
        self._unsaved: dict[str, TokenPair] = {}
        self.counts = CacheCounts()
        self._flights = SingleFlight()

    def __len__(self) -> int:
        """Tokens in the cache."""
        return len(self._cache)

    async def access_token(self, connection: Connection) -> str:
        """A token that lives at least `refresh_ahead_s` longer, where Procore lets us have one.

        Raises:
            NeedsLogin: PROCORE_NOT_CONNECTED, or AUTH_RECONNECT when only a person can help.
            Unavailable: the token ended and the sign-in service gives no answer.
        """
        pair = self._cache.get(connection.id)
        if pair is not None and not self._ends_soon(pair):
            self.counts.hit += 1
        else:
            if self._flights.is_flying(connection.id):
                self.counts.coalesced += 1
            else:
                self.counts.miss += 1
            pair = await self._flights.run(connection.id, lambda: self._fresh(connection), finish=True)
        return pair.access_token

    async def renew(self, connection: Connection, refused: str) -> str:
        """Another token than `refused`, which Procore did not accept: however many ask, one refresh.

        A token that is itself only just renewed comes back unchanged: its refusal has another reason, such as an app
        that is not installed, and refreshing for every call would never end.

        Raises:
            NeedsLogin, Unavailable: as `access_token`.
        """
        just_renewed = self._just_renewed.get(connection.id)
        if just_renewed is not None and just_renewed.carries(refused):
            return refused
        pair = await self._flights.run(connection.id, lambda: self._fresh(connection, refused), finish=True)
        if pair.carries(refused):
            # Joined a flight that was only loading this very token.
            pair = await self._flights.run(connection.id, lambda: self._fresh(connection, refused), finish=True)
        self._just_renewed[connection.id] = pair
        return pair.access_token

    async def adopt(self, connection: Connection, pair: TokenPair) -> None:
        """Keep the pair of a new or renewed connection, durably, then use it.

        A refresh of the old pair that is under way ends first: it must not overwrite the new one.
        """
        await self._flights.settled(connection.id)
        await self._store.save(connection.id, pair)
        self._unsaved.pop(connection.id, None)
        self._cache[connection.id] = pair

    async def disconnect(self, connection: Connection) -> bool:
        """Revoke and delete; False when Procore did not confirm the revocation (what we kept is gone all the same).

        A refresh under way ends first, so that the pair it brings is the one revoked.
        """
        await self._flights.settled(connection.id)
        pair = self._cache.pop(connection.id, None) or await self._store.load(connection.id)
        self._unsaved.pop(connection.id, None)
        await self._store.delete(connection.id)
        if pair is None:
            return True
        try:
            await self._oauth.revoke(connection.environment, connection.app, pair.access_token)
        except Unavailable:
            return False
        return True

    async def aclose(self) -> None:
        """End, once refreshes under way have stored what they get: cancelling one would cost its connection."""
        await self._flights.aclose(self._limits.drain_s / 2)

    async def _fresh(self, connection: Connection, refused: str | None = None) -> TokenPair:
        """The pair to use now. Runs alone per connection."""
        if connection.grant == "client_credentials":
            return await self._service_pair(connection, refused)
        pair = await self._kept(connection)
        if not pair.carries(refused) and not self._ends_soon(pair):
            self._cache[connection.id] = pair
            return pair
        still_good = not pair.carries(refused) and pair.expires_at > self._clock.now()
        try:
            return await self._refreshed(connection, pair)
        except Unavailable:
            if not still_good:
                raise
            return pair  # refreshing ahead of time failed; the next call tries again

    async def _kept(self, connection: Connection) -> TokenPair:
        if connection.id in self._unsaved:
            await self._keep(connection, self._unsaved[connection.id])
        pair = self._cache.get(connection.id) or await self._store.load(connection.id)
        if pair is None:
            raise NeedsLogin(
                "This Procore account is not connected.",
                code="PROCORE_NOT_CONNECTED",
                next_call=NextCall("connect_procore", {}, "Links a Procore account."),
            )
        return pair

    async def _refreshed(self, connection: Connection, pair: TokenPair) -> TokenPair:
        if pair.refresh_token is None:
            raise reconnect("The Procore connection has ended and cannot be renewed.")
        try:
            new = await self._oauth.refresh(connection, pair.refresh_token)
        except GrantRefused:
            # Remembered, so that the next calls fail at once instead of asking Procore again and again.
            await self._keep(connection, replace(pair, refresh_token=None, expires_at=self._clock.now()))
            raise
        await self._keep(connection, new)
        return new

    async def _keep(self, connection: Connection, pair: TokenPair) -> None:
        """Durable first, then in use; a pair that could not be stored is tried again before anything else."""
        self._cache.pop(connection.id, None)
        self._unsaved[connection.id] = pair
        await self._store.save(connection.id, pair)
        del self._unsaved[connection.id]
        self._cache[connection.id] = pair

    async def _service_pair(self, connection: Connection, refused: str | None) -> TokenPair:
        pair = self._cache.get(connection.id)
        if pair is not None and not pair.carries(refused) and not self._ends_soon(pair):
            return pair
        # Not stored: any process gets another one for the asking.
        new = self._cache[connection.id] = await self._oauth.service_token(connection)
        return new

    def _ends_soon(self, pair: TokenPair) -> bool:
        return pair.expires_at - self._clock.now() <= timedelta(seconds=self._limits.refresh_ahead_s)

    def _cached_until(self, _connection_id: str, pair: TokenPair, now: float) -> float:
        """A stored pair for `token_cache_s`; a service account's, which has no store behind it, for its life."""
        life_s = (pair.expires_at - self._clock.now()).total_seconds()
        return now + (min(life_s, self._limits.token_cache_s) if pair.refresh_token is not None else life_s)
