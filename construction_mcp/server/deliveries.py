"""`POST /webhooks/{hook_id}`: take a delivery, store it, and forget what it makes stale.

The order is the defence: an unknown hook or a wrong secret costs no read of the body and leaves no row; 202 is said
only of what would survive a power cut. The body is a hint: it forgets cached reads and decides nothing.
"""

from dataclasses import asdict

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from construction_mcp.cache import Cache
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import ConstructionError, Invalid, NeedsLogin, NotFound
from construction_mcp.core.json import read_json
from construction_mcp.core.reach import WEBHOOKS_PATH
from construction_mcp.core.services import Services
from construction_mcp.procore.webhooks import read_event
from construction_mcp.store.hooks import Accepted, Hooks

_SCHEME = "bearer "
_RETRY_S = 5


def delivery_routes(services: Services, limits: Limits) -> list[Route]:
    """The one route. It asks for the hook's own secret, never for a person's bearer."""

    async def deliver(request: Request) -> Response:
        try:
            accepted = await _accept(request, services, limits)
        except ConstructionError as error:
            return _refusal(error)
        except ClientDisconnect:
            return Response(status_code=400)
        return JSONResponse(accepted._asdict(), 202)

    return [Route(f"{WEBHOOKS_PATH}/{{hook_id}}", deliver, methods=["POST"])]


async def _accept(request: Request, services: Services, limits: Limits) -> Accepted:
    hooks = await services.get(Hooks)
    hook = await hooks.authenticate(request.path_params["hook_id"], _secret(request))
    body = read_json(
        await _body(request, limits.delivery_bytes_max),
        bytes_max=limits.delivery_bytes_max,
        depth_max=limits.json_depth_max,
        unique_keys=True,
    )
    event = read_event(body)
    accepted = await hooks.accept(hook, event.id, {**asdict(event), "at": event.at and event.at.isoformat()})
    (await services.get(Cache)).invalidate(*event.tags)
    return accepted


def _secret(request: Request) -> str:
    said = request.headers.get("authorization", "")
    return said[len(_SCHEME) :].strip() if said[: len(_SCHEME)].lower() == _SCHEME else ""


async def _body(request: Request, bytes_max: int) -> bytes:
    """What was sent, no more than `bytes_max` of it in memory."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            raise Invalid(f"A delivery is at most {bytes_max} bytes.", code="VALIDATION_TOO_LARGE")
    return bytes(body)


def _refusal(error: ConstructionError) -> JSONResponse:
    """Procore repeats whatever is not 2xx, for twelve hours; 503 asks it to."""
    if isinstance(error, NotFound):
        return JSONResponse(error.public(), 404)
    if isinstance(error, NeedsLogin):
        return JSONResponse(error.public(), 401, {"www-authenticate": "Bearer"})
    if isinstance(error, Invalid):
        return JSONResponse(error.public(), 413 if error.code == "VALIDATION_TOO_LARGE" else 400)
    return JSONResponse(error.public(), 503, {"retry-after": str(_RETRY_S)})
