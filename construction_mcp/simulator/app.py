"""The ASGI app: every request's way through ledger, faults, bearer, company header, rate windows and route."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs

import httpx
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from construction_mcp.simulator.answers import Answer, Refused
from construction_mcp.simulator.areas import all_routes
from construction_mcp.simulator.areas.companies import require_tool
from construction_mcp.simulator.bodies import read_body
from construction_mcp.simulator.call import Actor, Call
from construction_mcp.simulator.control import Control
from construction_mcp.simulator.deliveries import TIMEOUT_S, Dispatcher
from construction_mcp.simulator.faults import FaultKind, FaultScript
from construction_mcp.simulator.ledger import Ledger
from construction_mcp.simulator.limits import DOCS_WINDOWS, RateWindows
from construction_mcp.simulator.oauth import OAuth
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.routing import LEVELS, Route, Router
from construction_mcp.simulator.storage import Storage
from construction_mcp.simulator.wire import answer_bytes, drop_connection, hang, send_answer
from construction_mcp.simulator.world import World

_LOG = logging.getLogger("construction_mcp.simulator")
_LOOPBACK = ("127.0.0.1", "::1", "localhost", "testclient")


class Simulator:
    """One simulated Procore: its world and everything that answers for it. It is itself the ASGI app."""

    def __init__(
        self,
        world: World,
        *,
        windows: tuple[tuple[int, float], ...] = DOCS_WINDOWS,
        faults: Sequence[Any] = (),
        delivery_transport: httpx.AsyncBaseTransport | None = None,
        delivery_timeout_s: float = TIMEOUT_S,
        control_is_guarded: bool = False,  # True where a server in front has checked who may use /_sim
    ) -> None:
        self.world = world
        self.ledger = Ledger(world)
        self.faults = FaultScript(faults)
        self.limits = RateWindows(world, windows)
        self.dispatcher = Dispatcher(world, delivery_transport, delivery_timeout_s)
        self._control_is_guarded = control_is_guarded
        self._router = Router(all_routes())
        self._oauth = OAuth(world)
        self._storage = Storage(world)
        self._control = Control(self)

    def reset(self, seed: int | None = None) -> None:
        """Everything but the app's key pair and the switches as it was at the start."""
        self.world.reset(seed)
        self.ledger.clear()
        self.limits.reset()
        self.dispatcher.restart()
        self.faults.append([])

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Simulator"]:
        """With deliveries being sent; without it the app answers and events wait. Enter and leave in one task."""
        try:
            async with asyncio.TaskGroup() as tasks:
                deliveries = tasks.create_task(self.dispatcher.run())
                yield self
                deliveries.cancel()
        finally:
            self.world.commit()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        if request.url.path == "/_sim" or request.url.path.startswith("/_sim/"):
            await send_answer(send, await self._control_answer(request))
        else:
            await self._procore(request, receive, send)
        self.world.commit()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self.running():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    # -- control

    async def _control_answer(self, request: Request) -> Answer:
        client = request.client.host if request.client else "testclient"
        # A page in this machine's browser is not this machine's user: it always sends its origin.
        if not self._control_is_guarded and (client not in _LOOPBACK or "origin" in request.headers):
            return Answer(403, {"error": "/_sim answers this machine only."})
        try:
            body = await read_body(request)
        except Refused as why:
            return Answer(400, {"error": why.message})
        return self._control.answer(request.method, request.url.path, request.query_params, body)

    # -- Procore

    async def _procore(self, request: Request, receive: Receive, send: Send) -> None:
        path = request.url.path
        entry = self.ledger.open(request.method, path, request.url.query)
        fault = self.faults.next_for(request.method, path)
        if fault == "timeout":
            self.ledger.close(entry, status=0, write=False, body=None)
            self.world.commit()
            await hang(receive, send)
            return
        body: Any = None
        before = self.world.changes
        if fault in _FAULT_ANSWERS:
            answer = self._faulty(fault, path)
        else:
            answer, body = await self._answer(request)
        # Reading makes nothing that was not there; tokens are not Procore records.
        write = self.world.changes > before and request.method != "GET" and not path.startswith("/oauth/")
        self.ledger.close(entry, status=answer.status, write=write, body=body)
        self.world.commit()
        if fault == "lost_response":
            await drop_connection(receive, send)
        elif fault == "truncate":
            payload = answer_bytes(answer)
            await send_answer(send, answer, payload[: len(payload) // 2])
        else:
            await send_answer(send, answer)

    def _faulty(self, fault: FaultKind | None, path: str) -> Answer:
        """An answer given before Procore did anything."""
        if fault == "html":
            return Answer(200, html="<!doctype html><title>Gateway</title><h1>Please try again later</h1>")
        status, message, headers = _FAULT_ANSWERS[fault or ""]
        return Refused(status, message, headers=headers).answer(version=_version(path))

    async def _answer(self, request: Request) -> tuple[Answer, Any]:
        """The answer and, for the ledger, the parsed body."""
        path, body = request.url.path, None
        try:
            if path.startswith("/storage/") and request.method == "PUT":
                return await self._store_segment(request), None
            body = await read_body(request)
            if path.startswith("/oauth/"):
                return self._login(request, body), body
            if path.startswith(("/storage/", "/download/")):
                return self._file(request, body), None
            return self._rest(request, body), body
        except Refused as refusal:
            return refusal.answer(version=_version(path)), body
        except Exception:  # noqa: BLE001 (the outermost frame of a server: our mistake must answer 500, not hang up)
            _LOG.exception("the simulator failed on %s %s", request.method, path)
            return Refused(500, "The simulator made a mistake; see its log.").answer(version=_version(path)), body

    def _login(self, request: Request, body: Any) -> Answer:
        authorization = request.headers.get("authorization")
        form = body if isinstance(body, dict) else {}
        handlers: dict[tuple[str, str], Callable[[], Answer]] = {
            ("GET", "/oauth/authorize"): lambda: self._oauth.authorize_page(request.query_params),
            ("POST", "/oauth/authorize"): lambda: self._oauth.authorize(form),
            ("POST", "/oauth/token"): lambda: self._oauth.token(form),
            ("GET", "/oauth/token/info"): lambda: self._oauth.info(authorization),
            ("POST", "/oauth/revoke"): lambda: self._oauth.revoke(form),
        }
        handler = handlers.get((request.method, request.url.path.rstrip("/")))
        return handler() if handler else _unknown(request)

    async def _store_segment(self, request: Request) -> Answer:
        uuid, _, number = request.url.path.removeprefix("/storage/").partition("/")
        _refuse_bearer(request)
        return self._storage.receive_segment(uuid, number, await request.body())

    def _file(self, request: Request, body: Any) -> Answer:
        """`/download/x` wants the bearer and points to storage; storage refuses one (FACTS 9.2)."""
        place, _, name = request.url.path.strip("/").partition("/")
        if place == "download" and request.method == "GET":
            self._oauth.actor(request.headers.get("authorization"))
            return Answer(302, headers={"Location": f"{self.world.storage_url}/storage/{name}"})
        _refuse_bearer(request)
        if request.method == "GET":
            return Answer(200, self._storage.download(name))
        if request.method == "POST":
            return self._storage.receive_form(name, body if isinstance(body, dict) else {})
        return _unknown(request)

    def _rest(self, request: Request, body: Any) -> Answer:
        """Route, then the gates in Procore's order; rate headers are on every answer, refusals included."""
        found = self._router.find(request.method, request.url.path)
        if found is None:
            return _unknown(request)
        actor = self._oauth.actor(request.headers.get("authorization"))
        company_header = request.headers.get("procore-company-id")
        per_company = self.world.switches.rate_limit_scope == "app_company"
        reading = self.limits.take(f"{actor.client_id}:{company_header}" if per_company else actor.client_id)
        headers = {**self.limits.headers(reading), "Date": format_datetime(self.world.clock.now(), usegmt=True)}
        try:
            if reading is not None and not reading.allowed:
                raise self.limits.refusal(reading)
            answer = self._routed(request, found, actor, body, company_header)
        except Refused as refusal:
            answer = refusal.answer(version=_version(request.url.path))
        return Answer(answer.status, answer.body, {**headers, **answer.headers}, answer.html)

    def _routed(
        self, request: Request, found: tuple[Route, Any], actor: Actor, body: Any, company_header: str | None
    ) -> Answer:
        route, params = found
        call = Call(
            world=self.world,
            actor=actor,
            method=request.method,
            path=request.url.path,
            base_url=str(request.base_url).rstrip("/"),
            params=params,
            query=parse_qs(request.url.query, keep_blank_values=True),
            body=body,
        )
        company = self._company(call, route, company_header)
        call.company_id = company.id if company else None
        self._check_level(call, route)
        require_tool(call)
        answer = route.handler(call)
        self.dispatcher.offer(call.events)
        return answer

    def _company(self, call: Call, route: Route, header: str | None) -> Record | None:
        """The company of the header, which every call needs but two with a user's token (FACTS 1.3).

        Raises:
            Refused: 400 (a switch) without the header, 403 where the app is not installed or the caller is nobody.
        """
        named = any(call.whole(name) for name in ("company_id", "project_id"))
        exempt = route.path == "/rest/v1.0/companies" or (route.path == "/rest/v1.0/me" and not named)
        if header is None and exempt and not call.actor.is_service_account:
            return None
        if header is None:
            status = self.world.switches.missing_company_header
            raise Refused(status, "Missing Procore-Company-Id header! Send the id of the company with every call.")
        company = self.world.find("company", 0, int(header)) if header.isdigit() else None
        elsewhere = call.params.get("company_id") or call.text("company_id")
        if company is None or not company["app_installed"] or company.id not in call.user["company_ids"]:
            message = "App is not connected to this company."
            raise Refused(403, message, errors=[message])
        if elsewhere is not None and elsewhere != header:
            raise Refused(403, "The company in the path or query is not the one in the header.")
        return company

    def _check_level(self, call: Call, route: Route) -> None:
        """Read Only, Standard or Admin on the tool, by the caller's permission template (FACTS 10.4)."""
        if LEVELS.index(call.user["level"]) < LEVELS.index(route.level):
            raise Refused(403, "You do not have permission to access this resource.")


_FAULT_ANSWERS: dict[str, tuple[int, str, dict[str, str]]] = {
    "429": (429, "You have surpassed the max number of requests.", {"Retry-After": "1"}),
    "503": (503, "The service is overloaded.", {"Retry-After": "1"}),
    "401": (401, "The access token is invalid", {}),
    "403": (403, "You do not have permission to access this resource.", {}),
    "html": (200, "", {}),
}


def _version(path: str) -> int:
    return 2 if path.startswith("/rest/v2") else 1


def _refuse_bearer(request: Request) -> None:
    if "authorization" in request.headers:
        raise Refused(400, "Storage takes no Authorization header.")


def _unknown(request: Request) -> Answer:
    message = f"The simulator has no route {request.method} {request.url.path}."
    return Refused(501, message).answer(version=_version(request.url.path))
