import asyncio
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from pydantic import Field

from construction_mcp.core.clock import Clock
from construction_mcp.core.errors import Conflict
from construction_mcp.core.ports import Ask
from construction_mcp.core.toolset import completes, prompt, resource, tool
from construction_mcp.core.types import Page, Principal, Role


@dataclass(frozen=True)
class Note:
    id: int
    title: str
    body: str | None = None


@dataclass(frozen=True)
class Echo:
    text: str
    due_on: date | None = None
    by: str | None = None


@tool(effect="read", listed=True)
async def echo(
    text: Annotated[str, Field(max_length=50), "Text to say back"],
    due_on: Annotated[date | None, "A date"] = None,
    *,
    principal: Principal,
) -> Echo:
    """Say something back. Use it to see that arguments arrive."""
    return Echo(text, due_on, principal.id)


@tool(effect="read", fields=True)
async def list_notes(limit: Annotated[int, Field(ge=1, le=5000), "How many"] = 2) -> Page[Note]:
    """List notes, newest first."""
    return Page([Note(number, f"note {number}", "x" * 40) for number in range(limit)], total=9)


@tool(effect="workspace")
async def write_note(title: Annotated[str, "Title"]) -> Note:
    """Write a note."""
    raise Conflict(f"A note {title} exists.", code="IDEMPOTENCY_CONFLICT", hint="Use another title.")


@tool(effect="outside", role=Role.ADMIN, destructive=True, open_world=True)
async def shout(text: Annotated[str, "Text"]) -> Echo:
    """Tell the world."""
    return Echo(text)


@tool(effect="read", timeout_s=0.01)
async def hang() -> Echo:
    """Never answer."""
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


@tool(effect="workspace", timeout_s=0.01)
async def hang_midway() -> Echo:
    """Change something, perhaps, and never answer."""
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


@tool(effect="read")
async def consult(then_hang: Annotated[bool, "Never answer afterwards"] = False, *, ask: Ask) -> Echo:
    """Ask a person, once by form and once by link."""
    first = await ask.form("first", "Go on?", {"type": "object", "properties": {}})
    second = await ask.url("second", "Look at it.", "https://example.com")
    if then_hang:
        await asyncio.Event().wait()
    return Echo(f"{first.action}, {second.action}")


@tool(effect="read")
async def what_time(*, clock: Clock) -> Echo:
    """Tell the time."""
    return Echo(clock.now().isoformat())


@resource("note://{number}/body", role=Role.BUILDER, subscribable=True)
async def note_body(number: str) -> str:
    """The body of a note."""
    return f"body of {number}"


@prompt()
async def greet(name: Annotated[str, "Who"], tone: Annotated[str, "How"] = "warm") -> str:
    """Greet somebody."""
    return f"Greet {name} in a {tone} way."


@resource("hanging://{number}")
async def hanging(number: str) -> str:
    """Nothing, ever."""
    await asyncio.Event().wait()
    return number


@prompt()
async def dither(where: Annotated[str, "Where to"]) -> str:
    """Never get anywhere."""
    await asyncio.Event().wait()
    return where


@completes("dither", "where")
async def places(prefix: str) -> list[str]:
    """Every place there is."""
    await asyncio.Event().wait()
    return [prefix]


@completes("greet", "tone")
async def tones(prefix: str) -> list[str]:
    """The tones there are."""
    return [tone for tone in ("warm", "wary", "cold") if tone.startswith(prefix)]
