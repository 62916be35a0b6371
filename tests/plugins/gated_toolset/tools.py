import asyncio
import subprocess
import sys
from dataclasses import dataclass
from typing import Annotated

from construction_mcp.core.ports import Ask
from construction_mcp.core.toolset import tool
from construction_mcp.core.types import Principal


@dataclass(frozen=True)
class Passed:
    word: str
    by: str


@dataclass(frozen=True)
class Noise:
    made: bool


@tool(effect="read", listed=True)
async def pass_gate(
    gate: Annotated[str, "Path of a unix socket the test listens on"], *, principal: Principal
) -> Passed:
    """Knock at a gate and wait for its word."""
    reader, writer = await asyncio.open_unix_connection(gate)
    try:
        return Passed((await reader.readline()).decode().strip(), principal.id)
    finally:
        writer.close()


@tool(effect="read", listed=True)
async def make_noise() -> Noise:
    """Print to stdout, and have a child do the same."""
    print("noise from the process", flush=True)
    sys.__stdout__.write("noise from the real stdout\n")  # type: ignore[union-attr]  # it has one here
    sys.__stdout__.flush()  # type: ignore[union-attr]  # it has one here
    subprocess.run([sys.executable, "-c", "print('noise from a child')"], check=True)  # noqa: ASYNC221 - blocking is the point
    return Noise(True)


@tool(effect="workspace")
async def change_something() -> Noise:
    """Change something. Not listed, gone when read-only."""
    return Noise(False)


@dataclass(frozen=True)
class Asked:
    action: str


@tool(effect="read", listed=True)
async def ask_person(question: Annotated[str, "What to ask"], *, ask: Ask) -> Asked:
    """Ask the person behind the client something."""
    schema = {"type": "object", "properties": {"sure": {"type": "boolean"}}}
    return Asked((await ask.form("question", question, schema)).action)
