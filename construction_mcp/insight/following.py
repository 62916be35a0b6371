"""What goes on once an approval is answered with yes, read off the plan. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from construction_mcp.core.json import write_json
from construction_mcp.notify.message import shortened

_VALUE_CHARS_MAX = 300  # of one setting: what a person still reads
_OUTSIDE = ("write", "notify")


@dataclass(frozen=True, slots=True)
class Following:
    """A step with an effect outside. settings: as written, by name; what is in `{{ }}` is filled in when it runs."""

    key: str
    type: str
    effect: str
    settings: Mapping[str, str]


def following(plan: Mapping[str, Any], approval: str) -> list[Following]:
    """The steps that reach Procore or people and stand behind this approval, in their order."""
    nodes: Sequence[Mapping[str, Any]] = plan["nodes"]
    behind = {approval}
    found = []
    for node in nodes:  # a plan's nodes are in an order in which everything comes after what it needs
        if node["key"] in behind or behind.isdisjoint([*node["after"], *node["guarded_by"]]):
            continue
        behind.add(node["key"])
        if node["effect"] in _OUTSIDE:
            found.append(Following(node["key"], node["type"], node["effect"], _settings(node["config"])))
    return found


def _settings(config: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: shortened(value if isinstance(value, str) else write_json(value), _VALUE_CHARS_MAX)
        for name, value in config.items()
        if value is not None
    }
