"""A change outside this server, described before it is made: what an `outside` tool returns instead of doing it.

The tool may read what it needs to describe the change. Carrying it out is the gate's business (`registry/gate.py`), so
that confirmation, idempotency, the durable intent and the audit row exist once.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class Effect(Generic[Done]):
    """One change.

    summary: one sentence in the user's words, "Close RFI 42 Slab edge in project Riverside".
    shown: exactly what will change, for a person to judge; its digest is what a consent is bound to.
    perform: makes the change, once per intent; returns what the outside answered.
    targets: what it touches, `procore:project/7/rfi/42`, `mailto:...`; for the audit row and cache tags.
    is_read: it changes nothing after all, as a GET of a tool that also writes; performed without consent or intent.
    """

    summary: str
    shown: Mapping[str, Any]
    perform: Callable[[], Awaitable[Done]]
    targets: tuple[str, ...] = ()
    is_read: bool = False


@dataclass(frozen=True, slots=True)
class Gated(Generic[Done]):
    """How a gated call ended: `done`, or what has to happen first. Not an error: the model goes on from here."""

    status: Literal["done", "needs_confirmation", "needs_approval", "declined"]
    item: Done | None = None
    preview: Mapping[str, Any] | None = field(default=None)
    confirmation: str | None = None
    approval_id: str | None = None
    expires_at: str | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """One effect as it was shown. `key` makes it happen once, for the request that `digest` is of.

    within: what it was made for, as `workflow:<id>`: for the audit log beside its targets.
    touches: the recipients, hosts and kinds of write that deploying agreed to, as `(kind, target)`.
    """

    principal: str
    tool: str
    key: str
    digest: str
    summary: str
    shown: Mapping[str, Any]
    targets: Sequence[str] = ()
    within: Sequence[str] = ()
    touches: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the ledger knows of a key: `outcome` is the item of a done effect, or the error of a failed one."""

    id: str
    digest: str
    state: Literal["intended", "done", "failed", "uncertain"]
    outcome: Any


class Ledger(Protocol):
    """Where intents and their outcomes are kept, durably."""

    async def find(self, principal: str, tool: str, key: str) -> Recorded | None:
        """What became of this key so far."""
        ...

    async def intend(self, intent: Intent) -> tuple[Recorded, bool]:
        """Record the intent durably; `(what is recorded, whether it was new)`. Only a new one may be performed."""
        ...

    async def finish(
        self, intent_id: str, intent: Intent, state: Literal["done", "failed", "uncertain"], outcome: Any
    ) -> None:
        """Record the outcome and its audit row in one transaction; a second outcome is ignored."""
        ...

    async def decline(self, intent: Intent) -> None:
        """Record that a person said no; nothing was sent, and asking again may be answered differently."""
        ...
