"""Calling what the catalog knows: look up, check the role, validate, import once, inject, await, shape.

Everything here raises `ConstructionError`; turning those into results is server/result.py's one `try`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from construction_mcp.core.config import Limits
from construction_mcp.core.effects import Effect, Gated
from construction_mcp.core.errors import Invalid, NextCall, NotFound, NotPermitted
from construction_mcp.core.nearest import nearest
from construction_mcp.core.ports import Ask, Log, Progress, ToolHit, Tools
from construction_mcp.core.services import Services
from construction_mcp.core.types import Principal, Role
from construction_mcp.registry.arguments import ArgumentCheck
from construction_mcp.registry.binding import Binding, bind
from construction_mcp.registry.catalog import Catalog, View
from construction_mcp.registry.gate import Asked, Gate
from construction_mcp.registry.manifest import ResourceEntry, ToolEntry
from construction_mcp.registry.search import ToolSearch
from construction_mcp.registry.shape import Outcome, shape
from construction_mcp.registry.turns import Turns

_WIRE: frozenset[type] = frozenset({Ask, Progress, Log})

Guard = Callable[[], Awaitable[None]]
"""Raises when nothing may be changed now."""


@dataclass(frozen=True, slots=True)
class Call:
    """The surroundings of one call: who, what they may see, and what the wire provides for this call alone."""

    principal: Principal
    view: View
    provided: Mapping[type, Any] = field(default_factory=dict)


class Dispatcher:
    """One per process; views and principals come with each call."""

    def __init__(
        self, catalog: Catalog, services: Services, limits: Limits, *, before_change: Guard | None = None
    ) -> None:
        self._before_change = before_change
        self._catalog = catalog
        self._services = services
        self._limits = limits
        self._checks: dict[str, ArgumentCheck] = {}
        self._turns = Turns(limits)
        self._search = lru_cache(maxsize=16)(self._index)
        self._hits: dict[str, ToolHit] = {}

    async def call_tool(self, name: str, arguments: Mapping[str, Any], call: Call) -> Outcome:
        """Call a tool as `call.principal`.

        Raises:
            ConstructionError: whatever went wrong, with its code.
        """
        tool = self._tool(name, call)
        given = self._check(tool).check(arguments)
        async with self._turn(tool.name, call, tool.timeout_s, is_read=tool.effect == "read") as timed:
            return await self._run(tool, given, timed)

    async def made_by(self, name: str, arguments: Mapping[str, Any], principal: Principal) -> Any:
        """What a tool returns before it is shaped, for a caller inside the house: an outside tool's `Effect` is not
        performed, and passes no gate here.

        Raises:
            ConstructionError: as `call_tool`.
        """
        tool = self._catalog.tools[name]
        _require_role(principal, tool.role, name)
        return await self._invoke(bind(tool.function), self._check(tool).check(arguments), Call(principal, View()))

    def is_read(self, name: str, call: Call) -> bool:
        """Whether a call of `name` changes nothing, as that of an unknown tool; told without importing it."""
        tool = self._catalog.callable_tools(call.view).get(name)
        return tool is None or tool.effect == "read"

    def is_plain_read(self, name: str, call: Call) -> bool:
        """Whether a call of `name` changes nothing and has no use for the wire behind it, so that any wire will do and
        a second run does no harm. An unknown tool is such a call too: it ends in an error."""
        tool = self._catalog.callable_tools(call.view).get(name)
        return tool is None or (
            tool.effect == "read" and not any(_is_of_the_wire(kind) for kind in bind(tool.function).injected.values())
        )

    def is_quick_read(self, name: str, call: Call) -> bool:
        """Whether `name` is a read that stays inside this data directory, so that it is over in a moment; told without
        importing it."""
        tool = self._catalog.callable_tools(call.view).get(name)
        return tool is not None and tool.effect == "read" and not tool.annotations.get("openWorldHint")

    async def read_resource(self, uri: str, call: Call) -> tuple[ResourceEntry, Any]:
        """The resource's description and what its function returned."""
        found = self._catalog.find_resource(uri)
        if found is None:
            raise NotFound(
                f"There is no resource {uri[:200]!r}.", hint="resources/list and templates show what exists."
            )
        entry, values = found
        _require_role(call.principal, entry.role, uri[:200])
        async with self._turn(uri[:200], call) as timed:
            return entry, await self._invoke(bind(entry.function), values, timed)

    async def get_prompt(self, name: str, arguments: Mapping[str, str], call: Call) -> Any:
        """What the prompt's function returned: text, or `(role, text)` pairs."""
        entry = self._catalog.prompts.get(name)
        if entry is None:
            raise NotFound(
                f"There is no prompt {name[:100]!r}.", details={"nearest": nearest(name, self._catalog.prompts)}
            )
        _require_role(call.principal, entry.role, name)
        known = {str(one["name"]) for one in entry.arguments}
        missing = [one["name"] for one in entry.arguments if one["required"] and one["name"] not in arguments]
        unknown = arguments.keys() - known
        if missing or unknown:
            raise Invalid(
                f"Prompt {name} takes {', '.join(sorted(known))}.",
                details={"missing": missing, "unknown": sorted(unknown)},
            )
        async with self._turn(name, call) as timed:
            return await self._invoke(bind(entry.function), dict(arguments), timed)

    async def complete(self, ref: str, argument: str, prefix: str, call: Call) -> Sequence[str]:
        """Values for an argument that begin with what was typed; empty where nobody completes it."""
        entry = self._catalog.completion(ref, argument)
        if entry is None:
            return []
        async with self._turn(f"completion of {argument}", call) as timed:
            values: Sequence[str] = await self._invoke(bind(entry.function), {"prefix": prefix}, timed)
        return values

    @asynccontextmanager
    async def _turn(
        self, what: str, call: Call, timeout_s: float | None = None, *, is_read: bool = True
    ) -> AsyncIterator[Call]:
        """The bounds of every call; within them its questions to a person cost it no time."""
        async with self._turns.take(what, call.provided.get(Ask), timeout_s=timeout_s, is_read=is_read) as ask:
            yield call if ask is None else replace(call, provided={**call.provided, Ask: ask})

    def _tool(self, name: str, call: Call) -> ToolEntry:
        tools = self._catalog.callable_tools(call.view)
        tool = tools.get(name)
        if tool is None:
            near = nearest(name, tools)
            raise Invalid(
                f"There is no tool {name[:100]!r} here.",
                code="VALIDATION_UNKNOWN_TOOL",
                details={"nearest": near},
                next_call=NextCall(
                    "find_tools", {"query": name[:100].replace("_", " ")}, "find the tool by its purpose"
                ),
            )
        _require_role(call.principal, tool.role, tool.name)
        return tool

    def _check(self, tool: ToolEntry) -> ArgumentCheck:
        check = self._checks.get(tool.name)
        if check is None:
            check = self._checks[tool.name] = ArgumentCheck(tool, self._limits.json_depth_max)
        return check

    async def _run(self, tool: ToolEntry, given: dict[str, Any], call: Call) -> Outcome:
        if self._before_change is not None and tool.effect in ("workspace", "outside"):
            await self._before_change()
        binding = bind(tool.function)
        fields = given.pop("fields", None)
        if tool.effect == "outside":
            value = await self._pass_gate(tool, binding, given, call)
        else:
            value = await self._invoke(binding, given, call)
        return shape(value, binding.returns, fields, self._limits.result_bytes_max, summary_to=tool.summary_to)

    async def _pass_gate(self, tool: ToolEntry, binding: Binding, given: dict[str, Any], call: Call) -> Gated[Any]:
        """Let the tool describe its change, then give it to the gate."""
        confirmation, key = given.pop("confirmation", None), given.pop("idempotency_key", None)
        gate: Gate = await self._services.get(Gate)
        asked = Asked(call.principal, tool.name, given, call.provided.get(Ask), confirmation, key)
        earlier = await gate.earlier(asked)
        if earlier is not None:
            return earlier
        effect: Effect[Any] = await self._invoke(binding, given, call)
        return await gate.pass_through(effect, asked, binding.returns)

    async def _invoke(self, binding: Binding, given: Mapping[str, Any], call: Call) -> Any:
        injected = {name: await self._provide(kind, call) for name, kind in binding.injected.items()}
        return await binding.function(**binding.convert(given), **injected)

    async def _provide(self, kind: type, call: Call) -> Any:
        """What the wire provides for this call, else a service of the house."""
        if kind in call.provided:
            return call.provided[kind]
        if kind is Principal:
            return call.principal
        if kind is View:
            return call.view
        if kind is Tools:
            return _CallersTools(self, call)
        return self._services.ready.get(kind) or await self._services.for_caller(kind, call.principal)

    def find_tools(self, query: str, limit: int, call: Call) -> list[ToolHit]:
        """The tools of this view and role that fit `query`, best first."""
        found = self._search(call.view.read_only, call.principal.role).find(query, limit)
        return [self._hit(tool) for tool in found]

    def _hit(self, tool: ToolEntry) -> ToolHit:
        hit = self._hits.get(tool.name)
        if hit is None:
            hit = self._hits[tool.name] = ToolHit(tool.name, tool.toolset, tool.purpose, tool.input_schema)
        return hit

    def _index(self, read_only: bool, role: Role) -> ToolSearch:
        tools = self._catalog.callable_tools(View(read_only=read_only)).values()
        return ToolSearch(tool for tool in tools if role.includes(tool.role) and tool.effect != "dispatch")


@dataclass(frozen=True, slots=True)
class _CallersTools:
    """`Tools` for the caller of one call."""

    dispatcher: Dispatcher
    caller: Call

    def find(self, query: str, limit: int) -> Sequence[ToolHit]:
        return self.dispatcher.find_tools(query, limit, self.caller)

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        outcome = await self.dispatcher.call_tool(name, arguments, self.caller)
        return outcome.structured or {}


def _require_role(principal: Principal, needed: Role, what: str) -> None:
    """Refuse before anything is looked up, so that a refusal says nothing about what exists."""
    if not principal.role.includes(needed):
        raise NotPermitted(
            f"{what} needs the role {needed}; {principal.name or principal.id} is {principal.role}.",
            hint="An admin of this workspace can give it: construction-mcp users add.",
            details={"needed": str(needed), "role": str(principal.role)},
        )


def _is_of_the_wire(kind: type) -> bool:
    """Whether only the wire of one call can provide it: our own ports, and what is the SDK's."""
    return kind in _WIRE or kind.__module__.partition(".")[0] == "mcp"
