"""The page of a mailed link: what it shows, and that only its own buttons decide (S8)."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from construction_mcp.bootstrap import House
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Settings
from construction_mcp.core.types import Principal, Role
from construction_mcp.engine.approvals import Approvals, Said
from construction_mcp.registry.catalog import View
from construction_mcp.server.addresses import transport_security
from construction_mcp.server.app import build_server
from construction_mcp.server.approval_pages import approval_routes
from construction_mcp.server.auth import everybody, principal_of
from construction_mcp.server.health import Readiness
from construction_mcp.server.http import HttpFace
from construction_mcp.store.approvals import Approval, NewApproval, digest_of

pytestmark = pytest.mark.anyio

SERVED_AT = "http://127.0.0.1:8765"
ANA = "ana@builder.com"
SUMMARY = "Answer RFI 42 <script>alert(1)</script>"
SHOWN: dict[str, Any] = {
    "question": 'Which anchor?\n"</textarea><img src=x onerror=alert(1)>',
    "answer": "Use type A\nas drawn",
    "copies": 2,
    "urgent": True,
}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def house(tmp_path: Path, clock: ManualClock) -> AsyncIterator[House]:
    async with House(Settings(tmp_path), clock=clock) as made:
        yield made


@pytest.fixture
async def approvals(house: House) -> Approvals:
    return await house.services.get(Approvals)


@pytest.fixture
async def approval(approvals: Approvals, clock: ManualClock) -> Approval:
    return await approvals.request(
        NewApproval(
            execution_id=None,
            step="create_rfi",
            summary=SUMMARY,
            shown=SHOWN,
            editable=("answer", "copies", "urgent"),
            digest=digest_of(SUMMARY, SHOWN),
            requested_by="local:1",
            approvers=(ANA,),
            expires_at=clock.now() + timedelta(days=1),
            call="call",
        )
    )


@pytest.fixture
async def browser(house: House) -> AsyncIterator[httpx.AsyncClient]:
    face = HttpFace(
        build_server(house, View(), principal_of),
        identify=everybody(),
        security=transport_security(house.settings),
        limits=house.settings.limits,
        readiness=Readiness(),
        routes=approval_routes(house),
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=face.app), base_url=SERVED_AT) as client:
        yield client


@pytest.fixture
async def link(approvals: Approvals, approval: Approval) -> str:
    return f"/approvals/{await approvals.new_link(approval, ANA)}"


def form_of(page: str) -> dict[str, str]:
    """What a browser would send back untouched."""
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))


async def press(browser: httpx.AsyncClient, link: str, decision: str, form: dict[str, str]) -> httpx.Response:
    return await browser.post(link, data={**form, "decision": decision}, headers={"origin": SERVED_AT})


async def test_opening_a_link_decides_nothing_however_often_and_however_asked(browser, link, approvals, approval):
    pages = [await browser.get(link), await browser.get(f"{link}?decision=approve"), await browser.head(link)]

    assert [page.status_code for page in pages] == [200] * 3
    assert (await approvals.get(approval.id)).status == "pending"


async def test_approve_decides_with_the_edits_in_the_name_of_the_links_approver(browser, link, approvals, approval):
    form = form_of((await browser.get(link)).text)
    changed = {"edit_0": "Use type A\r\nas drawn", "edit_1": "3", "edit_2": "false", "comment": " ok "}
    page = await press(browser, link, "approve", {**form, **changed})
    decided = await approvals.get(approval.id)

    assert (page.status_code, decided.status) == (200, "approved")
    assert (decided.decided_by, decided.decided_how, decided.comment) == (ANA, "link", "ok")
    assert decided.changed == {"copies": 3, "urgent": False}
    assert "Approved" in page.text


async def test_the_second_press_and_the_other_button_change_nothing(browser, link, approvals, approval):
    form = form_of((await browser.get(link)).text)
    await press(browser, link, "reject", form)
    again, other = [await press(browser, link, choice, form) for choice in ("reject", "approve")]
    shown = await browser.get(link)

    assert (await approvals.get(approval.id)).status == "rejected"
    assert (again.status_code, other.status_code) == (409, 409)
    assert "Decided before" in other.text
    assert "Rejected" in shown.text
    assert "<form" not in shown.text


@pytest.mark.parametrize("key", ["", "0" * 64, "é", None])
async def test_without_the_key_of_this_links_page_a_press_decides_nothing(browser, link, approvals, approval, key):
    """A form that another site, or another approval's page, sends."""
    form = form_of((await browser.get(link)).text)
    form.pop("key") if key is None else form.update(key=key)
    page = await press(browser, link, "approve", form)

    assert page.status_code == 403
    assert (await approvals.get(approval.id)).status == "pending"


