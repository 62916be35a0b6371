"""The `TokenStore` of a real house: pairs sealed for their row, kept in the database."""

from construction_mcp.core.keys import KeyRing
from construction_mcp.procore.oauth import TokenPair
from construction_mcp.store.connections import Connections, Link, SealedPair, place_of


class Vault:
    """Seals with the workspace's keys; what the database holds opens only with them and only in its row."""

    def __init__(self, connections: Connections, keys: KeyRing) -> None:
        self._connections = connections
        self._keys = keys

    async def load(self, connection_id: str) -> TokenPair | None:
        kept = await self._connections.kept(connection_id)
        if kept is None:
            return None
        link, pair = kept
        refresh = None if pair.refresh is None else self._open(link, "refresh", pair.refresh)
        return TokenPair(self._open(link, "access", pair.access), pair.expires_at, refresh)

    async def save(self, connection_id: str, pair: TokenPair) -> None:
        link = await self._connections.get(connection_id)
        if link is None:
            return  # disconnected while a refresh was under way: there is nowhere to keep it, and nobody to use it
        refresh = None if pair.refresh_token is None else self._seal(link, "refresh", pair.refresh_token)
        sealed = SealedPair(self._seal(link, "access", pair.access_token), refresh, pair.expires_at)
        await self._connections.keep(connection_id, sealed)

    async def delete(self, connection_id: str) -> None:
        await self._connections.remove(connection_id)

    def _seal(self, link: Link, column: str, token: str) -> bytes:
        return self._keys.seal(token.encode(), place_of(link.id, column, link.principal, link.environment))

    def _open(self, link: Link, column: str, sealed: bytes) -> str:
        return self._keys.unseal(sealed, place_of(link.id, column, link.principal, link.environment)).decode()
