"""MCP methods to dispatcher calls, and errors to results: one `Server` per view, shared by every transport."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any, TypeAlias

import mcp_types as types
from mcp.server.caching import CacheableMethod, CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.request_state import RequestStateSecurity
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from construction_mcp import __version__
from construction_mcp.bootstrap import House
from construction_mcp.core.apps import shows_views
from construction_mcp.core.errors import ConstructionError, Invalid, NotFound
from construction_mcp.core.instructions import instructions
from construction_mcp.core.ports import Ask, InputNeeded, Log, Progress
from construction_mcp.core.types import Principal
from construction_mcp.registry.catalog import View
from construction_mcp.registry.dispatch import Call
from construction_mcp.server import apps, listing
from construction_mcp.server.ask import ClientAsk
from construction_mcp.server.changes import ResourceChanges
from construction_mcp.server.content import prompt_messages, resource_contents
from construction_mcp.server.exchange import Exchange
from construction_mcp.server.icon import ICON
from construction_mcp.server.logs import ClientLog, set_log_level
from construction_mcp.server.result import complete, internal, run_tool, tool_result
from construction_mcp.server.state import SealedRounds, WorkspaceSeal
from construction_mcp.server.timing import Timed

Context: TypeAlias = ServerRequestContext[Any, Any]
PrincipalOf: TypeAlias = Callable[[Context], Principal]

COMPLETIONS_MAX = 100  # MCP 2025-11-25, "Completion": at most 100 values
RESOURCE_NOT_FOUND = -32002  # MCP 2025-11-25, "Resources: error handling"; -32602 from 2026-07-28 (SEP-2164)
_FRESH = CacheHint(ttl_ms=300_000)  # listings change only with the installation or a restart
_LISTINGS: tuple[CacheableMethod, ...] = (
    "tools/list",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "server/discover",
)


def build_server(house: House, view: View, principal_of: PrincipalOf) -> Server[Any]:
    """The SDK server of one view. `principal_of` reads who is calling from the request's transport."""
    face = Face(house, view, principal_of)
    server: Server[Any] = Server(
        "construction-mcp",
        version=__version__,
        title="Construction automation on Procore",
        instructions=instructions(view.environment, read_only=view.read_only, toolsets=view.toolsets),
        icons=[types.Icon(src=ICON, mime_type="image/svg+xml", sizes=["any"])],
        cache_hints={**dict.fromkeys(_LISTINGS, _FRESH), "resources/read": CacheHint()},
        get_tool_input_schema=face.header_schemas.get,
        on_list_tools=face.list_tools,
        on_call_tool=face.call_tool,
        on_list_resources=face.list_resources,
        on_list_resource_templates=face.list_templates,
        on_read_resource=face.read_resource,
        on_subscribe_resource=face.subscribe,
        on_unsubscribe_resource=face.unsubscribe,
        on_subscriptions_listen=face.changes.listener(face.may_read),
        on_list_prompts=face.list_prompts,
        on_get_prompt=face.get_prompt,
        on_completion=face.complete,
    )
    server.extensions = apps.ANNOUNCED
    server.add_request_handler("logging/setLevel", types.SetLevelRequestParams, set_log_level)
    server.middleware.append(Timed())
    seal = WorkspaceSeal(house)
    security = RequestStateSecurity(codec=seal, bind_principal=lambda ctx: principal_of(ctx).id)
    server.middleware.append(SealedRounds(seal, security))
    return server


