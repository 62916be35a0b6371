"""connect_procore to disconnect_procore: by link, by question in both eras, by code; companies and workflows."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import mcp_types as types
import pytest
from mcp.client.client import Client
from starlette.applications import Starlette

from construction_mcp.bootstrap import House
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.types import Principal, Role
from construction_mcp.registry.catalog import View
from construction_mcp.server.app import build_server
from construction_mcp.server.result import TRACE_KEY
from construction_mcp.server.sign_in_pages import sign_in_routes
from construction_mcp.simulator.app import Simulator
from tests.procore.signing import SERVED_AT, Person, allow, copied_code, person_of_one_company, unconnected

pytestmark = pytest.mark.anyio

ANA = Principal("user:ana", Role.BUILDER, "Ana Ruiz")
BEN = Principal("user:ben", Role.VIEWER, "Ben Okoye")
ERAS = pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])


@pytest.fixture
async def place(tmp_path: Path, clock: ManualClock) -> AsyncIterator[tuple[House, Simulator]]:
    """Pure stdio: no address that a browser could come back to."""
    async with unconnected(tmp_path, clock) as made:
        yield made


@pytest.fixture
async def served(tmp_path: Path, clock: ManualClock) -> AsyncIterator[tuple[House, Simulator]]:
    """A running `serve`."""
    async with unconnected(tmp_path, clock, served=True) as made:
        yield made


def client_of(house: House, who: Principal = ANA, **options: Any) -> Client:
    return Client(build_server(house, View(("all",)), lambda _: who), **options)


async def call(client: Client, tool: str, **arguments: Any) -> Any:
    return (await client.call_tool(tool, arguments)).structured_content


async def connect(house: House, simulator: Simulator, who: Principal, user_id: int | None = None) -> Any:
    """By code, as a pure stdio client does."""
    person = Person()
    async with client_of(house, who, elicitation_callback=person) as client:
        await call(client, "connect_procore")
        code = await copied_code(simulator, person.links[-1], user_id)
        return await call(client, "connect_procore", code=code)


async def walk(house: House, simulator: Simulator, url: str) -> httpx.Response:
    """What a browser does with our link: our page, the button, Procore's page, and back to us."""
    app = Starlette(routes=sign_in_routes(house))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=SERVED_AT) as browser:
        assert (await browser.get(url)).status_code == 200
        to_procore = await browser.post(url)
        back = await allow(simulator, to_procore.headers["location"])
        return await browser.get(back.headers["location"])


async def test_without_an_address_a_copied_code_connects(place: tuple[House, Simulator]) -> None:
    house, simulator = place
    person = Person()
    async with client_of(house, elicitation_callback=person) as client:
        begun = await call(client, "connect_procore")
        code = await copied_code(simulator, person.links[0], person_of_one_company(simulator))
        done = await call(client, "connect_procore", code=code)
        projects = await client.call_tool("list_procore_projects", {})

    assert (begun["status"], done["status"]) == ("waiting_for_code", "connected")
    assert "urn%3Aietf%3Awg%3Aoauth%3A2.0%3Aoob" in person.links[0]
    assert done["company"]["is_default"]
    assert done["projects"] > 0
    assert projects.meta is not None
    assert projects.meta[TRACE_KEY]["upstream_requests"] == 0, "connecting warms the list of projects"
    assert [word for word in ("Ana Ruiz", "sandbox", code) if word not in person.questions[0]] == []


async def audited(house: House) -> list[tuple[str, str, str]]:
    """What the audit log tells, newest first."""
    async with client_of(house, Principal("local:0", Role.ADMIN)) as client:
        log = await call(client, "query_audit_log", verify=True)
    assert log["chain"].get("first_break") is None
    assert [len(one["targets"]) for one in log["items"]] == [1] * len(log["items"])
    return [(one["action"], one["principal"], one["summary"]) for one in log["items"]]


async def test_connecting_is_told_in_the_audit_log_once_for_each_account(place: tuple[House, Simulator]) -> None:
    """Who acts through which account is part of who did what: a link alone, a look and a renewal add nothing."""
    house, simulator = place
    person = Person()
    async with client_of(house, elicitation_callback=person) as client:
        await call(client, "connect_procore")
        begun = await audited(house)
        code = await copied_code(simulator, person.links[0], person_of_one_company(simulator))
        await call(client, "connect_procore", code=code)
        await call(client, "connect_procore")
        once = await audited(house)
    await connect(house, simulator, BEN)

    own = ("connect_procore", ANA.id, "Connect a Procore account (sandbox)")
    assert begun == []
    assert once == [own]
    assert await audited(house) == [("connect_procore", BEN.id, own[2]), own]


