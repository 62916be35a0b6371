"""Serving the process's own client, and beside it every client bridged to this process, until one of three ends.

The client closes its end or the process is told to stop: what was read is answered, then the house closes. Another
process asks for the data directory: what is in flight is answered, the house closes, and the session goes on as a
bridge.
"""

import asyncio
import logging

from construction_mcp.bootstrap import House
from construction_mcp.core.config import load_settings
from construction_mcp.core.launch import Launch
from construction_mcp.core.logs import log_to_stderr
from construction_mcp.core.ownership import Ownership
from construction_mcp.front.session import Outcome, Session
from construction_mcp.server.channel import Channel
from construction_mcp.server.owner import LocalDoor
from construction_mcp.server.workplace import Workplace

log = logging.getLogger(__name__)


async def serve_stdio(session: Session, launch: Launch, ownership: Ownership) -> Outcome:
    """Own the data directory and serve `session` until it ends or is handed over; then `ownership` is released."""
    log_to_stderr(launch.log_level)
    try:
        async with House(load_settings(launch)) as house:
            door = LocalDoor(launch, ownership, Workplace(house))
            await _serve(session, launch, door)
    finally:
        ownership.release()
    door.say_left()
    return Outcome.ENDED if session.has_ended else Outcome.HANDOVER


async def _serve(session: Session, launch: Launch, door: LocalDoor) -> None:
    channel = Channel(session, session.conversation, door.workplace.limits)
    server = door.workplace.server(launch.toolsets, read_only=launch.read_only)
    await _open(door)
    session.attach(channel, asyncio.get_running_loop())
    try:
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(
                server.run(channel.incoming, channel.outgoing, server.create_initialization_options())
            )
            leaving = tasks.create_task(door.asked_to_leave.wait())
            await asyncio.wait((serving, leaving), return_when=asyncio.FIRST_COMPLETED)
            session.pause()
            if not serving.done():
                channel.end_for_successor()
                await asyncio.wait((serving,))
            leaving.cancel()
            await door.close(channel.drain_left_s)
            await _keep_answers(door)
    finally:
        session.detach()


async def _keep_answers(door: LocalDoor) -> None:
    """For the next start. Now, because earlier it would delay a call, and the client has gone anyway."""
    try:
        await door.workplace.keep_answers()
    except (OSError, ValueError, KeyError) as problem:
        log.warning("the next start will have to wait for the SDK: %s", problem)


async def _open(door: LocalDoor) -> None:
    """Without a door this client is served all the same; only further processes have to wait for the directory."""
    try:
        await door.open()
    except OSError as problem:
        log.warning("cannot listen for further processes: %s", problem.strerror)
