"""What a transport needs of the house: a server for a client's view, and the owner's commands."""

from typing import Any

from mcp.server.lowlevel import Server

from construction_mcp.bootstrap import House
from construction_mcp.commands import COMMANDS
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Invalid
from construction_mcp.core.types import local_principal
from construction_mcp.registry.catalog import View
from construction_mcp.server.app import build_server
from construction_mcp.server.leftovers import remove_leftovers
from construction_mcp.server.running import run_workflows


class Workplace:
    """The open data directory, as local transports see it."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._person = local_principal()
        self._servers: dict[View, Server[Any]] = {}

    @property
    def limits(self) -> Limits:
        return self._house.settings.limits

    def server(self, toolsets: tuple[str, ...], *, read_only: bool) -> Server[Any]:
        """The server of one view, shared by every client that has it. Read-only by either side wins.

        Raises:
            Invalid: there is no such toolset.
        """
        settings = self._house.settings
        view = View(toolsets, read_only or settings.read_only, settings.environment)
        if view not in self._servers:
            self._servers[view] = build_server(self._house, view, lambda _: self._person)
        return self._servers[view]

    async def keep_answers(self) -> None:
        """Leave the next start its first answers, if the shipped ones do not fit this installation.

        Raises:
            OSError: they cannot be written.
            ValueError, KeyError: they cannot be composed.
        """
        from construction_mcp.server.answers import refresh_cache

        await refresh_cache(self._house, self._person)

    async def remove_leftovers(self) -> None:
        """As `leftovers.remove_leftovers`."""
        await remove_leftovers(self._house)

    async def run_workflows(self) -> None:
        """As `running.run_workflows`."""
        await run_workflows(self._house)

    async def command(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Run one of the commands that the command line also has.

        Raises:
            ConstructionError: it is unknown or failed.
        """
        if name not in COMMANDS:
            raise Invalid(f"The owner knows no command {name!r}.")
        return await COMMANDS[name](self._house, arguments)
