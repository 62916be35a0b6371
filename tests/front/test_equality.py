"""What makes the static front admissible: whatever the frames, its answers are the live server's, byte for byte."""

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from construction_mcp.bootstrap import House
from construction_mcp.core.apps import EXTENSION, MIME_TYPE
from construction_mcp.core.config import Limits, Settings
from construction_mcp.core.launch import ENVIRONMENTS, Launch
from construction_mcp.core.types import local_principal
from construction_mcp.front.answers import FILE, Answers, compose, load_answers, read_kept
from construction_mcp.front.conversation import Conversation
from construction_mcp.front.static import StaticFront
from construction_mcp.registry.catalog import load_catalog
from construction_mcp.server.answers import make_answers
from construction_mcp.server.channel import Channel
from construction_mcp.server.workplace import Workplace

pytestmark = pytest.mark.anyio

VERSION, INFO, CAPABILITIES = (
    f"io.modelcontextprotocol/{name}" for name in ("protocolVersion", "clientInfo", "clientCapabilities")
)
CLIENT = {"name": "test", "version": "1"}
ENVELOPE = {VERSION: "2026-07-28", INFO: CLIENT, CAPABILITIES: {}}
INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": CLIENT}
SHOWS_VIEWS = {"extensions": {EXTENSION: {"mimeTypes": [MIME_TYPE]}}}


def request(request_id: Any, method: str, params: Any = None, **more: Any) -> dict[str, Any]:
    message = {"jsonrpc": "2.0", "id": request_id, "method": method, **more}
    return message if params is None else {**message, "params": params}


INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
OPENING = [request(1, "initialize", INITIALIZE), INITIALIZED]
DISCOVER = request(1, "server/discover", {"_meta": ENVELOPE})

SOUND = 0.8  # of the parts of generated frames: damage everywhere would never get past the opening

# the sequences that the first prototype got wrong, and their neighbours
NAMED: dict[str, list[Any]] = {
    "incomplete modern envelope": [request(1, "server/discover", {"_meta": {VERSION: "2026-07-28"}})],
    "incomplete after a complete one": [DISCOVER, request(2, "tools/list", {"_meta": {VERSION: "2026-07-28"}})],
    "initialize after a modern opening": [DISCOVER, request(2, "initialize", INITIALIZE), request(3, "tools/list")],
    "modern envelope on a legacy connection": [*OPENING, request(2, "tools/list", {"_meta": ENVELOPE})],
    "jsonrpc 1.0": [request(1, "initialize", INITIALIZE, jsonrpc="1.0")],
    "jsonrpc 1.0 later": [*OPENING, request(2, "tools/list", jsonrpc="1.0"), request(3, "tools/list")],
    "handshake": [*OPENING, request(2, "tools/list"), request(3, "ping"), request(4, "tools/list", {})],
    "modern": [DISCOVER, request(2, "tools/list", {"_meta": ENVELOPE}), request(3, "ping", {"_meta": ENVELOPE})],
    "unenveloped after modern": [DISCOVER, request(2, "tools/list")],
    "list before initialize": [request(1, "tools/list"), *OPENING],
    "ping before initialize": [request(5, "ping"), *OPENING, request(2, "tools/list")],
    "initialized first": [INITIALIZED, *OPENING, request(2, "tools/list")],
    "initialize twice": [*OPENING, request(2, "initialize", {**INITIALIZE, "protocolVersion": "2024-11-05"})],
    "modern version in the handshake": [request(1, "initialize", {**INITIALIZE, "protocolVersion": "2026-07-28"})],
    "unknown version": [request(1, "initialize", {**INITIALIZE, "protocolVersion": "1999-01-01"}), INITIALIZED],
    "unknown modern version": [request(1, "tools/list", {"_meta": {**ENVELOPE, VERSION: "2027-01-01"}})],
    "foreign cursor": [*OPENING, request(2, "tools/list", {"cursor": "x"})],
    "progress token": [*OPENING, request(2, "tools/list", {"_meta": {"progressToken": 5}})],
    "views in the handshake": [
        request(1, "initialize", {**INITIALIZE, "capabilities": SHOWS_VIEWS}),
        INITIALIZED,
        request(2, "tools/list"),
    ],
    "views with one request": [
        request(1, "tools/list", {"_meta": {**ENVELOPE, CAPABILITIES: SHOWS_VIEWS}}),
        request(2, "tools/list", {"_meta": ENVELOPE}),
    ],
    "views of another kind": [
        request(1, "initialize", {**INITIALIZE, "capabilities": {"extensions": {EXTENSION: {}}}}),
        request(2, "tools/list"),
    ],
    "enveloped initialize": [request(1, "initialize", {**INITIALIZE, "_meta": ENVELOPE}), request(2, "tools/list")],
}


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    return Workplace(House(Settings(data_dir=tmp_path_factory.mktemp("data"))))


@pytest.fixture(scope="module")
def answers() -> Answers:
    made = compose(kept(), Launch(data_dir=""))
    assert made is not None
    return made


def kept() -> dict[str, Any]:
    found = read_kept(FILE)
    assert found is not None
    return found


