"""Plain reads over HTTP that the house answers itself: as the SDK would, and only those."""

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Scope

from construction_mcp.bootstrap import House
from construction_mcp.core.config import Settings
from construction_mcp.core.types import Principal, Role
from construction_mcp.registry.catalog import View
from construction_mcp.server.addresses import bind, local_url, transport_security
from construction_mcp.server.app import build_server
from construction_mcp.server.auth import Caller, Verified, principal_of
from construction_mcp.server.counter import Counter
from construction_mcp.server.health import Readiness
from construction_mcp.server.http import HttpFace
from construction_mcp.server.web import WebServer
from tests.server.serving import envelope, modern_call, modern_headers

pytestmark = pytest.mark.anyio

ADMIN, VIEWER = Principal("local:0", Role.ADMIN), Principal("user:1", Role.VIEWER)
TRACE = "construction-mcp/trace"


class Noted(Counter):
    """A counter that notes whether it answered."""

    answered = 0

    async def answer(self, scope: Scope, body: bytes) -> bytes | None:
        found = await super().answer(scope, body)
        self.answered += found is not None
        return found


class Pair:
    """The same house behind two addresses: one with a counter, one where the SDK answers everything."""

    def __init__(self, with_counter: httpx.AsyncClient, without: httpx.AsyncClient, counter: Noted) -> None:
        self._with, self._without, self._counter = with_counter, without, counter

    async def ask(self, body: bytes, headers: list[tuple[str, str]]) -> tuple[Any, Any, bool]:
        """What each says (status, content type, body without the trace), and whether the counter answered."""
        before = self._counter.answered
        ours = said(await self._with.post("/mcp", content=body, headers=headers))
        theirs = said(await self._without.post("/mcp", content=body, headers=headers))
        return ours, theirs, self._counter.answered > before


def said(answer: httpx.Response) -> Any:
    try:
        body = copy.deepcopy(answer.json())
    except ValueError:
        return answer.status_code, answer.headers.get("content-type"), answer.text
    body.get("result", {}).get("_meta", {}).pop(TRACE, None)
    return answer.status_code, answer.headers.get("content-type"), body


@asynccontextmanager
async def pair_for(folder: Path, person: Principal) -> AsyncIterator[Pair]:
    caller = Caller(Verified(person))

    async def identify(_: Scope) -> Caller:
        return caller

    settings = Settings(data_dir=folder / "data", procore_grant="client_credentials")
    async with House(settings) as house, AsyncExitStack() as stack:
        counter = Noted(house, View())
        clients = [await stack.enter_async_context(speaking(house, identify, chosen)) for chosen in (counter, None)]
        yield Pair(*clients, counter)


@asynccontextmanager
async def speaking(house: House, identify: Any, counter: Counter | None) -> AsyncIterator[httpx.AsyncClient]:
    """A real server on a port of its own, and a client of it."""
    with bind("127.0.0.1", 0) as listener:
        face = HttpFace(
            build_server(house, View(), principal_of),
            identify=identify,
            security=transport_security(house.settings),
            limits=house.settings.limits,
            readiness=Readiness(),
            counter=counter,
        )
        web = WebServer(face.app, house.settings.limits)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(web.serve([listener]))
            await web.accepting.wait()
            async with httpx.AsyncClient(base_url=local_url(listener), trust_env=False, timeout=30) as http:
                yield http
            web.should_exit = True


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async with pair_for(tmp_path, ADMIN) as made:
        yield made


def headers_of(tool: str, **other: str) -> list[tuple[str, str]]:
    usual = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    changed = {name.replace("_", "-"): value for name, value in other.items()}
    return list({**usual, **modern_headers("tools/call", tool), **changed}.items())


