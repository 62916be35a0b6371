"""The browser's side of connecting an account: who may finish a sign-in, and what the pages give away (S7, S11)."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from construction_mcp.bootstrap import House
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.types import Principal, Role
from construction_mcp.procore.sign_in import SignIn
from construction_mcp.registry.catalog import View
from construction_mcp.server.addresses import transport_security
from construction_mcp.server.app import build_server
from construction_mcp.server.auth import everybody, principal_of
from construction_mcp.server.health import Readiness
from construction_mcp.server.http import HttpFace
from construction_mcp.server.sign_in_pages import COOKIE, sign_in_routes
from construction_mcp.simulator.app import Simulator
from construction_mcp.store.connections import Connections
from tests.procore.signing import SERVED_AT, allow, unconnected
from tests.server.serving import modern_call, modern_headers
from tests.stdio_process import ROOT

pytestmark = pytest.mark.anyio

ANA = Principal("user:ana", Role.BUILDER, "Ana <b>Ruiz</b>")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def served(tmp_path: Path, clock: ManualClock) -> AsyncIterator[tuple[House, Simulator]]:
    async with unconnected(tmp_path, clock, served=True) as made:
        yield made


def browser_of(house: House) -> httpx.AsyncClient:
    """A browser of its own, in front of the whole HTTP application."""
    face = HttpFace(
        build_server(house, View(), principal_of),
        identify=everybody(),
        security=transport_security(house.settings),
        limits=house.settings.limits,
        readiness=Readiness(),
        routes=sign_in_routes(house),
    )
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=face.app), base_url=SERVED_AT)


async def link_of(house: House, who: Principal = ANA) -> str:
    return (await house.services.get(SignIn)).link(who, None)


async def to_procore(browser: httpx.AsyncClient, link: str) -> str:
    """Through our page to Procore's address; the browser carries the cookie from here on."""
    await browser.get(link)
    answer = await browser.post(link, headers={"origin": SERVED_AT})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def back_from(simulator: Simulator, address: str) -> str:
    """Where Procore sends the browser after the person allowed it."""
    return (await allow(simulator, address)).headers["location"]


def exchanges(simulator: Simulator) -> int:
    return sum(entry["path"] == "/oauth/token" for entry in simulator.ledger.since(0))


async def is_connected(house: House, who: Principal = ANA) -> bool:
    return await (await house.services.get(Connections)).of_principal(who.id, "sandbox") is not None


async def test_the_whole_way_connects_whoever_asked(served: tuple[House, Simulator]) -> None:
    house, simulator = served
    async with browser_of(house) as browser:
        address = await to_procore(browser, await link_of(house))
        page = await browser.get(await back_from(simulator, address))

    assert parse_qs(urlsplit(address).query)["redirect_uri"] == [f"{SERVED_AT}/oauth/callback"]
    assert page.status_code == 200
    assert "Procore is connected" in page.text
    assert await is_connected(house)


@pytest.mark.parametrize("case", ["missing", "forged", "expired", "reused", "other browser", "no cookie", "twice"])
async def test_a_state_that_is_not_right_gets_no_token(
    served: tuple[House, Simulator], clock: ManualClock, case: str
) -> None:
    """S7: state missing, forged, expired, reused, other browser: 0 tokens, and Procore is not even asked for one."""
    house, simulator = served
    async with browser_of(house) as browser, browser_of(house) as other:
        back = await back_from(simulator, await to_procore(browser, await link_of(house)))
        await to_procore(other, await link_of(house, Principal("user:mallory", Role.BUILDER)))
        if case == "reused":
            cookie = browser.cookies[COOKIE]
            await browser.get(back)
            browser.cookies.set(COOKIE, cookie)  # a browser that kept it, as one restored from a session does
        before = exchanges(simulator)
        query = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
        if case == "missing":
            del query["state"]
        if case == "forged":
            query["state"] = "A" * 43
        if case == "expired":
            clock.advance(601)
        if case == "no cookie":
            browser.cookies.clear()
        again = f"&state={query.get('state')}" if case == "twice" else ""
        visitor = other if case == "other browser" else browser
        page = await visitor.get(f"/oauth/callback?{urlencode(query)}{again}")

    assert page.status_code == 400
    assert exchanges(simulator) == before
    assert not await is_connected(house, Principal("user:mallory", Role.BUILDER))


async def test_a_second_visit_to_the_callback_changes_nothing(served: tuple[House, Simulator]) -> None:
    """Reloading the last page, or a proxy that repeats it."""
    house, simulator = served
    async with browser_of(house) as browser:
        back = await back_from(simulator, await to_procore(browser, await link_of(house)))
        first, second = await browser.get(back), await browser.get(back)

    assert (first.status_code, second.status_code) == (200, 400)
    assert exchanges(simulator) == 1
    assert await is_connected(house)


async def test_opening_the_link_is_not_yet_signing_in(served: tuple[House, Simulator]) -> None:
    """A chat program that previews links must not use the ticket up, and a click says who asked."""
    house, _ = served
    link = await link_of(house)
    async with browser_of(house) as preview, browser_of(house) as browser:
        shown = [await preview.get(link) for _ in range(3)]
        address = await to_procore(browser, link)

    assert [page.status_code for page in shown] == [200] * 3
    assert "Ana &lt;b&gt;Ruiz&lt;/b&gt;" in shown[0].text
    assert "<b>Ruiz" not in shown[0].text
    assert address.startswith("https://login-sandbox.procore.com/oauth/authorize?")


