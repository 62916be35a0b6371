"""The MCP face, through the SDK's own client, in both protocol eras."""

from collections.abc import AsyncIterator
from typing import Any, cast

import mcp_types as types
import pytest
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError

from construction_mcp.bootstrap import House
from construction_mcp.core.types import Principal, Role
from construction_mcp.registry.catalog import View
from construction_mcp.server.app import build_server
from construction_mcp.server.result import TRACE_KEY

pytestmark = pytest.mark.anyio

ERAS = ["2026-07-28", "legacy"]


@pytest.fixture(params=ERAS)
async def client(request: pytest.FixtureRequest, house: House) -> AsyncIterator[Client]:
    server = build_server(house, View(), lambda _: Principal("local:0", Role.ADMIN))
    async with Client(server, mode=request.param) as connected:
        yield connected


async def test_a_call_answers_structured_content_a_short_text_and_its_cost(client: Client) -> None:
    result = await client.call_tool("find_tools", {"query": "server health"})

    assert result.structured_content["items"][0]["name"] == "get_system_health"
    assert "get_system_health" in result.content[0].text
    trace = result.meta[TRACE_KEY]
    assert set(trace) == {"duration_ms", "db_ms", "db_queries", "upstream_ms", "upstream_requests", "cache"}
    assert trace["db_queries"] == 0


async def test_an_error_is_a_result_the_model_can_act_on(client: Client) -> None:
    result = await client.call_tool("find_tools", {"qury": "x"})

    assert result.is_error
    assert result.structured_content["error"] == {
        "code": "VALIDATION_UNKNOWN_FIELD",
        "message": "find_tools has no argument 'qury'.",
        "details": {
            "field": "qury",
            "nearest": ["query"],
            "known": ["query", "limit"],
            "hint": "Did you mean query?",
        },
        "retryable": False,
    }


async def test_an_unlisted_tool_answers_through_use_tool(client: Client) -> None:
    result = await client.call_tool("use_tool", {"name": "get_system_health", "arguments": {}})

    health = result.structured_content["result"]
    assert (health["status"], health["sample_data"]) == ("healthy", True)


async def test_resources_and_templates_are_listed_and_read(client: Client) -> None:
    resources = await client.list_resources()
    templates = await client.list_resource_templates()
    errors = await client.read_resource("construction://errors")
    schema = await client.read_resource("construction://schemas/find_tools")

    assert "construction://errors" in [str(one.uri) for one in resources.resources]
    assert "construction://schemas/{name}" in [one.uri_template for one in templates.resource_templates]
    assert "SYSTEM_STORAGE_FULL" in errors.contents[0].text
    assert '"output"' in schema.contents[0].text


async def test_a_missing_resource_is_a_protocol_error_with_our_shape(client: Client) -> None:
    with pytest.raises(MCPError) as caught:
        await client.read_resource("construction://schemas/nothing")

    data: Any = caught.value.error.data
    assert data["error"]["code"] == "VALIDATION_NOT_FOUND"


class _Broken:
    """A house's dispatcher with a mistake of ours in everything that is not a tool."""

    def __init__(self, house: House) -> None:
        self._dispatcher = house.dispatcher

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dispatcher, name)

    async def read_resource(self, *_: Any) -> Any:
        raise RuntimeError("SELECT secret FROM /home/you/construction.db")

    get_prompt = complete = read_resource


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.read_resource("construction://errors"),
        lambda client: client.get_prompt("morning_briefing", {}),
        lambda client: client.complete(types.PromptReference(name="draft_rfi"), {"name": "project", "value": "1"}),
    ],
    ids=["resource", "prompt", "completion"],
)
async def test_our_own_mistake_reaches_no_client_in_its_own_words(house: House, client: Client, ask: Any) -> None:
    house.dispatcher = cast("Any", _Broken(house))
    with pytest.raises(MCPError) as caught:
        await ask(client)

    error: Any = caught.value.error
    assert (error.code, error.message) == (types.INTERNAL_ERROR, "The server made a mistake.")
    assert error.data["error"]["code"] == "SYSTEM_INTERNAL"
    assert "SELECT" not in error.model_dump_json()


async def test_template_arguments_complete(client: Client) -> None:
    ref = types.ResourceTemplateReference(uri="construction://schemas/{name}")
    result = await client.complete(ref, {"name": "name", "value": "find_t"})

    assert "find_tools" in result.completion.values
    assert all(value.startswith("find") for value in result.completion.values)


async def test_instructions_say_that_the_data_is_sample_data(house: House) -> None:
    server = build_server(house, View(), lambda _: Principal("local:0", Role.ADMIN))
    async with Client(server) as client:
        assert "SAMPLE DATA" in (client.instructions or "")
        assert len(client.instructions or "") < 1500
