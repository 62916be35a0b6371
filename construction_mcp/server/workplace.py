"""What a transport needs of the house: a server for a client's view, the owner's commands, and an orderly end."""

from typing import Any, Protocol

from mcp.server.lowlevel import Server

from construction_mcp.core.config import Limits


class Workplace(Protocol):
    """The open data directory, as transports see it."""

    limits: Limits

    def server(self, toolsets: tuple[str, ...], *, read_only: bool) -> Server[Any]:
        """A server that shows this client's view; read-only by either side wins."""
        ...

    async def command(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Run one of the commands that the command line also has.

        Raises:
            ConstructionError: it is unknown or failed.
        """
        ...

    async def aclose(self) -> None:
        """Finish what is being written and let go of the files."""
        ...
