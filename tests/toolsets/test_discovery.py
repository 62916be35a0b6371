"""What can be looked up about action types and workflow documents, through the SDK's own client."""

import json
from typing import Any

import mcp_types as types
import pytest
from jsonschema import Draft202012Validator
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError

pytestmark = pytest.mark.anyio

TEMPLATE = "construction://schemas/{name}"


async def schema(client: Client, name: str) -> Any:
    answer = await client.read_resource(f"construction://schemas/{name}")
    return json.loads(answer.contents[0].text)


async def test_every_action_type_is_listed_with_what_it_does(client: Client) -> None:
    items = (await schema(client, "actions"))["items"]

    by_type = {item["type"]: item for item in items}
    assert by_type["procore.rfi.list"]["effect"] == "read"
    assert by_type["notify.email"]["doc"].startswith("Mail people")


async def test_an_action_type_shows_its_config_and_what_it_gives(client: Client) -> None:
    found = await schema(client, "transform.filter")

    assert set(found["config"]["required"]) == {"items", "where"}
    assert set(found["output"]["properties"]) == {"items", "skipped"}


async def test_the_schema_of_a_workflow_document_judges_one(client: Client) -> None:
    judge = Draft202012Validator(await schema(client, "workflow"))

    assert judge.is_valid({"name": "Test", "actions": [{"key": "a", "type": "wait.for", "config": {"duration": 5}}]})
    assert not judge.is_valid({"name": "Test", "actions": [{"key": "a", "type": "wait.for", "config": {}}]})


async def test_a_misspelt_action_type_is_told_the_nearest(client: Client) -> None:
    with pytest.raises(MCPError) as caught:
        await schema(client, "notify.emial")

    error: Any = caught.value.error.data
    assert error["error"]["details"]["nearest"][0] == "notify.email"


@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        ("transform.s", ["transform.set", "transform.sort"]),
        ("action", ["actions"]),
        ("workflow", ["workflow", "workflow.call"]),
    ],
)
async def test_names_of_action_types_complete(client: Client, prefix: str, names: list[str]) -> None:
    ref = types.ResourceTemplateReference(uri=TEMPLATE)

    result = await client.complete(ref, {"name": "name", "value": prefix})

    assert result.completion.values == names
