"""Deciding on the dashboard: by whom, for exactly what, and shown as text."""

import pytest

from construction_mcp.core.types import Role
from construction_mcp.store.approvals import digest_of
from tests.server.dashboard.conftest import SUMMARY, asked
from tests.server.dashboard.doors import APPROVALS, TOKEN, form_of

pytestmark = pytest.mark.anyio


async def test_approve_decides_with_the_edits_in_the_name_of_who_is_signed_in(door, ana, approvals, approval):
    user, bearer = ana
    await door.sign_in(bearer)
    page = await door.press(approval.id, "approve", edit_1="3", comment=" ok ")
    decided = await approvals.get(approval.id)

    assert (page.status_code, decided.status) == (200, "approved")
    assert (decided.decided_by, decided.decided_how, decided.comment) == (f"user:{user.id}", "dashboard", "ok")
    assert decided.changed == {"copies": 3}


async def test_the_second_press_and_the_other_button_change_nothing(door, ana, approvals, approval):
    await door.sign_in(ana[1])
    form = form_of((await door.get(f"{APPROVALS}/{approval.id}")).text)
    first, again, other = [
        await door.send(f"{APPROVALS}/{approval.id}", {**form, "decision": choice})
        for choice in ("reject", "reject", "approve")
    ]

    assert [first.status_code, again.status_code, other.status_code] == [200, 409, 409]
    assert (await approvals.get(approval.id)).status == "rejected"


@pytest.mark.parametrize("key", ["", "0" * 64, "é", None])
async def test_without_the_key_of_its_page_a_press_decides_nothing(door, ana, approvals, approval, key):
    await door.sign_in(ana[1])
    form = form_of((await door.get(f"{APPROVALS}/{approval.id}")).text)
    form.pop("key") if key is None else form.update(key=key)
    page = await door.send(f"{APPROVALS}/{approval.id}", {**form, "decision": "approve"})

    assert page.status_code == 403
    assert (await approvals.get(approval.id)).status == "pending"


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:9999", ""])
async def test_another_origins_form_decides_nothing_even_with_the_key(door, ana, approvals, approval, origin):
    await door.sign_in(ana[1])
    form = form_of((await door.get(f"{APPROVALS}/{approval.id}")).text)
    page = await door.send(f"{APPROVALS}/{approval.id}", {**form, "decision": "approve"}, origin=origin)

    assert page.status_code == 403
    assert (await approvals.get(approval.id)).status == "pending"


async def test_a_key_is_of_one_session_one_approval_and_one_content(door, ana, approvals, approval, clock):
    """Taken from another session's page, from another approval's, or shown before it changed: it decides nothing."""
    await door.sign_in(ana[1])
    path = f"{APPROVALS}/{approval.id}"
    mine = form_of((await door.get(path)).text)
    other = door.another()
    await other.sign_in(TOKEN)
    second = await approvals.request(asked(clock, call="another"))
    stolen = await other.send(path, {**mine, "decision": "approve"})
    moved = await door.send(f"{APPROVALS}/{second.id}", {**mine, "decision": "approve"})
    shown = {"question": "Another?", "answer": "Type A", "copies": 2}
    forged = await door.send(path, {**mine, "digest": digest_of(SUMMARY, shown), "decision": "approve"})

    assert [stolen.status_code, moved.status_code, forged.status_code] == [403] * 3
    assert {(await approvals.get(one.id)).status for one in (approval, second)} == {"pending"}


async def test_what_changed_since_the_page_was_shown_is_not_decided(door, ana, approvals, approval, clock):
    await door.sign_in(ana[1])
    form = form_of((await door.get(f"{APPROVALS}/{approval.id}")).text)
    shown = {"question": "Another?", "answer": "Type A", "copies": 2}
    renewed = await approvals.request(asked(clock, shown=shown))
    page = await door.send(f"{APPROVALS}/{approval.id}", {**form, "decision": "approve"})

    assert page.status_code == 409
    assert (await approvals.get(renewed.id)).status == "pending"


async def test_a_late_press_says_so(door, approvals, approval, clock):
    clock.advance(86_000)
    await door.sign_in()
    form = form_of((await door.get(f"{APPROVALS}/{approval.id}")).text)
    clock.advance(400)
    page = await door.send(f"{APPROVALS}/{approval.id}", {**form, "decision": "approve"})

    assert page.status_code == 410
    assert "Too late" in page.text
    assert "Nobody decided in time" in (await door.get(f"{APPROVALS}/{approval.id}")).text
    assert (await approvals.get(approval.id)).status == "pending"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.BUILDER, Role.APPROVER])
async def test_a_call_of_somebody_else_is_seen_only_by_who_may_decide_it(door, users, approvals, approval, role):
    """What another person's call would do through their own account is nobody's business but the approver's."""
    _, bearer = await users.add("Somebody", role)
    await door.sign_in(bearer)
    pages = [await door.get("/dashboard"), await door.get(APPROVALS), await door.get(f"{APPROVALS}/{approval.id}")]

    assert [page.status_code for page in pages] == [200, 200, 404]
    assert not any("Answer RFI 42" in page.text for page in pages)


async def test_who_asked_for_it_sees_it_and_does_not_decide_it(door, users, approvals, clock):
    user, bearer = await users.add("Ana Lopez", Role.ADMIN)
    made = await approvals.request(asked(clock, requested_by=f"user:{user.id}"))
    await door.sign_in(bearer)
    page = await door.get(f"{APPROVALS}/{made.id}")

    assert "somebody else has to decide" in page.text
    assert 'class="decide"' not in page.text


async def test_a_read_only_server_decides_nothing(door, house, ana, approvals, approval):
    await door.sign_in(ana[1])
    form = form_of((await door.get(f"{APPROVALS}/{approval.id}")).text)
    object.__setattr__(house.settings, "read_only", True)
    page = await door.send(f"{APPROVALS}/{approval.id}", {**form, "decision": "approve"})

    assert page.status_code == 403
    assert 'class="decide"' not in (await door.get(f"{APPROVALS}/{approval.id}")).text
    assert (await approvals.get(approval.id)).status == "pending"


async def test_hostile_text_stays_text(door, ana, approval):
    await door.sign_in(ana[1])
    pages = [(await door.get(path)).text for path in ("/dashboard", APPROVALS, f"{APPROVALS}/{approval.id}")]

    assert all("<script>alert" not in page and "<img src=x" not in page for page in pages)
    assert all("&lt;script&gt;alert(1)" in page for page in pages)
    assert "&lt;img src=x onerror" in pages[2]


async def test_nonsense_in_a_form_is_refused_and_decides_nothing(door, ana, approvals, approval):
    await door.sign_in(ana[1])
    path = f"{APPROVALS}/{approval.id}"
    form = form_of((await door.get(path)).text)
    answers = [
        await door.send(path, {**form, "decision": "maybe"}),
        await door.send(path, {**form, "decision": "approve", "edit_1": "three"}),
        await door.send(path, {**form, "decision": "approve", "comment": "x" * 900_000}),
    ]

    assert [answer.status_code for answer in answers] == [400] * 3
    assert (await approvals.get(approval.id)).status == "pending"


async def test_opening_a_page_decides_nothing_however_it_is_asked(door, ana, approvals, approval):
    await door.sign_in(ana[1])
    form = form_of((await door.get(f"{APPROVALS}/{approval.id}")).text)
    page = await door.client.get(f"{APPROVALS}/{approval.id}", params={**form, "decision": "approve"})

    assert page.status_code == 200
    assert (await approvals.get(approval.id)).status == "pending"
