"""Reads records with a workflow's own account: that of an event again, and those that changed since a moment."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NoReturn, TypeAlias, cast

from construction_mcp.actions.action import ActionType, ActionTypes
from construction_mcp.actions.performing import Act, Context, Run
from construction_mcp.actions.places import ALL_ACTIVE
from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import NotFound, Unavailable
from construction_mcp.core.types import Principal, Role
from construction_mcp.procore.access import Accounts, Procore
from construction_mcp.procore.event_names import named
from construction_mcp.store.starts import Startable
from construction_mcp.workflow.triggers import READS

_DAY = timedelta(days=1)
_NEVER = datetime.min.replace(tzinfo=UTC)

Call: TypeAlias = Callable[[str, Mapping[str, Any], Principal], Awaitable[Any]]
"""One of this server's tools, as `performing.Context.call` has it."""


class ReadAgain:
    """Implements `admission.Records` and `poller.Changed`."""

    def __init__(self, accounts: Accounts, call: Call, types: ActionTypes, clock: Clock, limits: Limits) -> None:
        self._accounts = accounts
        self._call = call
        self._types = types
        self._clock = clock
        self._limits = limits

    async def read(self, active: Startable, event: Mapping[str, Any]) -> Any:
        """As `Records.read`."""
        action = self._types.get(READS.get(named(event["resource_name"]) or "", ""))
        project_id = event["project_id"] or active.project_id
        if action is None or project_id is None or event["resource_id"] is None:
            return None
        if action.perform is None:
            raise Unavailable(f"This server cannot carry out {action.name} yet.")
        config = action.config.model_validate(_config_of(action, event, project_id, self._clock))
        output = await action.perform(config, self._context(active, event["id"], project_id))
        assert not isinstance(output, Act), f"{action.name} only reads"
        if "item" in output:
            return output["item"]
        found = [one for one in output["items"] if one.get("id") == event["resource_id"]]
        if not found:
            raise NotFound("The record is not among those that changed.", code="PROCORE_NOT_FOUND")
        return found[0]

    async def changed(self, active: Startable, resource: str, since: datetime) -> Sequence[Mapping[str, Any]]:
        """As `Changed.changed`."""
        action = self._types.get(READS[resource].rpartition(".")[0] + ".list")
        if action is None or action.perform is None:
            raise Unavailable(f"This server cannot list {resource} yet.")
        fields = action.config.model_fields
        given: dict[str, Any] = {"projects": active.project_id or ALL_ACTIVE}
        if "status" in fields and fields["status"].default is not None:
            given["status"] = "any"
        if "updated_since" in fields:
            given["updated_since"] = since.date() - _DAY  # the day of a project west of here began later
        config = action.config.model_validate(given)
        output = await action.perform(config, self._context(active, f"{resource} {since}", active.project_id))
        assert not isinstance(output, Act), f"{action.name} only reads"
        if output["truncated"]:
            raise Unavailable(f"There are more {resource} than can be listed at once.")
        first = since.replace(microsecond=0)  # Procore keeps seconds
        return [one for one in output["items"] if _moment(one["updated_at"]) >= first]

    def _context(self, active: Startable, about: str, project_id: int | None) -> Context:
        key = hashlib.sha256(f"{active.id} {about}".encode()).hexdigest()
        run = Run(
            execution_id="",
            workflow_id=active.id,
            workflow_name=active.name,
            step="trigger",
            item=None,
            key_of=lambda: key,
            began_at=self._clock.now(),
            attempt=1,
            project_id=project_id,
            timezone="UTC",
            run_as=active.run_as,
            depth=0,
            is_simulated=False,
            deliver_to=None,
            consent=(),
        )

        return _Reading(self, run, Principal(active.run_as, Role.BUILDER))


class _Reading:
    """Implements `performing.Context` for what only reads: it evaluates nothing, tells nobody, remembers nothing."""

    def __init__(self, reads: ReadAgain, run: Run, who: Principal) -> None:
        self.run = run
        self.clock = reads._clock
        self.limits = reads._limits
        self.telling = self.web = self.memory = cast("Any", _Nothing())
        self._reads = reads
        self._who = who

    async def call(self, name: str, arguments: Mapping[str, Any], /) -> Any:
        return await self._reads._call(name, arguments, self._who)

    async def procore(self) -> Procore:
        return await self._reads._accounts.of(self._who)

    async def each(self, _text: str, _items: Sequence[Any], /) -> NoReturn:
        raise AssertionError("a read evaluates nothing")

    async def evaluate(self, _text: str, /) -> NoReturn:
        raise AssertionError("a read evaluates nothing")

    async def note(self, _kind: str, _text: str, /) -> None:
        return None


def _moment(text: str | None) -> datetime:
    return _NEVER if text is None else datetime.fromisoformat(text)


def _config_of(action: ActionType, event: Mapping[str, Any], project_id: int, clock: Clock) -> dict[str, Any]:
    """Which record: by its id where the kind has a get, else among what changed that day."""
    fields = action.config.model_fields
    own = [name for name in fields if name.endswith("_id") and name != "project_id"]
    if own:
        return {"project_id": project_id, own[0]: event["resource_id"]}
    told = event["at"] and date.fromisoformat(event["at"][:10])
    since = told or clock.now().date()
    config: dict[str, Any] = {"projects": project_id}
    return {**config, "updated_since": since} if "updated_since" in fields else config


class _Nothing:
    """A read tells nobody, asks no other system and remembers nothing."""

    def __getattr__(self, name: str) -> NoReturn:
        raise AssertionError(f"a read asked for {name}")