async def test_another_sites_form_is_refused_by_its_origin(browser, link, approvals, approval):
    form = form_of((await browser.get(link)).text)
    page = await browser.post(link, data={**form, "decision": "approve"}, headers={"origin": "https://evil.example"})

    assert page.status_code == 403
    assert (await approvals.get(approval.id)).status == "pending"


async def test_a_page_of_another_link_gives_no_key_for_this_one(browser, link, approvals, approval):
    other = f"/approvals/{await approvals.new_link(approval, 'boss@builder.com')}"
    form = form_of((await browser.get(other)).text)

    assert (await press(browser, link, "approve", form)).status_code == 403


async def test_a_late_press_says_so(browser, link, approvals, approval, clock):
    form = form_of((await browser.get(link)).text)
    clock.advance(86_400)
    pages = [await press(browser, link, "approve", form), await browser.get(link)]

    assert [page.status_code for page in pages] == [410, 410]
    assert all("Too late" in page.text for page in pages)
    assert (await approvals.get(approval.id)).status == "pending"


async def test_what_changed_since_the_page_was_shown_is_not_decided(browser, link, approvals, approval, clock):
    form = form_of((await browser.get(link)).text)
    shown = {**SHOWN, "copies": 9}
    new = NewApproval(
        None,
        "create_rfi",
        SUMMARY,
        shown,
        digest_of(SUMMARY, shown),
        "local:1",
        (ANA,),
        approval.expires_at,
        call="call",
    )
    await approvals.request(new)
    page = await press(browser, link, "approve", form)

    assert page.status_code == 409
    assert (await approvals.get(approval.id)).status == "cancelled"


@pytest.mark.parametrize("token", ["none", "x" * 5000, "%00"])
async def test_a_link_nobody_was_given_leads_nowhere(browser, token):
    page = await browser.get(f"/approvals/{token}")

    assert page.status_code == 404
    assert "<form" not in page.text


async def test_hostile_text_stays_text_and_nothing_is_loaded_or_run(browser, link):
    page = await browser.get(link)

    assert "<script" not in page.text
    assert "<img" not in page.text
    assert "&lt;script&gt;" in page.text
    assert page.text.count("</textarea>") == page.text.count("<textarea") == 2
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "same-origin"


async def test_a_form_of_nonsense_or_of_a_megabyte_is_refused(browser, link, approvals, approval):
    form = form_of((await browser.get(link)).text)
    answers = [
        await press(browser, link, "maybe", form),
        await press(browser, link, "approve", {**form, "edit_1": "three"}),
        await browser.post(link, content=b"a" * 1_000_000, headers={"origin": SERVED_AT}),
        await browser.post(link, content=b"\xff=\xfe", headers={"origin": SERVED_AT}),
    ]

    assert [answer.status_code for answer in answers] == [400] * 4
    assert (await approvals.get(approval.id)).status == "pending"


async def test_a_decision_made_elsewhere_is_what_the_link_shows(browser, link, approvals, approval):
    boss = Principal("user:boss", Role.ADMIN, "Boss")
    await approvals.decide(Said(approval.id, approval.digest, "approve"), boss, "form")
    page = await browser.get(link)

    assert "user:boss" in page.text
    assert "<form" not in page.text
