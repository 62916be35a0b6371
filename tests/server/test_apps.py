"""The views that MCP hosts show, through the SDK's own client, in both protocol eras.

Source: MCP Apps (SEP-1865) 2026-01-26. What a browser makes of them: `dashboard/test_views_in_a_host.py`.
"""

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest
from mcp.client.client import Client
from mcp.client.extension import advertise
from mcp.shared.exceptions import MCPError

from construction_mcp.bootstrap import House
from construction_mcp.core.apps import EXTENSION, MIME_TYPE, shows_views
from construction_mcp.core.types import Principal, Role
from construction_mcp.registry.catalog import View
from construction_mcp.server import apps
from construction_mcp.server.app import build_server

pytestmark = pytest.mark.anyio

ERAS = {"auto": "2026-07-28", "legacy": "2025-11-25"}
SHOWS = {"mimeTypes": [MIME_TYPE]}
Connect = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture(params=ERAS)
def connect(request: pytest.FixtureRequest, house: House) -> Connect:
    """A client of a view; with settings of the extension, one that announces it."""

    @asynccontextmanager
    async def connected(settings: dict[str, Any] | None = None, view: View | None = None) -> AsyncIterator[Client]:
        server = build_server(house, view or View(), lambda _: Principal("local:0", Role.ADMIN))
        extensions = [] if settings is None else [advertise(EXTENSION, settings)]
        async with Client(server, mode=request.param, extensions=extensions) as client:
            assert client.protocol_version == ERAS[request.param]
            yield client

    return connected


async def wire(client: Client) -> list[dict[str, Any]]:
    """The listed tools as they were sent."""
    tools = (await client.list_tools()).tools
    return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]


async def test_the_server_says_that_it_has_views_where_the_revision_has_a_place_for_it(connect: Connect) -> None:
    """Before 2026-07-28 a server's capabilities have no extensions, and hosts go by what tools/list says."""
    async with connect() as client:
        is_modern = client.protocol_version == "2026-07-28"

        assert client.server_capabilities.extensions == ({EXTENSION: {}} if is_modern else None)


@pytest.mark.parametrize("settings", [None, {}, {"mimeTypes": ["text/html"]}, {"mimeTypes": MIME_TYPE}])
async def test_a_client_that_shows_no_views_is_listed_none(connect: Connect, settings: Any) -> None:
    """To the byte: what is listed by default has a budget."""
    async with connect() as plain, connect(settings) as client:
        listed = await wire(client)
        resources = (await client.list_resources()).resources

        assert listed == await wire(plain)
    assert not any("_meta" in tool for tool in listed)
    assert not any(str(one.uri).startswith(apps.SCHEME) for one in resources)


async def test_tools_lead_to_their_views_where_they_are_shown(connect: Connect) -> None:
    async with connect() as plain, connect(SHOWS) as client:
        before, listed = await wire(plain), await wire(client)

    for_models = [tool for tool in listed if "visibility" not in tool.get("_meta", {}).get("ui", {})]
    meta = {tool["name"]: tool["_meta"] for tool in for_models if "_meta" in tool}
    assert [{key: value for key, value in tool.items() if key != "_meta"} for tool in for_models] == before
    assert meta == {
        tool: {"ui": {"resourceUri": f"ui://construction-mcp/{view}"}}
        for tool, view in {
            "list_workflows": "workflows",
            "list_executions": "runs",
            "observe_workflow_execution": "run",
            "decide_approval": "approvals",
        }.items()
    }


async def test_what_only_views_read_is_listed_for_them_and_not_for_models(connect: Connect) -> None:
    """Everything that the script calls is listed, so that a host lets it; what a model is not told of is a read."""
    script = files("construction_mcp.server.dashboard").joinpath("assets", "apps.js").read_text("utf-8")
    called = set(re.findall(r'\["(\w+)", (?:args|\{)', script))
    async with connect(SHOWS) as client:
        listed = {tool["name"]: tool for tool in await wire(client)}

    hidden = {name for name, tool in listed.items() if tool.get("_meta") == {"ui": {"visibility": ["app"]}}}
    assert hidden == {"get_system_health", "get_workflow_stats", "explain_stuck_executions"}
    assert all(listed[name]["annotations"]["readOnlyHint"] for name in hidden)
    assert called == apps.READ_BY_VIEWS
    assert called <= listed.keys()