async def test_a_ticket_sends_one_browser_to_procore(served: tuple[House, Simulator], clock: ManualClock) -> None:
    house, _ = served
    link, old = await link_of(house), await link_of(house)
    async with browser_of(house) as browser:
        await to_procore(browser, link)
        used = await browser.post(link)
        clock.advance(601)
        expired = await browser.post(old)
        forged = await browser.get("/oauth/start?ticket=" + "x" * 43)
        missing = await browser.get("/oauth/start")
        long = await browser.get("/oauth/start?ticket=" + "x" * 5000)

    assert {page.status_code for page in (used, expired, forged, missing, long)} == {400}


async def test_another_sites_form_cannot_send_the_person_on(served: tuple[House, Simulator]) -> None:
    house, _ = served
    link = await link_of(house)
    async with browser_of(house) as browser:
        foreign = await browser.post(link, headers={"origin": "https://elsewhere.example"})
        rebound = await browser.get(link, headers={"host": "elsewhere.example"})

    assert foreign.status_code in (400, 403)
    assert rebound.status_code in (400, 403, 421)


async def test_a_person_who_denies_is_told_and_nothing_is_exchanged(served: tuple[House, Simulator]) -> None:
    house, simulator = served
    async with browser_of(house) as browser:
        address = await to_procore(browser, await link_of(house))
        denied = (await allow(simulator, address, decision="deny")).headers["location"]
        page = await browser.get(denied)
        later = await browser.get(denied.replace("error=access_denied", "code=stolen"))

    assert (page.status_code, later.status_code) == (400, 400)
    assert exchanges(simulator) == 0


async def test_what_procore_says_in_words_is_never_shown(served: tuple[House, Simulator]) -> None:
    """Neither an error in the address, which anybody can write, nor the text of a refused exchange."""
    house, simulator = served
    script = "<script>alert(1)</script>"
    async with browser_of(house) as browser:
        query = urlencode({"error": script, "error_description": script, "state": script})
        written = await browser.get(f"/oauth/callback?{query}")
        back = await back_from(simulator, await to_procore(browser, await link_of(house)))
        simulator.faults.append([{"match": {"path": "/oauth/token"}, "do": "403"}])
        refused = await browser.get(back)

    assert script not in written.text
    assert written.status_code == refused.status_code == 400
    assert "permission to access this resource" not in refused.text
    assert not await is_connected(house)


async def test_an_unreachable_procore_is_502_and_not_the_persons_fault(served: tuple[House, Simulator]) -> None:
    house, simulator = served
    async with browser_of(house) as browser:
        back = await back_from(simulator, await to_procore(browser, await link_of(house)))
        simulator.faults.append([{"match": {"path": "/oauth/token"}, "do": "html", "times": 9}])
        page = await browser.get(back)

    assert page.status_code == 502


async def test_pages_run_nothing_frame_nowhere_and_are_kept_by_nobody(served: tuple[House, Simulator]) -> None:
    house, simulator = served
    async with browser_of(house) as browser:
        link = await link_of(house)
        question = await browser.get(link)
        redirect = await browser.post(link)
        done = await browser.get(await back_from(simulator, redirect.headers["location"]))
        refusal = await browser.get("/oauth/callback")

    for page in (question, redirect, done, refusal):
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["referrer-policy"] == "same-origin"
        assert "<script" not in page.text
    assert "form-action 'self' https://login-sandbox.procore.com" in question.headers["content-security-policy"]
    assert "form-action 'none'" in done.headers["content-security-policy"]


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_paths(served: tuple[House, Simulator]) -> None:
    house, simulator = served
    async with browser_of(house) as browser:
        link = await link_of(house)
        given = (await browser.post(link)).headers["set-cookie"]
        done = await browser.get(await back_from(simulator, await to_procore(browser, await link_of(house))))

    assert given.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "Path=/oauth/callback", "SameSite=lax", "Max-Age=600"} <= set(given.split("; "))
    assert "Max-Age=0" in done.headers["set-cookie"]


async def test_over_https_the_cookie_is_secure(tmp_path: Path, clock: ManualClock) -> None:
    public = "https://mcp.builder.example"
    async with unconnected(tmp_path, clock, served=True, public_url=public) as (house, _), browser_of(house) as browser:
        link = await link_of(house)
        answer = await browser.post(link)

    assert link.startswith(f"{public}/oauth/start")
    assert "Secure" in answer.headers["set-cookie"]
    assert (
        f"redirect_uri={public}/oauth/callback".replace(":", "%3A").replace("/", "%2F")[13:]
        in answer.headers["location"]
    )


def test_a_serve_process_answers_on_these_pages_and_sends_people_to_itself(tmp_path: Path) -> None:
    """Through the real command: the pages are there without a bearer, and links carry the port that was bound."""
    words = ["serve", "--port", "0", "--json", "--data-dir", str(tmp_path / "data")]
    with subprocess.Popen(
        [sys.executable, "-m", "construction_mcp", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PROCORE_GRANT": "authorization_code"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        base = said["mcp"].removesuffix("/mcp")
        page = httpx.get(f"{base}/oauth/callback?state=x&code=y")
        call = {"name": "connect_procore", "arguments": {}}
        answer = httpx.post(
            said["mcp"],
            json=modern_call(call["name"], call["arguments"]),
            headers={**modern_headers("tools/call", "connect_procore"), "authorization": f"Bearer {said['token']}"},
        )
        process.terminate()

    assert page.status_code == 400
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert answer.json()["result"]["structuredContent"]["url"].startswith(f"{base}/oauth/start?ticket=")
