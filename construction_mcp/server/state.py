"""Seals what a client carries between two rounds of one call, with a key made from the workspace's."""

from functools import cached_property

from mcp.server.request_state import AESGCMRequestStateCodec

from construction_mcp.bootstrap import House


class WorkspaceSeal:
    """A `RequestStateCodec` that reads the workspace key only when a tool first asks a person something."""

    def __init__(self, house: House) -> None:
        self._house = house

    def seal(self, payload: bytes) -> str:
        return self._codec.seal(payload)

    def unseal(self, token: str) -> bytes:
        return self._codec.unseal(token)

    @cached_property
    def _codec(self) -> AESGCMRequestStateCodec:
        return AESGCMRequestStateCodec([self._house.keys.derive("request-state")])
