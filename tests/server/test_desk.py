"""What makes the desk admissible: with it or without it a client reads the same bytes, only sooner."""

import asyncio
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from construction_mcp.bootstrap import House
from construction_mcp.core.config import Limits, Settings
from construction_mcp.core.launch import Launch
from construction_mcp.core.types import local_principal
from construction_mcp.front.answers import FILE, compose, read_kept
from construction_mcp.front.conversation import Conversation
from construction_mcp.front.static import StaticFront
from construction_mcp.registry.catalog import View, load_catalog
from construction_mcp.server.channel import Channel
from construction_mcp.server.desk import Desk
from construction_mcp.server.workplace import Workplace
from tests.front.test_equality import ENVELOPE, INITIALIZE, INITIALIZED, SOUND, Lines, live, request, sequence, spell
from tests.stdio_process import ROOT, StdioProcess

pytestmark = pytest.mark.anyio

ERAS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28")
READS = sorted(name for name, tool in load_catalog().tools.items() if tool.effect == "read")
TRACE = re.compile(rb'"construction-mcp/trace":\{[^}]*\}')  # what it cost this time
TOOL_ID = re.compile(rb'"id":10\d,')
PROBE = """
import sys
import construction_mcp.server.stdio
print(*{name.partition(".")[0] for name in sys.modules})
"""


class Client(Lines):
    """What a client has read."""

    def __init__(self) -> None:
        super().__init__()
        self.conversation = Conversation()
        self.wrote = asyncio.Event()

    def write(self, data: bytes) -> None:
        super().write(data)
        self.wrote.set()

    def ids(self) -> list[Any]:
        """Of the answers so far, in order of size."""
        return sorted(json.loads(line)["id"] for line in self.data.splitlines())

    async def answered(self, request_id: int) -> None:
        """Until that answer is there."""
        async with asyncio.timeout(5):
            while request_id not in self.ids():
                self.wrote.clear()
                await self.wrote.wait()

    def read(self) -> list[bytes]:
        """The lines so far, in no order, without what depends on the moment."""
        return masked(self.data.splitlines())


def masked(lines: list[bytes]) -> list[bytes]:
    return sorted(TRACE.sub(b"", line) for line in lines)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    settings = Settings(data_dir=tmp_path / "data", procore_grant="client_credentials")
    async with House(settings) as made:
        yield made


def desk_for(client: Client, house: House) -> Desk:
    kept = read_kept(FILE)
    assert kept is not None
    answers = compose(kept, Launch(data_dir=""))
    assert answers is not None
    front = StaticFront(answers, client.conversation)
    return Desk(front, client, house, View(), local_principal())


async def settle() -> None:
    """Until every call that runs is answered or given up."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*(task for task in others if "Desk._answer" in repr(task.get_coro())))


async def serve(client: Client, house: House, desk: Desk) -> None:
    """What the SDK does with what the desk leaves it, up to the client's leaving."""
    channel = Channel(client, client.conversation, Limits())
    server = Workplace(house).server((), read_only=False)
    desk.hand_over(channel)
    desk.end()
    await server.run(channel.incoming, channel.outgoing, server.create_initialization_options())


async def run(house: House, channel: Channel) -> None:
    server = Workplace(house).server((), read_only=False)
    await server.run(channel.incoming, channel.outgoing, server.create_initialization_options())


@asynccontextmanager
async def handed_over(client: Client, house: House, desk: Desk) -> AsyncIterator[None]:
    """The SDK serves beside the desk within it; the client leaves at its end."""
    channel = Channel(client, client.conversation, Limits())
    desk.hand_over(channel)
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        tasks.create_task(run(house, channel))
        yield
        desk.end()


async def without_desk(house: House, frames: list[bytes]) -> list[bytes]:
    return masked(await live(Workplace(house), frames))


def opening(era: str) -> list[dict[str, Any]]:
    if era == "2026-07-28":
        return [request(0, "server/discover", {"_meta": ENVELOPE})]
    return [request(0, "initialize", {**INITIALIZE, "protocolVersion": era}), INITIALIZED]


