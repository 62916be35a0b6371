"""`POST /webhooks/{hook_id}`: take a delivery, store it, and forget what it makes stale.

The order is the defence: an unknown hook, a wrong secret or a stale time costs no read of the body and leaves no row;
202 is said only of what would survive a power cut, and never waits for Procore. What Procore sends is a hint, which the
inbox (`engine/inbox.py`) turns into an execution once it has read the record. What a signed sender sends is believed:
its execution is stored in the same transaction, unless a filter has to look at it first.
"""

import contextlib
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from construction_mcp.cache import Cache
from construction_mcp.core import meters
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import ConstructionError, Invalid, NeedsLogin, NotFound, Unavailable
from construction_mcp.core.json import read_json
from construction_mcp.core.keys import KeyRing
from construction_mcp.core.reach import WEBHOOKS_PATH
from construction_mcp.core.services import Services
from construction_mcp.core.waking import Arrivals
from construction_mcp.engine.starter import event_key, new_execution, trigger_value
from construction_mcp.notify.signing import read_stamp, require_signed
from construction_mcp.procore.webhooks import read_event
from construction_mcp.store.deliveries import Accepted, Deliveries
from construction_mcp.store.executions import NewExecution
from construction_mcp.store.hooks import CustomHook, Hook, Hooks
from construction_mcp.store.starts import Startable

_SCHEME = "bearer "
_RETRY_S = 5


def delivery_routes(services: Services, limits: Limits) -> list[Route]:
    """The one route. It asks for the hook's own secret, never for a person's bearer."""

    async def deliver(request: Request) -> Response:
        request.state.source = "procore"
        try:
            accepted = await _accept(request, services, limits)
        except ConstructionError as error:
            if isinstance(error, NeedsLogin):
                await _note_refused(services, request.path_params["hook_id"], error)
            refusal = _refusal(error)
            _count_refusal(request.state.source, refusal.status_code)
            return refusal
        except ClientDisconnect:
            return Response(status_code=400)
        _count(request.state.source, accepted)
        return JSONResponse(_told(accepted), 202)

    return [Route(f"{WEBHOOKS_PATH}/{{hook_id}}", deliver, methods=["POST"])]


async def _accept(request: Request, services: Services, limits: Limits) -> Accepted:
    hooks = await services.get(Hooks)
    hook_id = request.path_params["hook_id"]
    custom = await hooks.custom(hook_id)
    if custom is not None:
        request.state.source = "custom"
        accepted = await _signed(request, custom, services, limits)
    else:
        accepted = await _procores(request, await hooks.authenticate(hook_id, _secret(request)), services, limits)
    (await services.get(Arrivals)).ring()
    return accepted


async def _note_refused(services: Services, hook_id: str, error: NeedsLogin) -> None:
    """So that a diagnosis can say that something comes and is turned away; no answer depends on it."""
    with contextlib.suppress(Unavailable):
        await (await services.get(Hooks)).note_refused(hook_id, error.message)


async def _procores(request: Request, hook: Hook, services: Services, limits: Limits) -> Accepted:
    event = read_event(_json(await _body(request, limits.delivery_bytes_max), limits))
    told = {**asdict(event), "at": event.at and event.at.isoformat()}
    deliveries = await services.get(Deliveries)
    odd = _odd(event.at, deliveries.clock.now(), limits)
    accepted = await deliveries.accept(hook.id, hook.workflow_id, event.id, told, odd=odd)
    (await services.get(Cache)).invalidate(*event.tags)
    return accepted


async def _signed(request: Request, hook: CustomHook, services: Services, limits: Limits) -> Accepted:
    """Source: Standard Webhooks, "Verifying webhook authenticity": over the raw body, before it is parsed."""
    if hook.state != "live":
        raise NotFound("There is no such webhook.", code="WEBHOOK_NOT_FOUND")
    deliveries = await services.get(Deliveries)
    stamp = read_stamp(request.headers, deliveries.clock.now(), limits.signature_window_s)
    raw = await _body(request, limits.delivery_bytes_max)
    require_signed(hook.secret(await services.get(KeyRing)), stamp, raw)
    body = _json(raw, limits)

    def begin(active: Startable) -> NewExecution | None:
        if active.trigger.get("filter") is not None:
            return None
        value = trigger_value(active.trigger, "webhook", stamp.sent_at, body=body)
        return new_execution(active, value, requested_by="webhook", key=event_key(stamp.id))

    told = {"id": stamp.id, "at": stamp.sent_at.isoformat(), "body": body}
    return await deliveries.accept(hook.id, hook.workflow_id, stamp.id, told, begin=begin)


def _count(source: str, accepted: Accepted) -> None:
    meters.DELIVERIES.add(source, "duplicate" if accepted.duplicate else "accepted")
    if accepted.execution_id is not None and not accepted.duplicate:
        meters.DECISIONS.add("started")
    elif not (accepted.is_waiting or accepted.duplicate):
        meters.DECISIONS.add("ignored")


def _count_refusal(source: str, status: int) -> None:
    outcome = {400: "invalid", 401: "unauthorized", 404: "unknown_hook", 413: "too_large"}.get(status, "unavailable")
    meters.DELIVERIES.add(meters.OTHER if outcome == "unknown_hook" else source, outcome)


def _json(raw: bytes, limits: Limits) -> Any:
    return read_json(raw, bytes_max=limits.delivery_bytes_max, depth_max=limits.json_depth_max, unique_keys=True)


def _odd(at: datetime | None, now: datetime, limits: Limits) -> str | None:
    """Why an event's own time is not to be believed: from the future, or older than our memory of what came before."""
    if at is not None and at > now + timedelta(seconds=limits.delivery_ahead_max_s):
        return "it is dated in the future"
    if at is not None and at < now - timedelta(days=limits.deliveries_kept_days):
        return f"it is older than {limits.deliveries_kept_days} days"
    return None


def _told(accepted: Accepted) -> dict[str, Any]:
    told = {"delivery_id": accepted.delivery_id, "duplicate": accepted.duplicate}
    return told if accepted.execution_id is None else {**told, "execution_id": accepted.execution_id}


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
