"""The control endpoints of the simulator inside this process, for an admin: `serve` puts them at `/_sim`."""

from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from construction_mcp.bootstrap import House
from construction_mcp.core.errors import NotPermitted
from construction_mcp.core.types import Role
from construction_mcp.server.auth import Caller, Gate, Identify


def simulator_routes(house: House, identify: Identify) -> list[Route]:
    """`/_sim/...`, or nothing where Procore is not simulated here."""
    if not house.is_simulated_here:
        return []
    return [Route("/_sim/{control:path}", Gate(_Control(house), identify), methods=["GET", "POST"])]


class _Control:
    """Hands a request of an admin to the simulator; resetting sample data is nobody else's to do."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from construction_mcp.simulator.app import Simulator  # half a second: only for whoever asks

        caller: Caller = scope["user"]
        if not caller.principal.role.includes(Role.ADMIN):
            refusal = NotPermitted("The simulator's controls need the role admin.")
            await JSONResponse(refusal.public(), 403)(scope, receive, send)
            return
        simulator = await self._house.services.get(Simulator)
        await simulator(scope, receive, send)