class Lines:
    """Collects what a channel writes."""

    def __init__(self) -> None:
        self.data = b""
        self.unsent_bytes = 0

    def write(self, data: bytes) -> None:
        self.data += data

    def when_sent(self, callback: Callable[[], None]) -> None:
        callback()


async def live(
    workplace: Workplace,
    frames: list[bytes],
    conversation: Conversation | None = None,
    *,
    read_only: bool = False,
    toolsets: tuple[str, ...] = (),
) -> list[bytes]:
    """What the SDK's server answers to these frames on one connection, sorted."""
    lines = Lines()
    channel = Channel(lines, conversation or Conversation(), Limits())
    server = workplace.server(toolsets, read_only=read_only)
    channel.frames(frames)
    channel.end()
    await server.run(channel.incoming, channel.outgoing, server.create_initialization_options())
    return sorted(lines.data.splitlines())


async def fronted(workplace: Workplace, answers: Answers, frames: list[bytes]) -> tuple[list[bytes], int]:
    """What a client sees with the front before the same server, and how many frames the front took."""
    conversation = Conversation()
    front = StaticFront(answers, conversation)
    early: list[bytes] = []
    taken = 0
    for frame in frames:
        answer = front(frame)
        if answer is None:
            break
        taken += 1
        early += answer.splitlines()
    late = await live(workplace, conversation.replay() + frames[taken:], conversation)
    return sorted(early + late), taken


@pytest.mark.parametrize("name", NAMED)
async def test_named_sequences_are_answered_as_the_server_would(
    workplace: Workplace, answers: Answers, name: str
) -> None:
    frames = [json.dumps(message).encode() for message in NAMED[name]]
    seen, _ = await fronted(workplace, answers, frames)

    assert seen == await live(workplace, frames)


@pytest.mark.parametrize("chunk", range(12))
async def test_generated_sequences_are_answered_as_the_server_would(
    workplace: Workplace, answers: Answers, chunk: int
) -> None:
    """50 sequences a chunk: openings of both eras and of none, spoiled in every way the vocabulary below knows."""
    seed = int(os.environ.get("FRONT_SEED", "728")) * 1000 + chunk
    dice = random.Random(seed)
    taken = 0
    for _ in range(50):
        frames = sequence(dice)
        seen, count = await fronted(workplace, answers, frames)
        taken += count

        assert seen == await live(workplace, frames), f"seed {seed}: {frames}"
    assert taken > 30, "the front took next to nothing, so this proves nothing"


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("environment", ENVIRONMENTS)
async def test_every_selection_composes_to_the_live_listing(tmp_path: Path, read_only: bool, environment: str) -> None:
    workplace = Workplace(House(Settings(data_dir=tmp_path, environment=environment)))
    names = load_catalog().toolsets
    with_views = {**ENVELOPE, CAPABILITIES: SHOWS_VIEWS}
    connections = [
        [*OPENING, request(2, "tools/list")],
        [DISCOVER, *(request(2, "tools/list", {"_meta": meta}) for meta in (ENVELOPE, with_views))],
        [request(1, "initialize", {**INITIALIZE, "capabilities": SHOWS_VIEWS}), INITIALIZED, request(2, "tools/list")],
    ]
    for toolsets in [(), ("all",), *((name,) for name in names), tuple(names)]:
        launch = Launch(str(tmp_path), toolsets, read_only, environment)
        made = compose(kept(), launch)
        assert made is not None
        for frames in ([json.dumps(message).encode() for message in messages] for messages in connections):
            front = StaticFront(made, Conversation())
            seen = sorted(line for frame in frames for line in (front(frame) or b"").splitlines())

            assert seen == await live(workplace, frames, read_only=read_only, toolsets=toolsets)


async def test_the_shipped_answers_are_the_live_servers(tmp_path: Path) -> None:
    """Red? `python -m construction_mcp.server.answers` writes them anew."""
    house = House(Settings(data_dir=tmp_path))

    assert await make_answers(house, local_principal(), kept()["key"]) == kept()


def test_a_toolset_nobody_has_heard_of_is_left_to_the_server() -> None:
    assert compose(kept(), Launch("", ("nonsense",))) is None


def test_answers_made_for_another_installation_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_answers(Launch(str(tmp_path))) is not None
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent / "plugins"))

    assert load_answers(Launch(str(tmp_path))) is None


def sequence(dice: random.Random) -> list[bytes]:
    """One client's frames: mostly an orderly opening, then anything, with a bit of damage."""
    messages: list[Any] = []
    opening = dice.choice(["legacy", "legacy", "modern", "modern", "none"])
    if opening == "legacy":
        messages += [initialize(dice), *([INITIALIZED] if dice.random() < 0.9 else [])]
    elif opening == "modern":
        messages.append(request(1, dice.choice(["server/discover", "tools/list"]), {"_meta": envelope(dice)}))
    for number in range(dice.randrange(5)):
        messages.append(later(dice, number + 10, modern=(opening == "modern") == (dice.random() < 0.85)))
    frames = [spell(dice, message) for message in messages]
    if dice.random() < 0.1:
        frames.insert(dice.randrange(len(frames) + 1), dice.choice([b"", b"[]", b"{", b"\xff", b"null", b"{}"]))
    return frames