def tool_call(number: int, era: str, name: str, arguments: Any) -> dict[str, Any]:
    meta = {"_meta": ENVELOPE} if era == "2026-07-28" else {}
    return request(number, "tools/call", {"name": name, "arguments": arguments, **meta})


def frames_of(messages: list[dict[str, Any]]) -> list[bytes]:
    return [json.dumps(message, ensure_ascii=False).encode() for message in messages]


@pytest.mark.parametrize("era", ERAS)
async def test_every_read_is_answered_as_by_the_sdk(house: House, era: str) -> None:
    """Every one is refused alike; few go as far as Procore, whose windows bear few requests at a time."""
    calls: list[tuple[str, Any]] = [(name, {"nonsense": 1}) for name in READS]
    calls += [(name, {}) for name in ("list_workflows", "list_procore_projects", "get_procore_rfi", "find_tools")]
    calls += [("find_tools", {"query": "prüfen 'x' \"y\" <z>", "limit": 25}), ("no_such_tool", {"a": [1, {}]})]
    messages = [tool_call(number, era, *call) for number, call in enumerate(calls, 1)]
    frames = frames_of([*opening(era), *messages])
    expected = await without_desk(house, frames)  # first: what they cache, the desk then finds
    client = Client()
    desk = desk_for(client, house)
    desk.frames(frames)
    await settle()
    seen = client.read()

    assert len(seen) == len(messages) + 1
    assert seen == expected


@pytest.mark.parametrize("chunk", range(6))
async def test_generated_sequences_are_answered_as_by_the_sdk_alone(house: House, chunk: int) -> None:
    """50 sequences a chunk, damaged in every way that `sequence` knows, and handed over at any moment."""
    seed = int(os.environ.get("FRONT_SEED", "728")) * 1000 + chunk
    dice = random.Random(seed)
    taken = 0
    for _ in range(50):
        era = dice.choice(ERAS)
        frames = sequence(dice) if dice.random() < 0.3 else frames_of(opening(era))
        frames += [spell(dice, spoilt_call(dice, number, era)) for number in range(100, 100 + dice.randrange(1, 4))]
        client = Client()
        desk = desk_for(client, house)
        desk.frames(frames)
        if dice.random() < 0.7:
            await settle()
        taken += sum(TOOL_ID.search(line) is not None for line in client.read())
        await serve(client, house, desk)

        assert client.read() == await without_desk(house, frames), f"seed {seed}: {frames}"
    assert taken > 20, "the desk took next to nothing, so this proves nothing"


def spoilt_call(dice: random.Random, number: int, era: str) -> dict[str, Any]:
    if dice.random() < SOUND:
        return tool_call(number, era, "find_tools", {"query": "rfi"})
    name: Any = dice.choice(["find_tools"] * 6 + ["use_tool", "connect_procore", "list_workflows", "nö", "", None, 7])
    arguments: Any = dice.choice(
        [{"query": "rfi"}] * 6 + [{}, None, [], "x", {"query": 1}, {"query": "x", "limit": 1.0}, {"query": "\x00"}]
    )
    message = tool_call(number, era, name, arguments)
    if dice.random() < 0.2:
        spoil = dice.choice(["name", "arguments", "_meta", "inputResponses", "requestState", "task", "x"])
        message["params"][spoil] = dice.choice([None, {}, "", 1, {"progressToken": 1}, ENVELOPE])
    if dice.random() < 0.1:
        del message["params"][dice.choice(list(message["params"]))]
    return message


