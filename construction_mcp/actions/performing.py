"""How an action is carried out: what its `perform` is given, and what it gives back.

What only reads or computes gives its output at once. What changes something gives an `Act`, which describes the change
and does nothing: the engine previews it, or makes its intent durable, performs it once and records the outcome. So
neither a preview nor a crash can make a change twice.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.procore.access import Procore

Output: TypeAlias = Mapping[str, Any]
"""What a step gives, as JSON: what `ActionType.output` describes."""


@dataclass(slots=True)  # not frozen: one is made for every body, and freezing takes longer than all the rest
class Run:
    """The step that is being carried out, and the execution it belongs to.

    key_of: gives `key`, the same for every try of this step on every engine: sha256 of execution, step, item and plan.
    began_at: when the step's first try began. timezone: of the trigger, else of the project, else UTC.
    consent: what deploying agreed to, as in `Plan.consent`.
    """

    execution_id: str
    workflow_id: str
    workflow_name: str
    step: str
    item: int | None
    key_of: Callable[[], str]
    began_at: datetime
    attempt: int
    project_id: int | None
    timezone: str
    run_as: str
    depth: int
    is_simulated: bool
    deliver_to: str | None
    consent: Sequence[Mapping[str, Any]]

    @property
    def key(self) -> str:
        """What tells this step from every other, and its tries from nothing."""
        return self.key_of()


@dataclass(frozen=True, slots=True)
class Match:
    """Something that an earlier try of an act may have made: its id where it lives, and the output it stands for."""

    id: str
    output: Output


@dataclass(frozen=True, slots=True)
class Act:
    """One change outside, or of durable state, described before it is made.

    summary: one sentence, "Reply to RFI 42 Slab edge in Riverside"; shown: exactly what will change or be sent.
    perform: makes it once. targets: what it touches, for the audit row.
    touches: kind and target of what it really reaches, as `Consent` names them; outside the plan's consent it stops.
    is_repeatable: twice is the same as once (a state, a close), so an unknown outcome is simply tried again.
    look: what an earlier try since that moment may have made, best first; None where nothing can be looked up.
    is_nothing: there is nothing to do (an empty list to tell of); no intent, no audit row, the output is `preview`.
    preview: the output that a simulated step gives.
    """

    summary: str
    shown: Mapping[str, Any]
    perform: Callable[[], Awaitable[Output]]
    preview: Output
    targets: tuple[str, ...] = ()
    touches: tuple[tuple[str, str], ...] = ()
    is_repeatable: bool = False
    look: Callable[[datetime], Awaitable[Sequence[Match]]] | None = field(default=None)
    is_nothing: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """A notification that is worded and ready to go.

    shown: what the person will read; recipients: whom it reaches, whole; is_empty: only empty lists to show.
    send: sends it once; the recipients that took it and the message's id.
    """

    shown: Mapping[str, Any]
    recipients: tuple[str, ...]
    targets: tuple[str, ...]
    is_empty: bool
    send: Callable[[], Awaitable[tuple[Sequence[str], str | None]]]


class Telling(Protocol):
    """Notifications, as actions may send them."""

    async def letter(
        self,
        channel: str,
        *,
        principal: str,
        to: Sequence[str] = (),
        url: str | None = None,
        subject: str | None = None,
        text: str | None = None,
        template: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Letter:
        """Word it, and refuse now what could not be sent later.

        Raises:
            Invalid: the channel is not set up, or the template and its data do not fit. EgressRefused.
        """
        ...

    async def post(
        self, url: str, body: Any, *, signed: bool, principal: str, message_id: str
    ) -> tuple[Sequence[str], str]:
        """Post a JSON body to another program; the same `message_id` lets its receiver tell a repetition."""
        ...

    def admit(self, url: str) -> None:
        """Raises: EgressRefused: arguments may not lead there."""
        ...


class Web(Protocol):
    """Requests to other systems, behind the egress guard."""

    def admit(self, url: str) -> None:
        """Raises: EgressRefused: arguments may not lead there."""
        ...

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None, timeout_s: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of the answer, whatever the status.

        Raises:
            EgressRefused, Unavailable: nothing was sent. Uncertain: it was sent and the answer never came.
        """
        ...


class Memory(Protocol):
    """What a workflow remembers from one run to the next."""

    async def recall(self, workflow_id: str, name: str) -> tuple[bool, Any]:
        """Whether something is stored under the name, and what."""
        ...

    async def remember(self, workflow_id: str, name: str, value: Any) -> None:
        """Store it durably; None forgets it."""
        ...


class Context(Protocol):
    """What an action may use while it is carried out."""

    @property
    def run(self) -> Run:
        """The step, and the execution it belongs to."""
        ...

    @property
    def clock(self) -> Clock: ...

    @property
    def limits(self) -> Limits: ...

    @property
    def telling(self) -> Telling: ...

    @property
    def web(self) -> Web: ...

    @property
    def memory(self) -> Memory: ...

    async def call(self, name: str, arguments: Mapping[str, Any], /) -> Any:
        """One of this server's tools as `run_as`; what it returns before anybody shapes it, so that a tool with an
        outside effect gives its `Effect` and changes nothing."""
        ...

    async def procore(self) -> Procore:
        """Procore as `run_as`.

        Raises:
            NeedsLogin: the account is gone.
        """
        ...

    async def each(self, text: str, items: Sequence[Any], /) -> Sequence[Any]:
        """The value of a CEL expression for each item under `item`, an `Invalid` for an item where it failed."""
        ...

    async def evaluate(self, text: str, /) -> Any:
        """The value of a CEL expression with everything the step may read."""
        ...

    async def note(self, kind: str, text: str, /) -> None:
        """A line in the execution's log."""
        ...


Perform: TypeAlias = Callable[[Any, Context], Awaitable["Output | Act"]]
"""Carries out one action, given its validated config."""
