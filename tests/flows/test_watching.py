"""A workflow at a glance and as a picture, as resources: what they cost, who may read them, and who hears of changes.

The houses here say that they perform everything (see `office`); deploying is refused otherwise.
"""

import asyncio
import json
from typing import Any

import mcp_types as types
import pytest
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError

from construction_mcp.core.trace import Trace, current_trace
from construction_mcp.core.types import Principal, Role
from construction_mcp.registry.catalog import View
from construction_mcp.registry.dispatch import Call
from construction_mcp.server.app import build_server
from construction_mcp.toolsets.workflows.resources import DIAGRAM, STATUS
from tests.deployment.site import EVERY_MORNING, NOTE
from tests.flows.office import BUILDER, ERAS, MODERN, Office, office_at

pytestmark = pytest.mark.anyio

READ = {"key": "open", "type": "procore.rfi.list", "config": {"projects": "all_active"}}
AFTER = {**NOTE, "condition": "size(steps.open.output.items) > 0"}
DEADLINE_S = 10.0
VIEWER = Principal("user:vera", Role.VIEWER, "Vera")


@pytest.fixture(params=ERAS)
async def watched(request, tmp_path, clock):
    async with office_at(tmp_path, clock, era=request.param) as office:
        yield office


async def text_at(client: Client, uri: str) -> str:
    (content,) = (await client.read_resource(uri)).contents
    assert isinstance(content, types.TextResourceContents)
    return content.text


async def statements(office: Office, uri: str, who: Principal = BUILDER) -> int:
    """How many one read takes, as the trace counts them; resources have no `_meta` to say so."""
    trace = Trace()
    token = current_trace.set(trace)
    await office.site.house.dispatcher.read_resource(uri, Call(who, View()))
    current_trace.reset(token)
    return trace.db_queries


async def test_the_status_says_what_it_is_and_what_starts_it_in_one_statement(watched):
    workflow_id = await watched.made(READ, AFTER, trigger=EVERY_MORNING)
    await watched.call("deploy_workflow", workflow_id=workflow_id)
    uri = STATUS.format(id=workflow_id)
    status = json.loads(await text_at(watched.client, uri))

    assert (status["status"], status["active_version"], status["trigger"]) == ("active", 1, EVERY_MORNING)
    assert [one["key"] for one in status["actions"]] == ["open", "note"]
    assert status["due_at"] == "2026-03-03T15:00:00Z"
    assert status["executions"] == []
    assert status["health"] == {
        "completed": 0,
        "failed": 0,
        "success_rate": None,
        "last_run_at": None,
        "last_error": None,
    }
    assert await statements(watched, uri) == 1


async def test_the_diagram_is_a_mermaid_flowchart_of_the_draft(watched):
    workflow_id = await watched.made(READ, AFTER, trigger=EVERY_MORNING)
    uri = DIAGRAM.format(id=workflow_id)
    (content,) = (await watched.client.read_resource(uri)).contents

    assert content.mime_type == "text/vnd.mermaid"
    assert content.text.startswith("flowchart TD")
    assert "open" in content.text
    assert await statements(watched, uri) <= 1


@pytest.mark.parametrize("uri", [STATUS, DIAGRAM])
async def test_an_unknown_workflow_is_not_found(watched, uri):
    with pytest.raises(MCPError) as refused:
        await watched.client.read_resource(uri.format(id="wf_nobody"))

    data: Any = refused.value.error.data
    assert data["error"]["code"] == "WORKFLOW_NOT_FOUND"


@pytest.mark.parametrize("uri", [STATUS, DIAGRAM])
async def test_ids_complete_to_workflows_last_changed_first(watched, uri):
    first = await watched.made(NOTE, trigger=EVERY_MORNING, name="first")
    second = await watched.made(NOTE, trigger=EVERY_MORNING, name="second")
    reference = types.ResourceTemplateReference(uri=uri)
    every = (await watched.client.complete(reference, {"name": "id", "value": "wf_"})).completion
    one = (await watched.client.complete(reference, {"name": "id", "value": first[:-1]})).completion
    none = (await watched.client.complete(reference, {"name": "id", "value": "exec_"})).completion

    assert every.values == [second, first]
    assert (one.values, none.values) == ([first], [])


async def test_both_are_listed_as_templates(watched):
    listed = {one.uri_template: one for one in (await watched.client.list_resource_templates()).resource_templates}

    assert {STATUS, DIAGRAM} <= listed.keys()


async def test_a_viewer_reads_and_may_not_deploy(tmp_path, clock):
    """PRODUCT.md section 2: workflows belong to the workspace, and its lowest role reads them."""
    async with office_at(tmp_path, clock) as office:
        workflow_id = await office.made(NOTE, trigger=EVERY_MORNING)
        server = build_server(office.site.house, View(), lambda _: VIEWER)
        async with Client(server, mode=MODERN) as client:
            status = json.loads(await text_at(client, STATUS.format(id=workflow_id)))
            refused = (await client.call_tool("deploy_workflow", {"workflow_id": workflow_id})).structured_content

        assert status["id"] == workflow_id
        assert refused["error"]["code"] == "AUTH_ROLE_REQUIRED"


async def changes(office: Office, workflow_id: str) -> list[tuple[str, dict[str, Any]]]:
    """Everything that should be told, in order."""
    return [
        ("add_workflow_actions", {"actions": [{**NOTE, "key": "another"}]}),
        ("configure_workflow_trigger", {"trigger": {**EVERY_MORNING, "cron": "0 8 * * 1-5"}}),
        ("deploy_workflow", {}),
        ("rollback_workflow", {"action": "pause"}),
        ("rollback_workflow", {"action": "resume"}),
    ]


async def test_a_subscriber_hears_of_edit_deployment_and_pause(office):
    """2026-07-28: a stream that the client listens to."""
    workflow_id = await office.made(NOTE, trigger=EVERY_MORNING)
    other = await office.made(NOTE, trigger=EVERY_MORNING, name="other")
    uri = STATUS.format(id=workflow_id)
    heard = []
    async with asyncio.timeout(DEADLINE_S), office.client.listen(resource_subscriptions=[uri]) as stream:
        for tool, arguments in await changes(office, workflow_id):
            await office.call("deploy_workflow", workflow_id=other)
            await office.call(tool, workflow_id=workflow_id, **arguments)
            heard.append(str((await anext(stream)).uri))

    assert heard == [uri] * 5


@pytest.mark.filterwarnings("ignore:resources/subscribe is removed")  # which is what is asked of an older client
async def test_an_older_client_hears_of_them_too(tmp_path, clock):
    """Up to 2025-11-25: one notification for each change of a resource that was subscribed to."""
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def note(message: Any) -> None:
        if isinstance(message, types.ResourceUpdatedNotification):
            heard.put_nowait(str(message.params.uri))

    async with office_at(tmp_path, clock) as office:
        workflow_id = await office.made(NOTE, trigger=EVERY_MORNING)
        uri = STATUS.format(id=workflow_id)
        server = build_server(office.site.house, View(), lambda _: BUILDER)
        async with asyncio.timeout(DEADLINE_S), Client(server, mode="legacy", message_handler=note) as client:
            await client.subscribe_resource(uri)
            for tool, arguments in await changes(office, workflow_id):
                await office.call(tool, workflow_id=workflow_id, **arguments)
                assert await heard.get() == uri

    assert heard.empty()