async def test_what_is_more_than_a_read_waits_for_the_sdk_with_all_that_follows(house: House) -> None:
    client = Client()
    desk = desk_for(client, house)
    messages = [
        *opening("2025-11-25"),
        tool_call(1, "2025-11-25", "delete_workflow", {"workflow_id": "wf_1"}),
        tool_call(2, "2025-11-25", "use_tool", {"name": "find_tools", "arguments": {"query": "rfi"}}),
        request(3, "prompts/list"),
        request(4, "ping"),
    ]
    desk.frames(frames_of(messages))
    await settle()
    early = client.read()
    await serve(client, house, desk)
    late = client.read()

    assert [json.loads(line)["id"] for line in early] == [0]
    assert [json.loads(line)["id"] for line in late] == [0, 1, 2, 3, 4]


async def test_a_read_under_way_is_answered_once_by_the_sdk(house: House) -> None:
    client = Client()
    desk = desk_for(client, house)
    desk.frames(frames_of([*opening("2025-11-25"), tool_call(1, "2025-11-25", "list_procore_projects", {})]))
    await asyncio.sleep(0)  # it runs, and waits for the database
    await serve(client, house, desk)

    assert [json.loads(line)["id"] for line in client.read()] == [0, 1]


AFTERWARDS: dict[str, tuple[list[Any], list[Any]]] = {
    "handshake": (opening("2025-11-25"), [tool_call(1, "2025-11-25", "find_tools", {"query": "rfi"})]),
    "modern": (opening("2026-07-28"), [tool_call(1, "2026-07-28", "find_tools", {"query": "rfi"})]),
    "another handshake": (
        opening("2025-11-25"),
        [
            request(5, "initialize", {**INITIALIZE, "protocolVersion": "2024-11-05"}),
            tool_call(1, "2024-11-05", "find_tools", {"query": "rfi"}),
        ],
    ),
    "an envelope on what the SDK took for a handshake": (
        [],
        [request(5, "ping"), tool_call(1, "2026-07-28", "find_tools", {"query": "rfi"})],
    ),
}


@pytest.mark.parametrize("name", AFTERWARDS)
async def test_once_the_sdk_is_there_a_read_is_answered_as_the_connection_stands(house: House, name: str) -> None:
    before, after = AFTERWARDS[name]
    client = Client()
    desk = desk_for(client, house)
    desk.frames(frames_of(before))
    async with handed_over(client, house, desk):
        for message in after:
            desk.frames(frames_of([message]))
            await client.answered(message["id"])

    assert client.read() == await without_desk(house, frames_of([*before, *after]))


@pytest.mark.parametrize("chunk", range(4))
async def test_generated_sequences_go_on_alike_once_the_sdk_is_there(house: House, chunk: int) -> None:
    """The SDK comes at any moment of a sequence, and frames go on in pieces of any size."""
    seed = int(os.environ.get("FRONT_SEED", "728")) * 1000 + 500 + chunk
    dice = random.Random(seed)
    for _ in range(40):
        era = dice.choice(ERAS)
        frames = sequence(dice) if dice.random() < 0.3 else frames_of(opening(era))
        frames += [spell(dice, spoilt_call(dice, number, era)) for number in range(100, 100 + dice.randrange(1, 5))]
        client = Client()
        desk = desk_for(client, house)
        cut = dice.randrange(len(frames) + 1)
        desk.frames(frames[:cut])
        async with handed_over(client, house, desk):
            while cut < len(frames):
                size = dice.randrange(1, 4)
                desk.frames(frames[cut : cut + size])
                cut += size
                await asyncio.sleep(0)

        assert client.read() == await without_desk(house, frames), f"seed {seed}: {frames}"


async def test_a_read_inside_the_directory_needs_no_sdk_afterwards_either(house: House) -> None:
    client = Client()
    desk = desk_for(client, house)
    desk.frames(frames_of(opening("2025-11-25")))
    desk.hand_over(Channel(client, client.conversation, Limits()))  # and no server runs behind it
    desk.frames(frames_of([tool_call(number, "2025-11-25", "list_workflows", {}) for number in (1, 2)]))
    await settle()
    await asyncio.sleep(0)  # answers of one turn go out together

    assert client.ids() == [0, 1, 2]


