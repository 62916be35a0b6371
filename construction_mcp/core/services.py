"""The house's long-lived objects by type, made on first need: what injection by annotation draws from."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

Service = TypeVar("Service")
Factory = Callable[[], Awaitable[Any]]


class Services:
    """One instance per type. `ready` holds what exists already, so that the hot path is one dict lookup.

    Factories are keyed by `module:type`: naming a type that way does not import its room.
    """

    def __init__(self, factories: Mapping[str, Factory]) -> None:
        self._factories = dict(factories)
        self._locks: dict[type, asyncio.Lock] = {}
        self.ready: dict[type, Any] = {}

    async def get(self, wanted: type[Service]) -> Service:
        """The instance of `wanted`, made once even when many ask at the same time.

        Raises:
            LookupError: no factory makes it; a mistake of the toolset's author.
        """
        if wanted not in self.ready:
            factory = self._factories.get(f"{wanted.__module__}:{wanted.__qualname__}")
            if factory is None:
                raise LookupError(f"nothing in bootstrap.py provides {wanted!r}")
            async with self._locks.setdefault(wanted, asyncio.Lock()):
                if wanted not in self.ready:
                    self.ready[wanted] = await factory()
        instance: Service = self.ready[wanted]
        return instance
