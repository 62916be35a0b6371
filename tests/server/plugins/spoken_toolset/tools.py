import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from construction_mcp.core.ports import Ask, Changes, Progress
from construction_mcp.core.toolset import resource, tool
from construction_mcp.core.types import Principal, Role

_NAME_FORM = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


@dataclass(frozen=True)
class Said:
    text: str
    by: str


@tool(effect="read", listed=True)
async def say(text: Annotated[str, "What to say"], *, principal: Principal) -> Said:
    """Say a text back, and who asked."""
    return Said(text, principal.id)


@tool(effect="read", listed=True)
async def ask_name(*, ask: Ask, principal: Principal) -> Said:
    """Ask the person for a name."""
    answer = await ask.form("name", "What is your name?", _NAME_FORM)
    name = answer.content["name"] if answer.content else answer.action
    return Said(str(name), principal.id)


@tool(effect="read", listed=True)
async def count(to: Annotated[int, "How far"], *, progress: Progress, principal: Principal) -> Said:
    """Count, and report each number."""
    for number in range(1, to + 1):
        await progress.report(number, to)
    return Said(str(to), principal.id)


@tool(effect="read", listed=True)
async def wait_at(door: Annotated[str, "Path of a unix socket the test listens on"], *, principal: Principal) -> Said:
    """Knock at a door and wait for its word; the door sees it when the call is cancelled."""
    reader, writer = await asyncio.open_unix_connection(Path(door))
    try:
        return Said((await reader.readline()).decode().strip(), principal.id)
    finally:
        writer.close()


@tool(effect="workspace", role=Role.BUILDER)
async def touch(thing: Annotated[str, "Which thing"], *, changes: Changes, principal: Principal) -> Said:
    """Change a thing, and tell its subscribers."""
    await changes.resource_updated(f"spoken://open/{thing}")
    await changes.resource_updated(f"spoken://closed/{thing}")
    return Said(thing, principal.id)


@tool(effect="read", listed=True)
async def shout(bytes_count: Annotated[int, "How much"], *, principal: Principal) -> Said:
    """Say a long text."""
    return Said("x" * bytes_count, principal.id)


@resource("spoken://open/{thing}", subscribable=True)
async def open_thing(thing: str) -> str:
    """A thing everybody may see."""
    return thing


@resource("spoken://closed/{thing}", role=Role.ADMIN, subscribable=True)
async def closed_thing(thing: str) -> str:
    """A thing only an admin may see."""
    return thing