class Face:
    """The handlers of one view."""

    def __init__(self, house: House, view: View, principal_of: PrincipalOf) -> None:
        self._house = house
        self._view = view
        self._principal_of = principal_of
        self.changes = ResourceChanges(house.settings.limits.subscriptions_max)
        house.changes.attach(self.changes)
        self.header_schemas = listing.header_schemas(house.catalog.tools)
        house.catalog.require_toolsets(view.toolsets)

    async def list_tools(self, ctx: Context, params: types.PaginatedRequestParams | None) -> Any:
        _only_page(params)
        return complete(tools=self._tools_with_views if _shows_views(ctx) else self._tools)

    async def list_resources(self, ctx: Context, params: types.PaginatedRequestParams | None) -> Any:
        _only_page(params)
        plain = listing.resources_wire(self._house.catalog.resources.values())
        return complete(resources=[*plain, *apps.listed()] if _shows_views(ctx) else plain)

    async def list_templates(self, _: Context, params: types.PaginatedRequestParams | None) -> Any:
        _only_page(params)
        return complete(resourceTemplates=listing.templates_wire(self._house.catalog.resources.values()))

    async def list_prompts(self, _: Context, params: types.PaginatedRequestParams | None) -> Any:
        _only_page(params)
        return complete(prompts=[listing.prompt_wire(entry) for entry in self._house.catalog.prompts.values()])

    async def call_tool(self, ctx: Context, params: types.CallToolRequestParams) -> Any:
        try:
            outcome, trace = await run_tool(
                self._house, params.name, params.arguments or {}, self._call(ctx, params), passing=(MCPError,)
            )
        except InputNeeded as question:
            return _next_round(question)
        if ctx.request is not None:
            exchange: Exchange = ctx.request.scope["exchange"]
            exchange.trace = trace
        return tool_result(
            outcome, trace, ctx.protocol_version, modern=ctx.protocol_version in MODERN_PROTOCOL_VERSIONS
        )

    async def read_resource(self, ctx: Context, params: types.ReadResourceRequestParams) -> Any:
        uri = str(params.uri)
        try:
            with _protocol_errors(ctx, f"resource {uri[:200]}", uri):
                if uri.startswith(apps.SCHEME):
                    return complete(contents=apps.contents(uri, self._house.settings))
                entry, value = await self._house.dispatcher.read_resource(uri, self._call(ctx, params))
                return complete(contents=resource_contents(uri, entry, value))
        except InputNeeded as question:
            return _next_round(question)

    async def get_prompt(self, ctx: Context, params: types.GetPromptRequestParams) -> Any:
        try:
            with _protocol_errors(ctx, f"prompt {params.name[:100]}"):
                value = await self._house.dispatcher.get_prompt(
                    params.name, params.arguments or {}, self._call(ctx, params)
                )
                entry = self._house.catalog.prompts[params.name]
                return complete(description=entry.description, messages=prompt_messages(value))
        except InputNeeded as question:
            return _next_round(question)

    async def complete(self, ctx: Context, params: types.CompleteRequestParams) -> Any:
        ref = params.ref.name if isinstance(params.ref, types.PromptReference) else str(params.ref.uri)
        call = Call(self._principal_of(ctx), self._view, {type(ctx): ctx})
        with _protocol_errors(ctx, f"completion for {ref[:200]}"):
            values = await self._house.dispatcher.complete(ref, params.argument.name, params.argument.value, call)
        shown = list(values[:COMPLETIONS_MAX])
        completion = {"values": shown, "total": len(values), "hasMore": len(values) > len(shown)}
        return complete(completion=completion)

    async def subscribe(self, ctx: Context, params: types.SubscribeRequestParams) -> types.EmptyResult:
        uri = str(params.uri)
        if not self.may_read(ctx, uri):
            raise _protocol_error(NotFound(f"There is nothing to subscribe to at {uri[:200]!r}."), ctx, uri)
        try:
            self.changes.subscribe(ctx, uri)
        except Invalid as refusal:
            raise _protocol_error(refusal, ctx, uri) from None
        return types.EmptyResult()

    async def unsubscribe(self, ctx: Context, params: types.UnsubscribeRequestParams) -> types.EmptyResult:
        self.changes.unsubscribe(ctx, str(params.uri))
        return types.EmptyResult()

    def may_read(self, ctx: Context, uri: str) -> bool:
        """Whether the caller may be told of changes of `uri`."""
        found = self._house.catalog.find_resource(uri)
        return found is not None and found[0].subscribable and self._principal_of(ctx).role.includes(found[0].role)

    @cached_property
    def _tools(self) -> list[dict[str, Any]]:
        return [listing.tool_wire(tool) for tool in self._house.catalog.listed_tools(self._view)]

    @cached_property
    def _tools_with_views(self) -> list[dict[str, Any]]:
        return apps.tools_wire(self._house.catalog, self._view)

    def _call(self, ctx: Context, params: types.InputResponseRequestParams) -> Call:
        provided: Mapping[type, Any] = {
            Ask: ClientAsk(ctx, params),
            Progress: _ClientProgress(ctx),
            Log: ClientLog(ctx),
            ServerRequestContext: ctx,
        }
        return Call(self._principal_of(ctx), self._view, provided)


class _ClientProgress:
    """`Progress` towards whoever sent a progress token; nothing happens without one."""

    def __init__(self, ctx: Context) -> None:
        self._session = ctx.session

    async def report(self, done: float, total: float | None = None, message: str | None = None) -> None:
        await self._session.report_progress(done, total, message)


def _shows_views(ctx: Context) -> bool:
    """Whether the client can show views: said once in a handshake, with each request since 2026-07-28."""
    declared = ctx.session.client_capabilities
    return declared is not None and shows_views(declared.extensions)


def _next_round(question: InputNeeded) -> types.InputRequiredResult:
    """The interim answer of 2026-07-28: what to ask the person, and our sealed state."""
    return types.InputRequiredResult(input_requests=dict(question.requests) or None, request_state=question.state)


@contextmanager
def _protocol_errors(ctx: Context, where: str, uri: str | None = None) -> Iterator[None]:
    """The boundary of what has no error results: every failure leaves as a JSON-RPC error of ours.

    What got past it the SDK would answer a handshake-era client with the exception's own text.
    """
    try:
        yield
    except (InputNeeded, MCPError):
        raise
    except ConstructionError as error:
        raise _protocol_error(error, ctx, uri) from None
    except Exception:  # noqa: BLE001  the boundary: nothing of ours may reach a client raw
        raise _protocol_error(internal(where), ctx, uri) from None


def _protocol_error(error: ConstructionError, ctx: Context, uri: str | None = None) -> MCPError:
    """A failure as a JSON-RPC error with our shape as data."""
    modern = ctx.protocol_version in MODERN_PROTOCOL_VERSIONS
    code = types.INTERNAL_ERROR if error.code == "SYSTEM_INTERNAL" else types.INVALID_PARAMS
    if isinstance(error, NotFound) and uri is not None and not modern:
        code = RESOURCE_NOT_FOUND
    data = error.public() if uri is None else {**error.public(), "uri": uri}
    return MCPError(code, error.message, data)


def _only_page(params: types.PaginatedRequestParams | None) -> None:
    """Listings are one page; a cursor can only be somebody else's."""
    if params is not None and params.cursor is not None:
        raise MCPError(types.INVALID_PARAMS, "Unknown cursor: this list has one page.")
