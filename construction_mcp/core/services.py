"""The house's long-lived objects by type, made on first need: what injection by annotation draws from."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from construction_mcp.core.types import Principal

Service = TypeVar("Service")
Factory = Callable[[], Awaitable[Any]]
PersonalFactory = Callable[[Principal], Awaitable[Any]]
"""Makes something for one call of one principal, such as Procore through their own account."""


class Services:
    """One instance per type. `ready` holds what exists already, so that the hot path is one dict lookup.

    Factories are keyed by `module:type`: naming a type that way does not import its room.
    """

    def __init__(self, factories: Mapping[str, Factory], personal: Mapping[str, PersonalFactory] | None = None) -> None:
        self._factories = dict(factories)
        self._personal = dict(personal or {})
        self._making: dict[type, asyncio.Future[None]] = {}
        self.ready: dict[type, Any] = {}

    async def for_caller(self, wanted: type[Service], principal: Principal) -> Service:
        """What a call of `principal` gets for `wanted`: made for them, or else the house's one instance."""
        personal = self._personal.get(_name(wanted))
        if personal is None:
            return await self.get(wanted)
        made: Service = await personal(principal)
        return made

    async def get(self, wanted: type[Service]) -> Service:
        """The instance of `wanted`, made once even when many ask at the same time.

        Raises:
            LookupError: no factory makes it; a mistake of the toolset's author.
        """
        if wanted not in self.ready:
            making = self._making.get(wanted)
            if making is None:
                making = self._making[wanted] = asyncio.ensure_future(self._make(wanted))
            # Shielded: a call that is cancelled must not leave others with half an object.
            await asyncio.shield(making)
        instance: Service = self.ready[wanted]
        return instance

    async def _make(self, wanted: type) -> None:
        factory = self._factories.get(_name(wanted))
        try:
            if factory is None:
                raise LookupError(f"nothing in bootstrap.py provides {wanted!r}")
            self.ready[wanted] = await factory()
        finally:
            del self._making[wanted]  # a failed one is tried again by whoever asks next


def _name(wanted: type) -> str:
    return f"{wanted.__module__}:{wanted.__qualname__}"
