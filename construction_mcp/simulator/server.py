"""The simulator on a socket: uvicorn on this machine's loopback, ended by a signal without losing anything."""

import asyncio
import json
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from construction_mcp.core.errors import Invalid
from construction_mcp.simulator.app import Simulator
from construction_mcp.simulator.faults import FaultScript
from construction_mcp.simulator.limits import parse_windows
from construction_mcp.simulator.sample.company import company_id, project_ids, sign_in_user_id
from construction_mcp.simulator.scales import SCALES
from construction_mcp.simulator.world import World

HOST = "127.0.0.1"
DRAIN_S = 2  # for answers under way; a request held by a timeout fault would keep the process for ever


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line offers (PRODUCT.md section 3)."""

    port: int = 8766
    seed: int = 1
    scale: str = "medium"
    rate_limit: str = "docs"
    faults: Path | None = None
    state: Path | None = None
    redirect_uri: str = "http://localhost"
    as_json: bool = False


def build(options: Options) -> Simulator:
    """The simulator those options ask for.

    Raises:
        Invalid: a value or a file is not usable; the message names it.
    """
    if options.scale not in SCALES:
        raise Invalid(f"--scale is one of {', '.join(SCALES)}; not {options.scale!r}.")
    try:
        windows = parse_windows(options.rate_limit)
        script = _read_faults(options.faults)
    except ValueError as why:
        raise Invalid(str(why)) from None
    world = World(seed=options.seed, scale=options.scale, redirect_uri=options.redirect_uri, state_file=options.state)
    return Simulator(world, windows=windows, faults=script)


def _read_faults(path: Path | None) -> Sequence[Any]:
    if path is None:
        return []
    try:
        script = json.loads(path.read_text("utf-8"))
        FaultScript(script)
    except OSError as why:
        raise Invalid(f"--faults {path} cannot be read: {why.strerror}.") from None
    except ValueError as why:
        raise Invalid(f"--faults {path}: {why}.") from None
    return list(script)


def addresses(simulator: Simulator, redirect_uri: str) -> dict[str, Any]:
    """What a client needs to connect: addresses and credentials that work."""
    world = simulator.world
    return {
        "api": world.api_url,
        "login": world.api_url,
        "client_id": world.app.client_id,
        "client_secret": world.app.client_secret,
        "redirect_uri": redirect_uri,
        "company_id": company_id(1),
        "project_id": project_ids(1)[0],
        "user_id": sign_in_user_id(),
    }


class _AnnouncingServer(uvicorn.Server):
    """Says where it is once it accepts connections, not before."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._announce()


def serve(options: Options) -> int:
    """Run until SIGTERM or SIGINT; 0 when ended so."""
    simulator = build(options)
    try:
        listener = socket.create_server((HOST, options.port))
        # Inherited by its connections. asyncio sets it for sockets of its own making only, and without it the second
        # write of an answer waits until the client acknowledges the first, which it delays.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as why:
        raise Invalid(f"Port {options.port} cannot be used: {why.strerror}.") from None
    port = listener.getsockname()[1]
    simulator.world.api_url = f"http://{HOST}:{port}"
    simulator.world.storage_url = f"http://localhost:{port}"  # another origin than the API, as in production
    config = uvicorn.Config(
        simulator,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        date_header=False,  # its answers carry the date of its own clock
        timeout_graceful_shutdown=DRAIN_S,
    )
    server = _AnnouncingServer(config, lambda: _announce(simulator, options))
    # uvicorn drains on these signals and then raises them again; without a handler of ours that would end in -15.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    try:
        asyncio.run(server.serve(sockets=[listener]))
    finally:
        simulator.world.close()
        listener.close()
    return 0


def _announce(simulator: Simulator, options: Options) -> None:
    line = addresses(simulator, options.redirect_uri)
    sys.stderr.write(
        f"Procore simulator on {line['api']} (API and login), sample data, scale {options.scale}.\n"
        f"client_id {line['client_id']}  client_secret {line['client_secret']}\n"
        f"company {line['company_id']}  project {line['project_id']}  control at {line['api']}/_sim/state\n"
    )
    sys.stderr.flush()
    if options.as_json:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
