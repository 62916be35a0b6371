"""Serving the process's own client, and beside it every client bridged to this process, until one of three ends.

The client closes its end or the process is told to stop: what was read is answered, then the house closes. Another
process asks for the data directory: what is in flight is answered, the house closes, and the session goes on as a
bridge.
"""

import asyncio
import logging
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from construction_mcp.bootstrap import House
from construction_mcp.core.config import load_settings
from construction_mcp.core.launch import Launch
from construction_mcp.core.logs import log_to_stderr
from construction_mcp.core.ownership import Ownership
from construction_mcp.core.types import local_principal
from construction_mcp.front.session import Outcome, Session
from construction_mcp.registry.catalog import View
from construction_mcp.server.desk import Desk

if TYPE_CHECKING:
    from construction_mcp.server.owner import LocalDoor

log = logging.getLogger(__name__)


async def serve_stdio(
    session: Session, launch: Launch, ownership: Ownership, when_imported: Callable[[], None]
) -> Outcome:
    """Own the data directory and serve `session` until it ends or is handed over; then `ownership` is released.

    `when_imported` is called once nothing heavy is left to import.
    """
    log_to_stderr(launch.log_level)
    try:
        async with House(load_settings(launch)) as house:
            desk = _open_desk(session, house)
            if desk is not None:
                limits = house.settings.limits
                await desk.serve_first(limits.first_calls_s, limits.first_quiet_s, limits.first_service_s)
            await asyncio.to_thread(import_module, "construction_mcp.server.owner")  # and with it the SDK
            when_imported()
            from construction_mcp.server.owner import LocalDoor
            from construction_mcp.server.workplace import Workplace

            door = LocalDoor(launch, ownership, Workplace(house))
            await _serve(session, launch, door, desk)
    finally:
        ownership.release()
    door.say_left()
    return Outcome.ENDED if session.has_ended else Outcome.HANDOVER


def _open_desk(session: Session, house: House) -> Desk | None:
    """Somebody for the first calls, where the front could answer the first frames."""
    session.stay()
    front, settings = session.front, house.settings
    if front is None:
        return None
    view = View(settings.toolsets, settings.read_only, settings.environment)
    desk = Desk(front, session, house, view, local_principal())
    session.attach(desk, asyncio.get_running_loop(), replay=False)
    return desk


async def _serve(session: Session, launch: Launch, door: "LocalDoor", desk: Desk | None) -> None:
    from construction_mcp.server.channel import Channel

    channel = Channel(session, session.conversation, door.workplace.limits)
    server = door.workplace.server(launch.toolsets, read_only=launch.read_only)
    await _open(door)
    if desk is None:
        session.attach(channel, asyncio.get_running_loop())
    else:
        desk.hand_over(channel)
    try:
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(
                server.run(channel.incoming, channel.outgoing, server.create_initialization_options())
            )
            leaving = tasks.create_task(door.asked_to_leave.wait())
            tidying = tasks.create_task(door.workplace.remove_leftovers())
            working = tasks.create_task(door.workplace.run_workflows())
            await asyncio.wait((serving, leaving), return_when=asyncio.FIRST_COMPLETED)
            session.pause()
            if not serving.done():
                channel.end_for_successor()
                await asyncio.wait((serving,))
            if desk is not None:
                desk.leave()
            leaving.cancel()
            tidying.cancel()
            working.cancel()
            await door.close(channel.drain_left_s)
            await _keep_answers(door)
    finally:
        session.detach()


async def _keep_answers(door: "LocalDoor") -> None:
    """For the next start. Now, because earlier it would delay a call, and the client has gone anyway."""
    try:
        await door.workplace.keep_answers()
    except (OSError, ValueError, KeyError) as problem:
        log.warning("the next start will have to wait for the SDK: %s", problem)


async def _open(door: "LocalDoor") -> None:
    """Without a door this client is served all the same; only further processes have to wait for the directory."""
    try:
        await door.open()
    except OSError as problem:
        log.warning("cannot listen for further processes: %s", problem.strerror)
