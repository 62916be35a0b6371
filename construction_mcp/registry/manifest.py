"""The committed description of one toolset: what a running server knows before it imports any of it."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from construction_mcp.core.toolset import Effect
from construction_mcp.core.types import Role

Schema = Mapping[str, Any]

MANIFEST = "manifest.json"
ENTRY_POINT_GROUP = "construction_mcp.toolsets"


@dataclass(frozen=True, slots=True)
class ToolEntry:
    """One tool. `function` is `package.module:name`; `output_schema` is the full one, listed as `shallow` of it.

    summary_to: as `toolset.tool` has it.
    """

    name: str
    title: str
    description: str
    toolset: str
    function: str
    effect: Effect
    role: Role
    listed: bool
    annotations: Mapping[str, bool]
    input_schema: Schema
    output_schema: Schema
    timeout_s: float | None = None
    summary_to: str | None = None

    @property
    def purpose(self) -> str:
        """The first sentence of the description."""
        return re.split(r"(?<=[.!?])\s", self.description, maxsplit=1)[0]


@dataclass(frozen=True, slots=True)
class ResourceEntry:
    """One resource, or a template when `uri` holds `{name}` parts."""

    uri: str
    name: str
    title: str
    description: str
    toolset: str
    function: str
    role: Role
    mime_type: str
    subscribable: bool

    @property
    def is_template(self) -> bool:
        return "{" in self.uri


@dataclass(frozen=True, slots=True)
class PromptEntry:
    """One prompt; `arguments` are `{name, description, required}`."""

    name: str
    title: str
    description: str
    toolset: str
    function: str
    role: Role
    arguments: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class CompletionEntry:
    """Who completes argument `argument` of prompt or template `ref`."""

    ref: str
    argument: str
    function: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything one toolset offers."""

    toolset: str
    summary: str
    tools: tuple[ToolEntry, ...] = ()
    resources: tuple[ResourceEntry, ...] = ()
    prompts: tuple[PromptEntry, ...] = ()
    completions: tuple[CompletionEntry, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """What is rare is left out where it is not said, so that a manifest of an earlier release stays fresh."""
        data = asdict(self)
        for tool in data["tools"]:
            if tool["summary_to"] is None:
                del tool["summary_to"]
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Manifest":
        return cls(
            toolset=data["toolset"],
            summary=data["summary"],
            tools=tuple(ToolEntry(**{**tool, "role": Role(tool["role"])}) for tool in data["tools"]),
            resources=tuple(ResourceEntry(**{**item, "role": Role(item["role"])}) for item in data["resources"]),
            prompts=tuple(
                PromptEntry(**{**item, "role": Role(item["role"]), "arguments": tuple(item["arguments"])})
                for item in data["prompts"]
            ),
            completions=tuple(CompletionEntry(**item) for item in data["completions"]),
        )


def title_of(name: str) -> str:
    """The title of what was given none."""
    return name.replace("_", " ").capitalize().replace("procore", "Procore").replace("rfi", "RFI")


def shallow(schema: Schema) -> dict[str, Any]:
    """The listed form of an output schema: which top-level keys there may be, and nothing of what is in them.

    The answer itself shows its types to whoever reads it. The full schema is `construction://schemas/{tool}`; listing
    it would cost every conversation.
    """
    if not schema:
        return {}
    properties: dict[str, Any] = {name: {} for name in schema["properties"]}
    return {"type": "object", "properties": properties, "additionalProperties": False}
