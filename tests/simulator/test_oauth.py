"""OAuth by the rules of FACTS 2: what a token may do, for how long, and how often."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from construction_mcp.simulator.app import Simulator
from construction_mcp.simulator.switches import Switches
from tests.simulator.conftest import first_company, plain_client

pytestmark = pytest.mark.anyio
CALLBACK = "http://localhost:8000/callback"


async def authorize(
    http: httpx.AsyncClient, sim: Simulator, redirect_uri: str = CALLBACK, **more: str
) -> httpx.Response:
    """The form as a browser posts it."""
    form = {"response_type": "code", "client_id": sim.world.app.client_id, "redirect_uri": redirect_uri, "state": "s1"}
    return await http.post("/oauth/authorize", data={**form, "decision": "allow", **more})


async def exchange(http: httpx.AsyncClient, sim: Simulator, **fields: str) -> httpx.Response:
    app = sim.world.app
    return await http.post(
        "/oauth/token", data={"client_id": app.client_id, "client_secret": app.client_secret, **fields}
    )


async def sign_in(http: httpx.AsyncClient, sim: Simulator) -> dict[str, str]:
    location = (await authorize(http, sim)).headers["location"]
    code = parse_qs(urlsplit(location).query)["code"][0]
    pair: dict[str, str] = (
        await exchange(http, sim, grant_type="authorization_code", code=code, redirect_uri=CALLBACK)
    ).json()
    return pair


async def me(http: httpx.AsyncClient, token: str) -> int:
    return (await http.get("/rest/v1.0/me", headers={"Authorization": f"Bearer {token}"})).status_code


async def test_the_page_is_a_form_that_posts_to_itself_and_redirects_with_code_and_state(sim: Simulator) -> None:
    async with plain_client(sim) as http:
        query = {"response_type": "code", "client_id": sim.world.app.client_id, "redirect_uri": CALLBACK, "state": "s1"}
        page = await http.get("/oauth/authorize", params=query)
        answer = await authorize(http, sim)

    assert 'method="post" action="/oauth/authorize"' in page.text
    assert answer.status_code == 302
    returned = parse_qs(urlsplit(answer.headers["location"]).query)
    assert answer.headers["location"].startswith(CALLBACK + "?")
    assert returned["state"] == ["s1"]
    assert len(returned["code"][0]) > 20


@pytest.mark.parametrize("redirect_uri", [CALLBACK + "/", "http://localhost:9999/callback", "https://evil.example"])
async def test_a_redirect_address_must_match_exactly(sim: Simulator, redirect_uri: str) -> None:
    async with plain_client(sim) as http:
        answer = await authorize(http, sim, redirect_uri)

    assert answer.status_code == 401
    assert "location" not in answer.headers


async def test_an_out_of_band_app_gets_its_code_on_a_page(sim: Simulator) -> None:
    async with plain_client(sim) as http:
        answer = await authorize(http, sim, "urn:ietf:wg:oauth:2.0:oob")

    assert answer.status_code == 200
    assert "<code>" in answer.text


async def test_a_person_may_refuse(sim: Simulator) -> None:
    async with plain_client(sim) as http:
        answer = await authorize(http, sim, decision="deny")

    assert answer.headers["location"] == f"{CALLBACK}?error=access_denied&state=s1"


async def test_a_code_works_once(sim: Simulator) -> None:
    async with plain_client(sim) as http:
        code = parse_qs(urlsplit((await authorize(http, sim)).headers["location"]).query)["code"][0]
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        first = await exchange(http, sim, **fields)
        second = await exchange(http, sim, **fields)

    assert first.status_code == 200
    assert (second.status_code, second.json()["error"]) == (401, "invalid_grant")


async def test_a_code_lives_ten_minutes(sim: Simulator) -> None:
    async with plain_client(sim) as http:
        code = parse_qs(urlsplit((await authorize(http, sim)).headers["location"]).query)["code"][0]
        sim.world.advance(600)
        late = await exchange(http, sim, grant_type="authorization_code", code=code, redirect_uri=CALLBACK)

    assert late.json()["error"] == "invalid_grant"


@pytest.mark.parametrize("encoding", ["data", "json", "files"])
async def test_the_token_endpoint_takes_form_json_and_multipart(sim: Simulator, encoding: str) -> None:
    app = sim.world.app
    fields = {"grant_type": "client_credentials", "client_id": app.client_id, "client_secret": app.client_secret}
    async with plain_client(sim) as http:
        parts = {name: (None, value) for name, value in fields.items()} if encoding == "files" else fields
        answer = await http.post("/oauth/token/", **{encoding: parts})

    assert answer.json()["expires_in"] == 5400
    assert "refresh_token" not in answer.json()


async def test_an_access_token_lives_ninety_minutes(sim: Simulator) -> None:
    async with plain_client(sim) as http:
        token = (await sign_in(http, sim))["access_token"]
        sim.world.advance(5399)
        before = await me(http, token)
        sim.world.advance(1)
        after = await me(http, token)

    assert (before, after) == (200, 401)


async def test_a_refresh_token_works_once_and_brings_a_new_one(sim: Simulator) -> None:
    async with plain_client(sim) as http:
        old = (await sign_in(http, sim))["refresh_token"]
        new = (await exchange(http, sim, grant_type="refresh_token", refresh_token=old)).json()
        again = await exchange(http, sim, grant_type="refresh_token", refresh_token=old)

        assert await me(http, new["access_token"]) == 200
    assert new["refresh_token"] != old
    assert again.json()["error"] == "invalid_grant"


async def test_a_failed_refresh_burns_the_refresh_token_too(sim: Simulator) -> None:
    """FACTS 2.3: any refresh call, successful or not."""
    async with plain_client(sim) as http:
        token = (await sign_in(http, sim))["refresh_token"]
        wrong = await exchange(http, sim, grant_type="refresh_token", refresh_token=token, client_secret="wrong")
        right = await exchange(http, sim, grant_type="refresh_token", refresh_token=token)

    assert wrong.json()["error"] == "invalid_client"
    assert right.json()["error"] == "invalid_grant"


async def test_revoking_ends_both_tokens_and_is_fine_for_an_unknown_one(sim: Simulator) -> None:
    async with plain_client(sim) as http:
        pair = await sign_in(http, sim)
        app = sim.world.app
        form = {"client_id": app.client_id, "client_secret": app.client_secret}
        revoked = await http.post("/oauth/revoke", data={**form, "token": pair["access_token"]})
        unknown = await http.post("/oauth/revoke", data={**form, "token": "nobody's"})
        refreshed = await exchange(http, sim, grant_type="refresh_token", refresh_token=pair["refresh_token"])

        assert await me(http, pair["access_token"]) == 401
    assert (revoked.status_code, unknown.status_code) == (200, 200)
    assert refreshed.json()["error"] == "invalid_grant"


async def test_the_status_of_a_refused_grant_is_a_switch(sim: Simulator) -> None:
    sim.world.switches = Switches(token_error_status=400)
    async with plain_client(sim) as http:
        answer = await exchange(http, sim, grant_type="refresh_token", refresh_token="nobody's")

    assert answer.status_code == 400


async def test_a_user_token_needs_no_company_header_for_companies_but_a_service_account_does(
    sim: Simulator, http: httpx.AsyncClient
) -> None:
    """FACTS 1.3 and 2.6."""
    async with plain_client(sim) as person:
        token = (await sign_in(person, sim))["access_token"]
        as_person = await person.get("/rest/v1.0/companies", headers={"Authorization": f"Bearer {token}"})
    del http.headers["Procore-Company-Id"]
    as_service = await http.get("/rest/v1.0/companies")

    assert [each["name"] for each in as_person.json()] == ["Cedar & Vale Builders", "Cedar & Vale Civil"]
    assert as_service.status_code == 400
    assert as_service.json()["message"].startswith("Missing Procore-Company-Id header!")


async def test_a_company_without_the_app_answers_403(sim: Simulator, http: httpx.AsyncClient) -> None:
    """Even for somebody who works there."""
    without_app = first_company(sim.world) + 2
    sim.world.change(next(iter(sim.world.table("user", 0))), {"company_ids": [without_app]})
    http.headers["Procore-Company-Id"] = str(without_app)
    answer = await http.get("/rest/v1.0/companies")

    assert answer.status_code == 403
    assert answer.json() == {"errors": ["App is not connected to this company."]}


async def test_another_company_s_project_is_not_found(sim: Simulator, http: httpx.AsyncClient) -> None:
    """404 for what exists but is not readable here (FACTS 6)."""
    other = next(iter(sim.world.table("project", first_company(sim.world) + 1)))
    answer = await http.get(f"/rest/v1.0/projects/{other.id}/rfis")

    assert answer.status_code == 404
