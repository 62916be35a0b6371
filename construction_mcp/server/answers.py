"""Makes what the front answers from: the live server's own first answers, cut into pieces that compose.

`python -m construction_mcp.server.answers` writes `front/answers.json`. An installation with toolsets from elsewhere
gets its own file in the data directory, written by the running server for the next start.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pydantic_core
from mcp.server.lowlevel import Server
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_MODERN_VERSION

from construction_mcp.bootstrap import House
from construction_mcp.core.apps import EXTENSION, MIME_TYPE
from construction_mcp.core.config import Limits, Settings
from construction_mcp.core.instructions import instructions
from construction_mcp.core.types import Principal
from construction_mcp.front.answers import CACHE, FILE, SLOT, key_of, read_kept
from construction_mcp.front.conversation import VERSION_KEY, Conversation
from construction_mcp.front.fingerprint import Installed, look_around
from construction_mcp.front.static import CAPABILITIES_KEY
from construction_mcp.registry.catalog import ALWAYS_LISTED, View
from construction_mcp.server.app import build_server
from construction_mcp.server.channel import Channel

_PLAIN: Mapping[str, Any] = {}
_WITH_VIEWS: Mapping[str, Any] = {"extensions": {EXTENSION: {"mimeTypes": [MIME_TYPE]}}}


async def make_answers(house: House, person: Principal, key: list[Any]) -> dict[str, Any]:
    """Ask the live server everything the front may be asked.

    Raises:
        ValueError: an answer does not have the form that composing relies on.
    """
    plain, few = (
        {only: _server(house, View(ones, only, house.settings.environment), person) for only in (False, True)}
        for ones in (("all",), (ALWAYS_LISTED,))
    )
    words = instructions(house.settings.environment, read_only=False, toolsets=("all",))
    initialize = {
        version: _with_slot(await _initialize(plain[False], version), words) for version in HANDSHAKE_PROTOCOL_VERSIONS
    }
    legacy = {version: await _legacy_list(plain[False], version) for version in HANDSHAKE_PROTOCOL_VERSIONS}
    shown = [await _legacy_list(plain[False], version, _WITH_VIEWS) for version in HANDSHAKE_PROTOCOL_VERSIONS]
    if any(len({json.dumps(one) for one in listings}) != 1 for listings in (legacy.values(), shown)):
        raise ValueError("tools/list differs between handshake revisions")
    modern = await _modern(plain[False], "tools/list")
    return {
        "key": key,
        "toolsets": list(house.catalog.toolsets),
        "initialize": initialize,
        "discover": _with_slot(await _modern(plain[False], "server/discover"), words),
        "legacy_list": _without_tools(legacy[HANDSHAKE_PROTOCOL_VERSIONS[-1]]),
        "modern_list": _without_tools(modern),
        "tools": await _pieces(house, plain[False], few[False]),
        "read_only_tools": await _pieces(house, plain[True], few[True]),
    }


async def refresh_cache(house: House, person: Principal) -> None:
    """Leave the next start its answers, where the shipped ones do not fit this installation."""
    key = key_of(look_around())
    if (read_kept(FILE) or {}).get("key") == key:
        return
    made = await make_answers(house, person, key)
    path = house.settings.data_dir / CACHE
    if read_kept(str(path)) != made:
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(made), encoding="utf-8")
        partial.replace(path)


def _server(house: House, view: View, person: Principal) -> Server[Any]:
    return build_server(house, view, lambda _: person)


async def _pieces(house: House, server: Server[Any], few: Server[Any]) -> list[dict[str, Any]]:
    """Each tool of the listing as text, in both eras, with what selecting needs; again where views bear on it."""
    plain, with_views = await _listings(server, _PLAIN), await _listings(server, _WITH_VIEWS)
    beside = await _listings(few, _WITH_VIEWS)
    for_views = beside.keys() - (await _listings(few, _PLAIN)).keys()
    return [
        {
            "name": name,
            "toolset": house.catalog.tools[name].toolset,
            "listed": house.catalog.tools[name].listed,
            **texts,
            **({} if with_views[name] == texts else {f"{era}_view": text for era, text in with_views[name].items()}),
            **({} if name not in for_views else {f"{era}_app": text for era, text in beside[name].items()}),
        }
        for name, texts in plain.items()
    ]


async def _listings(server: Server[Any], capabilities: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """By name, the text of each listed tool in both eras."""
    legacy = (await _legacy_list(server, HANDSHAKE_PROTOCOL_VERSIONS[-1], capabilities))["tools"]
    modern = (await _modern(server, "tools/list", capabilities))["tools"]
    return {old["name"]: {"legacy": _text(old), "modern": _text(new)} for old, new in zip(legacy, modern, strict=True)}


async def _initialize(server: Server[Any], version: str) -> dict[str, Any]:
    return (await _ask(server, [_opening(version)]))[0]


async def _legacy_list(server: Server[Any], version: str, capabilities: Mapping[str, Any] = _PLAIN) -> dict[str, Any]:
    initialized = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    listing = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    return (await _ask(server, [_opening(version, capabilities), initialized, listing]))[1]


async def _modern(server: Server[Any], method: str, capabilities: Mapping[str, Any] = _PLAIN) -> dict[str, Any]:
    envelope = {VERSION_KEY: LATEST_MODERN_VERSION, CAPABILITIES_KEY: dict(capabilities)}
    return (await _ask(server, [{"jsonrpc": "2.0", "id": 1, "method": method, "params": {"_meta": envelope}}]))[0]


def _opening(version: str, capabilities: Mapping[str, Any] = _PLAIN) -> dict[str, Any]:
    params = {
        "protocolVersion": version,
        "capabilities": dict(capabilities),
        "clientInfo": {"name": "answers", "version": "1"},
    }
    return {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}


async def _ask(server: Server[Any], messages: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the server answers on a connection of its own, in order of the ids."""
    lines = _Lines()
    channel = Channel(lines, Conversation(), Limits())
    channel.frames([json.dumps(message).encode() for message in messages])
    channel.end()
    await server.run(channel.incoming, channel.outgoing, server.create_initialization_options())
    answers = sorted((json.loads(line) for line in lines.data.splitlines()), key=lambda answer: int(answer["id"]))
    return [answer["result"] for answer in answers]


class _Lines:
    """Collects what a channel writes."""

    def __init__(self) -> None:
        self.data = b""
        self.unsent_bytes = 0

    def write(self, data: bytes) -> None:
        self.data += data

    def when_sent(self, callback: Callable[[], None]) -> None:
        callback()


def _with_slot(result: dict[str, Any], words: str) -> str:
    text = _text(result)
    if text.count(_text(words)) != 1:
        raise ValueError("the instructions are not in the answer exactly once")
    return text.replace(_text(words), SLOT)


def _without_tools(result: dict[str, Any]) -> str:
    if result.get("nextCursor") is not None:
        raise ValueError("tools/list has a second page")
    return _text({**result, "tools": [SLOT]}).replace(_text(SLOT), SLOT)


def _text(value: object) -> str:
    """As the SDK writes it."""
    return pydantic_core.to_json(value).decode()


def main() -> int:
    """Write the shipped file, for this package alone: foreign toolsets of the maker's machine do not belong in it."""
    installed = look_around()
    if installed.toolsets:
        print(f"uninstall first: {', '.join(installed.toolsets)}", file=sys.stderr)  # noqa: T201 - a build step
        return 1
    house = House(Settings(data_dir=Path()))
    from construction_mcp.core.types import local_principal

    made = asyncio.run(make_answers(house, local_principal(), key_of(Installed(installed.sdk, ()))))
    Path(FILE).write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
