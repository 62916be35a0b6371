"""What a tool may ask of the house beyond plain services: the few seams the upper floors fill."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

LogLevel = Literal["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]
Listing = Literal["tools", "prompts", "resources"]


@dataclass(frozen=True, slots=True)
class Answer:
    """A person's answer to an elicitation: `content` only when accepted."""

    action: Literal["accept", "decline", "cancel"]
    content: Mapping[str, Any] | None = None


class Ask(Protocol):
    """Put a question to the person behind the client, in either protocol era.

    On 2026-07-28 the tool runs again with the answer, so everything before an `await ask...` must be repeatable:
    reads, or writes that happen once by their key. `key` names the question and must be the same on both runs.
    Source: MCP 2026-07-28, multi-round-trip requests; 2025-11-25, elicitation.
    """

    @property
    def can_form(self) -> bool:
        """Whether the client can show a form."""
        ...

    @property
    def can_url(self) -> bool:
        """Whether the client can open a link."""
        ...

    @property
    def state(self) -> str | None:
        """What `form` or `url` was given as `state` on the run before; sealed on the wire, so only ours comes back."""
        ...

    async def form(self, key: str, message: str, schema: Mapping[str, Any], *, state: str | None = None) -> Answer:
        """Ask with a flat form (`schema`: a JSON Schema object of primitive properties)."""
        ...

    async def url(self, key: str, message: str, url: str, *, state: str | None = None) -> Answer:
        """Ask the person to open `url`; accepting means they agreed to, not that they finished there."""
        ...


class Progress(Protocol):
    """Tell a waiting caller how far a long call is."""

    async def report(self, done: float, total: float | None = None, message: str | None = None) -> None:
        """Send one progress notification; nothing happens when the caller did not ask for any."""
        ...


class Log(Protocol):
    """Write to the client's log, for clients that ask for one; ours is stderr, through `logging`."""

    async def write(self, level: LogLevel, message: str) -> None:
        """Send one line; nothing happens below the level that the client asked for."""
        ...


class Changes(Protocol):
    """Tell subscribers that something they can read changed."""

    async def resource_updated(self, uri: str) -> None:
        """Notify whoever subscribed to `uri` and may read it."""
        ...

    async def listing_changed(self, listing: Listing) -> None:
        """Notify whoever asked to hear when the list of tools, prompts or resources changes (2026-07-28)."""
        ...


@dataclass(frozen=True, slots=True)
class Content:
    """An answer made of MCP content blocks (images, audio, embedded resources) instead of structured data.

    `blocks` are wire-shaped, for example `{"type": "text", "text": "..."}`.
    Source: MCP 2025-11-25, "Tool result".
    """

    blocks: Sequence[Mapping[str, Any]]
    is_error: bool = False


class InputNeeded(Exception):  # not an error: the call goes on in another round
    """The call stops here and runs again once the client sends answers to `requests` (2026-07-28 only)."""

    def __init__(self, requests: Mapping[str, Any], state: str | None) -> None:
        super().__init__("waiting for the client")
        self.requests = requests
        self.state = state


class Tools(Protocol):
    """The other tools, as the same caller may use them: same view, role, validation and gate."""

    def find(self, query: str, limit: int) -> Sequence["ToolHit"]:
        """The tools that fit some words best, best first."""
        ...

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Call one; its structured content. Its errors come through as they are."""
        ...


@dataclass(frozen=True, slots=True)
class ToolHit:
    """What `find_tools` says about one tool: enough to call it."""

    name: str
    toolset: str
    purpose: str
    input_schema: Mapping[str, Any]