def initialize(dice: random.Random) -> dict[str, Any]:
    if dice.random() < SOUND:
        return request(1, "initialize", INITIALIZE)
    params: dict[str, Any] = {
        "protocolVersion": dice.choice(
            ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", "2026-07-28", "x", "", 1, None]
        ),
        "capabilities": capabilities(dice),
        "clientInfo": client_info(dice),
    }
    if dice.random() < 0.1:
        del params[dice.choice(list(params))]
    if dice.random() < 0.1:
        params[dice.choice(["_meta", "extra"])] = dice.choice([{}, None, 1, {"progressToken": 1}, ENVELOPE])
    return request(request_id(dice, 1), "initialize", params)


def capabilities(dice: random.Random) -> Any:
    choices: dict[str, list[Any]] = {
        "roots": [{}, {"listChanged": True}, {"listChanged": "yes"}, None, []],
        "sampling": [{}, {"tools": {}}, {"context": {}}, True],
        "elicitation": [{}, {"form": {}, "url": {}}, {"form": {"applyDefaults": True}}, {"form": 1}],
        "experimental": [{}, {"x": {}}, {"x": {"deep": [1, 2.5]}}, {"x": 1}],
        "extensions": [
            {},
            SHOWS_VIEWS["extensions"],
            *({EXTENSION: {"mimeTypes": types}} for types in (["text/html"], ["x", MIME_TYPE], MIME_TYPE, None)),
            {EXTENSION: {}},
            {"x": None},
        ],
        "tasks": [{}, {"list": {}}, {"requests": {"sampling": {"createMessage": {}}}}, 3],
        "unheard": [{}, 1, None],
    }
    if dice.random() < 0.05:
        return dice.choice([None, [], "x", 1])
    return {key: dice.choice(choices[key]) for key in dice.sample(list(choices), dice.randrange(4))}


def client_info(dice: random.Random) -> Any:
    if dice.random() < 0.1:
        return dice.choice([None, {}, [], {"name": "x"}, {"name": 1, "version": "1"}, {"version": None, "name": "x"}])
    more = {
        "title": dice.choice(["A title", "Ünïcode", 5, None]),
        "description": "words",
        "websiteUrl": dice.choice(["https://example.com", "no url"]),
        "icons": dice.choice([[], [{"src": "x"}], {}]),
        "extra": 1,
    }
    return {**CLIENT, **{key: more[key] for key in more if dice.random() < 0.15}}


def envelope(dice: random.Random) -> Any:
    if dice.random() < SOUND:
        return ENVELOPE
    made = {VERSION: "2026-07-28", INFO: client_info(dice), CAPABILITIES: capabilities(dice)}
    spoil = dice.random()
    if spoil < 0.15:
        del made[dice.choice(list(made))]
    elif spoil < 0.25:
        made[VERSION] = dice.choice(["2025-11-25", "2099-01-01", "", None, 1, {}])
    elif spoil < 0.35:
        made[dice.choice(["progressToken", "traceparent", "x/y"])] = dice.choice([1, "t", None, True, 1.5, {}])
    return made


def later(dice: random.Random, number: int, *, modern: bool) -> dict[str, Any]:
    if dice.random() < SOUND:
        return request(number, "tools/list", {"_meta": ENVELOPE} if modern else None)
    if dice.random() < 0.08:
        return dice.choice(
            [
                INITIALIZED,
                {**INITIALIZED, "params": {}},
                {**INITIALIZED, "params": {"_meta": {}}},
                {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 999}},
                {"jsonrpc": "2.0", "id": "ours-7", "result": {}},
                initialize(dice),
            ]
        )
    method = dice.choice(["tools/list", "tools/list", "ping", "server/discover", "prompts/list", "no/such", ""])
    params: Any = dice.choice(
        [None, None, {}, {"_meta": {}}, {"_meta": {"progressToken": "t"}}, {"cursor": None}, [], 1]
    )
    if modern:
        params = {"_meta": envelope(dice), **({"cursor": "c"} if dice.random() < 0.1 else {})}
    message = request(request_id(dice, number), method, params)
    if dice.random() < 0.08:
        message[dice.choice(["jsonrpc", "extra", "result", "params"])] = dice.choice(["1.0", None, {}, 2])
    return message


def request_id(dice: random.Random, number: int) -> Any:
    odd = [f"s{number}", f"ü{number}", f'q"{number}', -number, 2**53 + number, 2**70 + number, None, True, 1.0, {}]
    return dice.choice(odd) if dice.random() < 0.12 else number


def spell(dice: random.Random, message: Any) -> bytes:
    """JSON has many spellings."""
    text = json.dumps(message, ensure_ascii=dice.random() < 0.5, separators=dice.choice([(",", ":"), (", ", ": ")]))
    style = dice.random()
    if style < 0.05:
        text = text.replace('"method"', '"\\u006dethod"', 1)
    elif style < 0.1:
        text = '{"id":77,' + text[1:]
    elif style < 0.13:
        text = f" \t{text}  "
    return text.encode()
