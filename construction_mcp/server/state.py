"""Seals what a client carries between two rounds of one call, with a key made from the workspace's."""

from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.request_state import AESGCMRequestStateCodec, RequestStateBoundary, RequestStateSecurity

from construction_mcp.bootstrap import House
from construction_mcp.core.keys import KeyRing


class WorkspaceSeal:
    """A `RequestStateCodec` that reads the workspace key only when a tool first asks a person something."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._codec: AESGCMRequestStateCodec | None = None

    async def prepare(self) -> None:
        """Get the key; `seal` and `unseal` cannot wait for it."""
        if self._codec is None:
            ring = await self._house.services.get(KeyRing)
            self._codec = AESGCMRequestStateCodec([ring.derive("request-state")])

    def seal(self, payload: bytes) -> str:
        assert self._codec is not None, "prepare() comes first"
        return self._codec.seal(payload)

    def unseal(self, token: str) -> bytes:
        assert self._codec is not None, "prepare() comes first"
        return self._codec.unseal(token)


class SealedRounds:
    """The SDK's boundary around every call that may take rounds, with the key fetched when one does."""

    def __init__(self, seal: WorkspaceSeal, security: RequestStateSecurity) -> None:
        self._seal = seal
        self._boundary = RequestStateBoundary(security, default_audience="construction-mcp")

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        async def prepared(inner: ServerRequestContext[Any, Any]) -> HandlerResult:
            result = await call_next(inner)
            if isinstance(result, dict) and result.get("requestState") is not None:
                await self._seal.prepare()
            return result

        if ctx.params is not None and ctx.params.get("requestState") is not None:
            await self._seal.prepare()
        return await self._boundary(ctx, prepared)