async def test_the_only_call_of_the_script_that_could_decide_is_the_one_that_lists(house: House) -> None:
    """`decide_approval` goes without arguments; every other tool that it calls is a read."""
    script = files("construction_mcp.server.dashboard").joinpath("assets", "apps.js").read_text("utf-8")
    effects = {name: house.catalog.tools[name].effect for name in apps.READ_BY_VIEWS}

    assert {name for name, effect in effects.items() if effect != "read"} == {"decide_approval"}
    assert re.findall(r'\["decide_approval".*?\]', script) == ['["decide_approval", {}]']
    assert script.count('"tools/call"') == 1


@pytest.mark.parametrize("view", [View(("all",)), View(("admin",)), View(("rfis",), read_only=True), View((), True)])
async def test_a_tool_leads_to_its_view_wherever_a_model_is_told_of_it(connect: Connect, view: View) -> None:
    async with connect(None, view) as plain, connect(SHOWS, view) as client:
        told = {tool["name"] for tool in await wire(plain)}
        meta = {tool["name"]: tool["_meta"]["ui"] for tool in await wire(client) if "_meta" in tool}

    assert {name for name, ui in meta.items() if "resourceUri" in ui} == told & {
        one.tool for one in apps.VIEWS.values()
    }
    assert {name for name, ui in meta.items() if "visibility" in ui} == apps.READ_BY_VIEWS - told - (
        {"decide_approval"} if view.read_only else set()
    )


async def test_every_view_is_listed_and_read_as_a_page_that_needs_nothing_else(connect: Connect) -> None:
    async with connect(SHOWS) as client:
        listed = [one for one in (await client.list_resources()).resources if str(one.uri).startswith(apps.SCHEME)]
        read = [(await client.read_resource(str(one.uri))).contents for one in listed]

    assert [str(one.uri) for one in listed] == list(apps.VIEWS)
    for entry, (content,) in zip(listed, read, strict=True):
        assert (str(content.uri), content.mime_type, entry.mime_type) == (str(entry.uri), MIME_TYPE, MIME_TYPE)
        ui = (content.meta or {})["ui"]
        assert ui["csp"] == {"connectDomains": [], "resourceDomains": [], "frameDomains": [], "baseUriDomains": []}
        assert "permissions" not in ui
        assert content.text.startswith("<!doctype html><html lang=")
        assert re.findall(r"<(?:link|img|iframe|script src|form|a)\b", content.text) == []
        assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)[^\s\"'<]+", content.text) == []
        assert content.text.count("<script") == content.text.count("</script>") == 2


async def test_an_unknown_view_is_told_apart_with_the_ones_there_are(connect: Connect) -> None:
    async with connect(SHOWS) as client:
        with pytest.raises(MCPError) as refused:
            await client.read_resource("ui://construction-mcp/aprovals")

    assert refused.value.error.message == "There is no view 'ui://construction-mcp/aprovals'."
    assert refused.value.error.data["uri"] == "ui://construction-mcp/aprovals"
    assert "ui://construction-mcp/approvals" in json.dumps(refused.value.error.data)


async def test_a_view_knows_the_dashboard_that_its_own_process_serves(house: House) -> None:
    """Approvals are decided there. Where none is served there is nowhere to lead to."""
    uri = "ui://construction-mcp/approvals"

    def told(**served: str) -> Any:
        text = apps.contents(uri, replace(house.settings, **served))[0]["text"]
        found = re.search(r'id="words">(.*?)</script>', text)
        assert found is not None
        return json.loads(found[1])["dashboard"]

    assert told() is None
    assert told(public_url="https://build.example.com") is None
    assert told(serve_url="http://127.0.0.1:8765") == "http://127.0.0.1:8765/dashboard"
    both = told(serve_url="http://127.0.0.1:8765", public_url="https://build.example.com/")
    assert both == "https://build.example.com/dashboard"


def test_the_script_has_no_way_to_turn_text_into_elements_or_to_reach_out() -> None:
    script = files("construction_mcp.server.dashboard").joinpath("assets", "apps.js").read_text("utf-8")
    ways = (
        r"innerHTML|outerHTML|insertAdjacent|document\.write|DOMParser|eval|Function\(|fetch|XMLHttp|WebSocket|import\("
    )

    assert re.findall(ways, script) == []
    assert "</" not in script
    assert "<!--" not in script


def test_the_extension_counts_only_with_the_kind_of_view_that_there_is() -> None:
    assert shows_views({EXTENSION: {"mimeTypes": ["text/plain", MIME_TYPE]}})
    for extensions in (None, {}, {EXTENSION: None}, {EXTENSION: {"mimeTypes": None}}, {"other/ui": SHOWS}):
        assert not shows_views(extensions)