async def test_connecting_in_a_browser_is_told_in_the_audit_log(served: tuple[House, Simulator]) -> None:
    house, simulator = served
    async with client_of(house) as client:
        begun = await call(client, "connect_procore")
        await walk(house, simulator, begun["url"])

    assert await audited(house) == [("connect_procore", ANA.id, "Connect a Procore account (sandbox)")]


@ERAS
@pytest.mark.parametrize(
    "answer",
    [
        types.ElicitResult(action="decline"),
        types.ElicitResult(action="cancel"),
        types.ElicitResult(action="accept", content={"confirm": False}),
        types.ElicitResult(action="accept", content={}),
    ],
    ids=["decline", "cancel", "unticked", "empty"],
)
async def test_no_code_is_redeemed_unless_the_person_says_that_it_is_theirs(
    place: tuple[House, Simulator], mode: str, answer: types.ElicitResult
) -> None:
    """A record may have talked the model into an attacker's code: then nothing is sent to Procore."""
    house, simulator = place
    person = Person(answer)
    async with client_of(house, mode=mode, elicitation_callback=person) as client:
        await call(client, "connect_procore")
        code = await copied_code(simulator, person.links[0])
        requests = len(simulator.ledger)
        done = await call(client, "connect_procore", code=code)

    assert done["status"] == "declined"
    assert len(simulator.ledger) == requests


async def test_a_client_without_forms_leaves_the_code_to_a_terminal(place: tuple[House, Simulator]) -> None:
    house, simulator = place
    async with client_of(house) as client:
        begun = await call(client, "connect_procore")
        code = await copied_code(simulator, begun["url"])
        requests = len(simulator.ledger)
        refused = await call(client, "connect_procore", code=code)
        after = await call(client, "list_procore_projects")

    assert "construction-mcp connect --code" in begun["next_step"]
    assert refused["error"]["code"] == "AUTH_PERSON_REQUIRED"
    assert "construction-mcp connect --code" in refused["error"]["details"]["hint"]
    assert len(simulator.ledger) == requests
    assert after["error"]["code"] == "PROCORE_NOT_CONNECTED"


async def test_a_code_that_is_wrong_connects_nothing(place: tuple[House, Simulator]) -> None:
    house, _ = place
    async with client_of(house, elicitation_callback=Person()) as client:
        nothing_begun = await call(client, "connect_procore", code="abc")
        await call(client, "connect_procore")
        wrong = await call(client, "connect_procore", code="abc")
        after = await call(client, "list_procore_projects")

    assert nothing_begun["error"]["code"] == "VALIDATION_INVALID"
    assert wrong["error"]["code"] == "AUTH_RECONNECT"
    assert after["error"]["code"] == "PROCORE_NOT_CONNECTED"
    assert after["error"]["next"]["tool"] == "connect_procore"


async def test_with_an_address_the_answer_is_a_link_and_the_next_call_says_connected(
    served: tuple[House, Simulator],
) -> None:
    house, simulator = served
    async with client_of(house) as client:
        begun = await call(client, "connect_procore")
        page = await walk(house, simulator, begun["url"])
        after = await call(client, "connect_procore")

    assert begun["status"] == "waiting"
    assert begun["url"].startswith(f"{SERVED_AT}/oauth/start?ticket=")
    assert "Connected" in page.text
    assert after["user"]


