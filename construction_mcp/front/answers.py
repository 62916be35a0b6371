"""The live server's first answers, kept as text: `answers.json` holds one piece a tool, so that any selection composes.

The file is written by `python -m construction_mcp.server.answers`; a test compares every composition with the live
server. A kept answer counts only for the package, SDK and foreign toolsets it was made with.
"""

import json
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from construction_mcp import __version__
from construction_mcp.core.instructions import instructions
from construction_mcp.core.launch import Launch
from construction_mcp.front.fingerprint import Installed, look_around

FILE = os.path.join(os.path.dirname(__file__), "answers.json")
CACHE = "front-answers.json"  # in the data directory: what the live server wrote for an installation unlike the shipped
ALWAYS_LISTED = "discovery"
SLOT = "\0"  # JSON text cannot contain it


class Answers(NamedTuple):
    """Result texts. Of the listings, `modern_` is for 2026-07-28, `_views` for clients that show views."""

    initialize: dict[str, str]
    discover: str
    legacy_list: str
    modern_list: str
    legacy_list_views: str
    modern_list_views: str


def load_answers(launch: Launch) -> Answers | None:
    """The answers for this launch, or None when none were made for exactly this installation."""
    key = key_of(look_around())
    for path in (FILE, os.path.join(launch.data_dir, CACHE)):
        kept = read_kept(path)
        if kept is not None and kept.get("key") == key:
            return compose(kept, launch)
    return None


def key_of(installed: Installed) -> list[Any]:
    """What kept answers are kept under; as JSON gives it back."""
    return [__version__, installed.sdk, list(installed.toolsets)]


def read_kept(path: str) -> dict[str, Any] | None:
    """The file's content; None when there is none or it is damaged."""
    try:
        with open(path, encoding="utf-8") as file:
            kept = json.load(file)
    except (OSError, ValueError):
        return None
    return kept if isinstance(kept, dict) else None


def compose(kept: dict[str, Any], launch: Launch) -> Answers | None:
    """Put the pieces together for one selection; None for a toolset unknown here, which the server will judge."""
    tools = kept["read_only_tools" if launch.read_only else "tools"]
    if not set(kept["toolsets"]).issuperset(set(launch.toolsets) - {"all"}):
        return None
    chosen = [tool for tool in tools if _is_listed(tool, launch.toolsets)]
    shown = {era: ",".join(_with_views(tools, era, launch.toolsets)) for era in ("legacy", "modern")}
    words = json.dumps(
        instructions(launch.environment, read_only=launch.read_only, toolsets=launch.toolsets), ensure_ascii=False
    )
    return Answers(
        {version: text.replace(SLOT, words) for version, text in kept["initialize"].items()},
        kept["discover"].replace(SLOT, words),
        kept["legacy_list"].replace(SLOT, ",".join(tool["legacy"] for tool in chosen)),
        kept["modern_list"].replace(SLOT, ",".join(tool["modern"] for tool in chosen)),
        kept["legacy_list"].replace(SLOT, shown["legacy"]),
        kept["modern_list"].replace(SLOT, shown["modern"]),
    )


def _with_views(tools: list[dict[str, Any]], era: str, toolsets: tuple[str, ...]) -> Iterator[str]:
    """The pieces that `server.apps.tools_wire` lists, which is too heavy to import; a test compares them."""
    for tool in tools:
        if _is_listed(tool, toolsets):
            yield tool.get(f"{era}_view", tool[era])
        elif f"{era}_app" in tool:
            yield tool[f"{era}_app"]


def _is_listed(tool: dict[str, Any], toolsets: tuple[str, ...]) -> bool:
    """The rule of `registry.catalog.Catalog.listed_tools`, which is too heavy to import; a test compares them."""
    if "all" in toolsets or not toolsets:
        return bool(toolsets or tool["listed"])
    return tool["toolset"] in toolsets or tool["toolset"] == ALWAYS_LISTED
