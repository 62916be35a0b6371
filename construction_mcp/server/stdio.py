"""Serving the process's own client, and beside it every client bridged to this process, until one of three ends.

The client closes its end or the process is told to stop: what was read is answered, then the house closes. Another
process asks for the data directory: what is in flight is answered, the house closes, and the session lives on as a bridge.
"""

import asyncio
import os
from typing import Any

from construction_mcp.core.launch import Launch
from construction_mcp.core.ownership import Ownership
from construction_mcp.front.session import Outcome, Session
from construction_mcp.server.channel import Channel
from construction_mcp.server.owner import LocalDoor
from construction_mcp.server.workplace import Workplace


async def serve_stdio(session: Session, launch: Launch, ownership: Ownership, workplace: Workplace) -> Outcome:
    """Own the data directory and serve `session` until it ends or is handed over; `ownership` is released either way."""
    loop = asyncio.get_running_loop()
    channel = Channel(session, session.conversation, workplace.limits)
    door = LocalDoor(launch, ownership, workplace)
    server = workplace.server(launch.toolsets, read_only=launch.read_only)
    try:
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(server.run(channel.incoming, channel.outgoing, _options(server)))
            session.attach(channel, loop)
            await door.open()
            leaving = tasks.create_task(door.asked_to_leave.wait())
            await asyncio.wait((serving, leaving), return_when=asyncio.FIRST_COMPLETED)
            session.pause()
            if not serving.done():
                channel.end_for_successor()
                await serving
            leaving.cancel()
            await door.close()
    finally:
        session.detach()
        await workplace.aclose()
        ownership.release()
    door.say_left()
    return Outcome.ENDED if session.has_ended else Outcome.HANDOVER


def local_principal_id() -> str:
    """The person at this machine."""
    return f"local:{os.getuid()}" if hasattr(os, "getuid") else f"local:{os.environ.get('USERNAME', 'user')}"


def _options(server: Any) -> Any:
    return server.create_initialization_options()