def body_of(tool: str, arguments: Mapping[str, Any], **more: Any) -> bytes:
    return json.dumps({**modern_call(tool, arguments), **more}, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("find_tools", {"query": "rfi"}),
        ("find_tools", {"query": "Wer hält den Ball für 提交 ☃?", "limit": 1}),
        ("find_tools", {}),
        ("find_tools", {"query": "rfi", "limitt": 3}),
        ("find_tools", {"query": "rfi", "limit": 0}),
        ("list_workflows", {"limit": 2}),
        ("get_workflow", {"workflow_id": "wf_nowhere"}),
        ("get_workflow_guidance", {"goal": "tell me"}),
        ("get_system_health", {}),
    ],
)
async def test_a_plain_read_is_answered_as_the_sdk_answers_it(pair, tool, arguments):
    ours, theirs, by_counter = await pair.ask(body_of(tool, arguments), headers_of(tool))

    for answer in (ours, theirs):  # what changes from one moment to the next
        answer[2]["result"].get("structuredContent", {}).pop("engine", None)
    assert comparable(ours) == comparable(theirs)
    assert by_counter is (tool != "get_workflow_guidance")


def comparable(answer: Any) -> Any:
    """Health counts its own statements and seconds; the shape is what is compared there."""
    content = answer[2]["result"].get("structuredContent", {})
    if "database" in content:
        answer[2]["result"] |= {"structuredContent": sorted(content), "content": None}
    return answer


GOOD = body_of("find_tools", {"query": "rfi"})
PROGRESS = {"name": "find_tools", "arguments": {"query": "rfi"}, "_meta": {**envelope(), "progressToken": 1}}
WITHOUT_CAPABILITIES = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (GOOD, headers_of("list_workflows")),
        (GOOD, headers_of("find_tools", mcp_method="tools/list")),
        (GOOD, headers_of("find_tools", mcp_protocol_version="2027-01-01")),
        (GOOD, [*headers_of("find_tools"), ("mcp-name", "find_tools")]),
        (GOOD, [*headers_of("find_tools"), ("mcp-param-query", "other")]),
        (GOOD, headers_of("find_tools", accept="text/html")),
        (GOOD, headers_of("find_tools", accept="application/json;q=0, text/event-stream")),
        (GOOD, headers_of("find_tools", content_type="text/plain")),
        (GOOD, headers_of("=?base64?ZmluZF90b29scw==?=")),
        (GOOD.replace(b'"2.0"', b'"1.0"'), headers_of("find_tools")),
        (GOOD.replace(b'"id": 1', b'"id": null'), headers_of("find_tools")),
        (GOOD.replace(b"2026-07-28", b"2025-11-25"), headers_of("find_tools")),
        (b"[" + GOOD + b"]", headers_of("find_tools")),
        (GOOD[:-1], headers_of("find_tools")),
        (GOOD.replace(b'"rfi"', b'"rfi", "query": "submittal"'), headers_of("find_tools")),
        (GOOD.replace(b'"rfi"', b'"\\ud800"'), headers_of("find_tools")),
        (GOOD.replace(b'"rfi"', b"NaN"), headers_of("find_tools")),
        (body_of("find_tools", {}, params=PROGRESS), headers_of("find_tools")),
        (body_of("find_tools", {}, params={**PROGRESS, "_meta": WITHOUT_CAPABILITIES}), headers_of("find_tools")),
        (body_of("no_such_tool", {}), headers_of("no_such_tool")),
        (body_of("create_workflow", {"name": 1}), headers_of("create_workflow")),
        (body_of("list_procore_rfis", {"limit": 0}), headers_of("list_procore_rfis")),
    ],
)
async def test_whatever_is_not_exactly_a_plain_read_is_judged_by_the_sdk(pair, body, headers):
    ours, theirs, by_counter = await pair.ask(body, headers)

    assert by_counter is False
    assert ours == theirs


async def test_a_role_is_refused_at_the_counter_as_behind_it(tmp_path):
    async with pair_for(tmp_path, VIEWER) as pair:
        ours, theirs, by_counter = await pair.ask(body_of("get_usage", {}), headers_of("get_usage"))

    assert by_counter is True
    assert ours == theirs
    assert ours[2]["result"]["isError"] is True