async def test_no_read_overtakes_a_call_that_is_with_the_sdk(house: House) -> None:
    client = Client()
    desk = desk_for(client, house)
    desk.frames(frames_of(opening("2025-11-25")))
    read = [tool_call(number, "2025-11-25", "find_tools", {"query": "rfi"}) for number in (2, 3)]
    channel = Channel(client, client.conversation, Limits())
    desk.hand_over(channel)
    desk.frames(frames_of([tool_call(1, "2025-11-25", "create_workflow", {"definition": {}}), read[0]]))
    desk.frames(frames_of(read[1:]))
    await settle()
    early = client.ids()
    desk.end()
    await run(house, channel)

    assert early == [0]
    assert client.ids() == [0, 1, 2, 3]


@pytest.mark.parametrize("spelt", [7, "7"])
async def test_a_cancelled_read_is_stopped_and_gets_no_answer(house: House, spelt: int | str) -> None:
    client = Client()
    desk = desk_for(client, house)
    desk.frames(frames_of(opening("2025-11-25")))
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": spelt}}
    async with handed_over(client, house, desk):
        desk.frames(frames_of([tool_call(7, "2025-11-25", "list_workflows", {})]))
        await asyncio.sleep(0)  # it runs, and waits for the database
        desk.frames(frames_of([cancel]))
        desk.frames(frames_of([tool_call(8, "2025-11-25", "list_workflows", {})]))

    assert client.ids() == [0, 8]


async def test_a_read_under_way_at_the_end_of_input_is_answered_before_the_sdk_sees_the_end(house: House) -> None:
    client = Client()
    desk = desk_for(client, house)
    desk.frames(frames_of(opening("2025-11-25")))
    async with handed_over(client, house, desk):
        desk.frames(frames_of([tool_call(number, "2025-11-25", "list_workflows", {}) for number in (1, 2)]))

    assert client.ids() == [0, 1, 2]


def test_nothing_the_desk_needs_imports_the_sdk() -> None:
    made = subprocess.run(
        [sys.executable, "-c", PROBE], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=True
    )

    assert {"mcp", "mcp_types", "httpx2", "starlette"}.isdisjoint(made.stdout.decode().split())


@pytest.mark.parametrize("modern", [False, True], ids=["handshake", "2026-07-28"])
def test_a_process_answers_a_read_before_the_sdk_and_everything_after(tmp_path: Path, modern: bool) -> None:
    with StdioProcess(tmp_path / "data", modern=modern, plugins=False) as process:
        process.open()
        read = process.call("find_tools", query="rfi")
        write = process.call("create_workflow", definition={})
        prompts = process.request("prompts/list")
        again = process.call("find_tools", query="rfi")
        answers = [process.answer(one) for one in (read, write, prompts, again)]
        process.close_input()

        assert answers[0]["result"]["structuredContent"] == answers[3]["result"]["structuredContent"]
        assert answers[1]["result"]["isError"]
        assert answers[2]["result"]["prompts"]
        assert process.wait() == 0


async def test_the_sdk_waits_while_calls_come_and_no_longer_than_it_may(house: House) -> None:
    """Calls without a pause keep their desk; a pause, a call for the SDK, or the bound ends that."""
    client = Client()
    desk = desk_for(client, house)
    desk.frames(frames_of(opening("2025-11-25")))

    waiting = asyncio.create_task(desk.serve_first(patience_s=60.0, quiet_s=60.0, most_s=60.0))
    for number in range(3):
        desk.frames(frames_of([tool_call(100 + number, "2025-11-25", "find_tools", {"query": "rfi"})]))
        await settle()
    assert not waiting.done()
    desk.frames(frames_of([tool_call(109, "2025-11-25", "use_tool", {"name": "find_tools", "arguments": {}})]))
    async with asyncio.timeout(5):
        await waiting

    async with asyncio.timeout(5):
        await desk_for(Client(), house).serve_first(patience_s=60.0, quiet_s=0.0, most_s=60.0)
        await desk_for(Client(), house).serve_first(patience_s=60.0, quiet_s=60.0, most_s=0.0)
