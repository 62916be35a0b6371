"""The life of a `serve` process: own the directory, open it, listen, say where, drain on a signal."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from construction_mcp.bootstrap import House
from construction_mcp.core.config import Settings, load_settings
from construction_mcp.core.launch import Launch
from construction_mcp.core.logs import log_to_stderr
from construction_mcp.core.ownership import Ownership
from construction_mcp.registry.catalog import View
from construction_mcp.server.addresses import bind, local_url, require_guarded, transport_security
from construction_mcp.server.app import build_server
from construction_mcp.server.approval_pages import approval_routes
from construction_mcp.server.auth import Bearers, Identify, everybody, operator, people, principal_of
from construction_mcp.server.counter import Counter
from construction_mcp.server.dashboard.layout import PATH as DASHBOARD_PATH
from construction_mcp.server.dashboard.login import LINK
from construction_mcp.server.dashboard.routes import dashboard_routes
from construction_mcp.server.dashboard.session import Links
from construction_mcp.server.deliveries import delivery_routes
from construction_mcp.server.handover import own_directory
from construction_mcp.server.health import Readiness
from construction_mcp.server.http import MCP_PATH, SSE_PATH, HttpFace
from construction_mcp.server.leftovers import remove_leftovers
from construction_mcp.server.metrics import metrics_routes, watch_loop
from construction_mcp.server.oauth import OAuthTokens, issuer_of, resource_metadata
from construction_mcp.server.owner import LocalDoor
from construction_mcp.server.running import run_workflows
from construction_mcp.server.sign_in_pages import sign_in_routes
from construction_mcp.server.simulated import simulator_routes
from construction_mcp.server.token import OperatorToken, read_or_make
from construction_mcp.server.tracing import tracing
from construction_mcp.server.web import WebServer
from construction_mcp.server.workplace import Workplace
from construction_mcp.store.users import Users

_ENDING_SHARE = 0.8  # of drain_s for the calls under way; the rest closes connections and the store
_TOKEN_FILE = "http-token"  # noqa: S105 - a file name


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What only `serve` takes."""

    host: str
    port: int
    no_auth: bool = False
    as_json: bool = False


def run_serve(launch: Launch, options: ServeOptions) -> None:
    """Own the data directory and serve it until SIGTERM or SIGINT.

    Raises:
        ConstructionError: it cannot start; the message says why.
    """
    log_to_stderr(launch.log_level)
    settings = load_settings(launch)
    require_guarded(options.host, settings, no_auth=options.no_auth)
    issuer_of(settings)
    with bind(options.host, options.port) as listener:
        ownership = own_directory(launch.data_dir, settings.limits)
        try:
            with tracing(os.environ):
                asyncio.run(_serve(launch, settings, options, ownership, listener))
        finally:
            ownership.release()


async def _serve(
    launch: Launch, settings: Settings, options: ServeOptions, ownership: Ownership, listener: socket.socket
) -> None:
    stop = _signalled()
    settings = replace(settings, serve_url=local_url(listener))
    token = None if options.no_auth else read_or_make(token_file(settings))
    async with House(settings) as house:
        identify = everybody() if token is None else await _identify(house, token)
        house.reach.listen_at(local_url(listener))
        links = None if token is None else Links(token.value, house.clock, settings.limits)
        face = _face(house, identify, links, local_url(listener))
        door = LocalDoor(launch, ownership, Workplace(house), kind="serve")
        web = WebServer(face.app, settings.limits)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(web.serve([listener]))
            await web.accepting.wait()
            await door.open()
            _announce(listener, token, links, house, options)
            tidying = tasks.create_task(remove_leftovers(house))
            working = tasks.create_task(run_workflows(house))
            watching = tasks.create_task(watch_loop(settings.limits.loop_lag_look_s))
            await stop.wait()
            for task in (tidying, working, watching):
                task.cancel()
            await _drain(face, door, settings.limits.drain_s * _ENDING_SHARE)
            web.should_exit = True


def token_file(settings: Settings) -> Path:
    """Where the operator's token is kept."""
    return settings.token_file or settings.data_dir / _TOKEN_FILE


def _face(house: House, identify: Identify, links: Links | None, url: str) -> HttpFace:
    settings = house.settings
    view = View(settings.toolsets, settings.read_only, settings.environment)
    issuer = issuer_of(settings)
    metadata = resource_metadata((settings.public_url or url).rstrip("/") + MCP_PATH, issuer) if issuer else None
    return HttpFace(
        build_server(house, view, principal_of),
        identify=identify,
        security=transport_security(settings),
        limits=settings.limits,
        readiness=Readiness(),
        metadata_url=metadata.url if metadata else None,
        routes=[
            *(metadata.routes if metadata else ()),
            *sign_in_routes(house),
            *approval_routes(house),
            *dashboard_routes(house, identify, links),
            *simulator_routes(house, identify),
            *delivery_routes(house.services, settings.limits),
            *metrics_routes(house, identify),
        ],
        counter=Counter(house, view),
    )


async def _identify(house: House, token: OperatorToken) -> Identify:
    """The gate's judge. Asking for the users opens the store, so that nothing is accepted before it is there."""
    settings = house.settings
    verifiers = [operator(token.value), people(await house.services.get(Users))]
    issuer = issuer_of(settings)
    if issuer is not None:
        verifiers.append(OAuthTokens(issuer, house.clock, settings.limits).verify)
    return Bearers(verifiers, house.clock, settings.limits).identify


async def _drain(face: HttpFace, door: LocalDoor, seconds: float) -> None:
    """Answer what was accepted over HTTP and from bridged processes, then end the streams."""
    face.drain()
    with contextlib.suppress(TimeoutError):  # what takes longer than a drain may take is cut off
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as tasks:
            tasks.create_task(door.close())
            tasks.create_task(face.answered())
    face.close_streams()


def _announce(
    listener: socket.socket, token: OperatorToken | None, links: Links | None, house: House, options: ServeOptions
) -> None:
    """The addresses, now that they accept connections: for people on stderr, for programs as one line on stdout."""
    settings, url = house.settings, local_url(listener)
    said = [
        f"MCP (Streamable HTTP)  {url}{MCP_PATH}",
        f"MCP (legacy SSE)       {url}{SSE_PATH}",
        f"Dashboard              {url}{DASHBOARD_PATH}",
    ]
    if links is not None:
        minutes = settings.limits.dashboard_link_s / 60
        said.append(f"Signs you in once, within {minutes:.0f} minutes: {url}{LINK}/{links.new()}")
    if token is None:
        said.append("No authentication: every program on this machine can use it.")
    elif token.is_new:
        said.append(f"Bearer token (shown once, kept in {token_file(settings)}): {token.value}")
    else:
        said.append(f"Bearer token: in {token_file(settings)}")
    print("\n".join(said), file=sys.stderr, flush=True)  # noqa: T201 - a command tells its person
    if options.as_json:
        line = {
            "mcp": url + MCP_PATH,
            "sse": url + SSE_PATH,
            "dashboard": url + DASHBOARD_PATH,
            "webhooks": house.reach.webhooks,
            "token": token.value if token else None,
        }
        print(json.dumps(line), flush=True)  # noqa: T201 - the line --json promises


def _signalled() -> asyncio.Event:
    """Set by the first SIGTERM, SIGINT or, on Windows, CTRL_BREAK."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is None:
            continue
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    return stop