@ERAS
async def test_a_client_that_opens_links_is_asked_and_waited_for(served: tuple[House, Simulator], mode: str) -> None:
    """URL-mode elicitation: the person finishes in the browser while the call waits; one link is made, not two."""
    house, simulator = served
    opened: list[str] = []

    async def open_link(_: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
        assert isinstance(params, types.ElicitRequestURLParams)
        opened.append(params.url)
        await walk(house, simulator, params.url)
        return types.ElicitResult(action="accept")

    async with client_of(house, mode=mode, elicitation_callback=open_link) as client:
        done = await call(client, "connect_procore")

    assert len(opened) == 1
    assert done["status"] == "choose_company"
    assert done["user"]


@ERAS
async def test_a_person_who_says_no_is_not_connected(served: tuple[House, Simulator], mode: str) -> None:
    house, simulator = served

    async def refuse(_: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
        return types.ElicitResult(action="decline")

    async with client_of(house, mode=mode, elicitation_callback=refuse) as client:
        answer = await call(client, "connect_procore")

    assert answer["status"] == "declined"
    assert len(simulator.ledger) == 0


async def test_somebody_of_two_companies_chooses_one_and_may_change_it(place: tuple[House, Simulator]) -> None:
    house, simulator = place
    done = await connect(house, simulator, ANA)
    async with client_of(house) as client:
        before = await call(client, "list_procore_projects")
        first, second = [company["id"] for company in done["companies"]]
        chosen = await call(client, "connect_procore", company_id=second)
        there = await call(client, "list_procore_projects")
        back = await call(client, "connect_procore", company_id=first)
        stranger = await call(client, "connect_procore", company_id=7)

    assert done["status"] == "choose_company"
    assert before["error"]["code"] == "PROCORE_COMPANY_REQUIRED"
    assert chosen["company"]["id"] == second
    assert [project["name"] for project in there["items"]] == ["Elm Creek Water Reclamation Upgrade"]
    assert back["company"]["id"] == first
    assert stranger["error"]["code"] == "PROCORE_FORBIDDEN"


async def test_nobody_reads_through_anothers_connection(place: tuple[House, Simulator]) -> None:
    """An authorised account is its owner's alone; so is a sign-in under way."""
    house, simulator = place
    await connect(house, simulator, ANA, person_of_one_company(simulator))
    async with client_of(house, ANA) as anas, client_of(house, BEN, elicitation_callback=Person()) as bens:
        begun = await call(anas, "connect_procore", again=True)
        code = await copied_code(simulator, begun["url"])
        projects = await call(bens, "list_procore_projects")
        stolen = await call(bens, "connect_procore", code=code)

    assert projects["error"]["code"] == "PROCORE_NOT_CONNECTED"
    assert stolen["error"]["code"] == "VALIDATION_INVALID"


async def test_a_connection_made_through_another_app_is_not_used(
    place: tuple[House, Simulator], tmp_path: Path
) -> None:
    house, simulator = place
    await connect(house, simulator, ANA, person_of_one_company(simulator))
    await house.aclose()
    requests = len(simulator.ledger)

    other_app = unconnected(tmp_path, ManualClock(), procore_client_id="another-app")
    async with other_app as (other, _), client_of(other) as client:
        answer = await call(client, "list_procore_projects")

    assert answer["error"]["code"] == "AUTH_RECONNECT"
    assert len(simulator.ledger) == requests


async def test_disconnecting_is_confirmed_names_the_workflows_and_revokes(place: tuple[House, Simulator]) -> None:
    house, simulator = place
    await connect(house, simulator, ANA, person_of_one_company(simulator))
    async with client_of(house) as client:
        await call(client, "create_workflow", name="Overdue RFI alert")
        preview = await call(client, "disconnect_procore")
        still = await call(client, "list_procore_projects")
        done = await call(client, "disconnect_procore", confirmation=preview["confirmation"])
        after = await call(client, "list_procore_projects")

    assert preview["status"] == "needs_confirmation"
    assert preview["preview"]["changes"]["workflows_that_stop"] == ["Overdue RFI alert"]
    assert "items" in still
    assert done["item"]["revoked"]
    assert [workflow["name"] for workflow in done["item"]["stopped_workflows"]] == ["Overdue RFI alert"]
    assert after["error"]["code"] == "PROCORE_NOT_CONNECTED"
    assert not list(simulator.world.table("token", 0)), "Procore has ended both tokens"


async def test_a_revocation_that_is_not_confirmed_is_said_and_the_token_is_gone_here(
    place: tuple[House, Simulator],
) -> None:
    house, simulator = place
    await connect(house, simulator, ANA, person_of_one_company(simulator))
    simulator.faults.append([{"match": {"path": "/oauth/revoke"}, "do": "403", "times": 9}])
    async with client_of(house) as client:
        preview = await call(client, "disconnect_procore")
        done = await call(client, "disconnect_procore", confirmation=preview["confirmation"])
        again = await call(client, "disconnect_procore")

    assert done["item"]["revoked"] is False
    assert again["error"]["code"] == "PROCORE_NOT_CONNECTED"


async def test_links_of_two_environments_live_side_by_side(place: tuple[House, Simulator], tmp_path: Path) -> None:
    """A link is unique per principal and environment; switching finds the other one again."""
    house, simulator = place
    await connect(house, simulator, ANA, person_of_one_company(simulator))
    await house.aclose()
    switched = unconnected(tmp_path, ManualClock(), environment="production")
    async with switched as (production, _), client_of(production) as client:
        elsewhere = await call(client, "list_procore_projects")
    async with unconnected(tmp_path, ManualClock()) as (again, _), client_of(again) as client:
        back = await call(client, "disconnect_procore")

    assert elsewhere["error"]["code"] == "PROCORE_NOT_CONNECTED"
    assert back["status"] == "needs_confirmation"
