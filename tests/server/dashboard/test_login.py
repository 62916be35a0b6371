"""Who gets in, for how long, and that no other site's form does anything."""

import pytest

from construction_mcp.core.types import Role
from construction_mcp.server.dashboard.session import Links
from tests.server.dashboard.doors import APPROVALS, LOGIN, TOKEN, leave_key

pytestmark = pytest.mark.anyio

PAGES = ("", "/workflows", "/workflows/wf_x", "/runs", "/runs/exe_x", "/approvals", "/approvals/apr_x")


@pytest.mark.parametrize("path", PAGES)
async def test_nobody_sees_a_page_without_signing_in_and_comes_back_to_it_afterwards(door, path):
    page = await door.get("/dashboard" + path)

    assert page.status_code == 303
    assert page.headers["location"].startswith(LOGIN)
    assert (await door.get("/dashboard/live")).status_code == 401


async def test_a_bearer_signs_in_with_a_cookie_that_no_script_and_no_other_site_gets(door):
    answer = await door.sign_in()
    cookie = answer.headers["set-cookie"].lower()

    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard")
    assert all(word in cookie for word in ("httponly", "samesite=strict", "path=/dashboard"))
    assert TOKEN not in cookie
    assert (await door.get()).status_code == 200


async def test_the_cookie_is_secure_behind_the_public_address(door, house):
    object.__setattr__(house.settings, "public_url", "https://127.0.0.1:8765")
    answer = await door.sign_in()

    assert "secure" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize("bearer", ["", "wrong", "x" * 9000, "é", "\x00", "a b"])
async def test_what_is_nobodys_bearer_signs_nobody_in(door, bearer):
    answer = await door.sign_in(bearer)

    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "http://localhost:8765"},
        {"origin": "null"},
        {"origin": ""},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site"},
    ],
)
async def test_a_form_of_another_origin_signs_nobody_in_or_out(door, headers):
    """Ports of one machine are one site to a cookie, so SameSite alone would let its other servers in."""
    refused = await door.send(LOGIN, {"bearer": TOKEN}, **headers)
    await door.sign_in()
    key = leave_key((await door.get()).text)
    still = await door.send("/dashboard/logout", {"key": key}, **headers)

    assert refused.status_code == 403
    assert still.status_code == 403
    assert (await door.get()).status_code == 200


async def test_signing_out_needs_the_sessions_own_key_and_ends_it(door):
    await door.sign_in()
    cookies = dict(door.client.cookies)
    key = leave_key((await door.get()).text)
    refused = await door.send("/dashboard/logout", {"key": "0" * 64})
    assert (await door.get()).status_code == 200
    await door.send("/dashboard/logout", {"key": key})
    door.client.cookies.update(cookies)  # somebody kept the cookie

    assert refused.status_code == 403
    assert (await door.get()).status_code == 303


async def test_a_revoked_bearer_ends_its_session(door, users, ana, clock):
    user, bearer = ana
    await door.sign_in(bearer)
    before = await door.get()
    await users.revoke(user.id)
    clock.advance(2)

    assert "Ana Lopez" in before.text
    assert (await door.get()).status_code == 303


async def test_a_rotated_bearer_ends_the_sessions_of_the_old_one(door, users, ana, clock):
    user, bearer = ana
    await door.sign_in(bearer)
    await users.rotate(user.id)
    clock.advance(2)

    assert (await door.get()).status_code == 303


async def test_a_session_ends_without_a_click_and_at_the_end_of_a_day(door, house, clock):
    limits = house.settings.limits
    await door.sign_in()
    clock.advance(limits.dashboard_idle_s - 1)
    assert (await door.get()).status_code == 200
    clock.advance(limits.dashboard_idle_s)
    idle = await door.get()
    await door.sign_in()
    for _ in range(int(limits.dashboard_session_s // 1800)):
        clock.advance(1800)
        last = await door.get()

    assert (idle.status_code, last.status_code) == (303, 303)


async def test_what_the_script_asks_by_itself_keeps_no_session_alive(door, house, clock):
    await door.sign_in()
    for _ in range(3):
        clock.advance(house.settings.limits.dashboard_idle_s / 2 - 1)
        page = await door.get(**{"x-asked-by": "script"})

    assert page.status_code == 303


async def test_a_link_signs_in_once_and_opening_it_spends_nothing(door):
    address = f"/dashboard/link/{door.links.new()}"
    looks = [await door.get(address) for _ in range(2)]
    taken = await door.send(address, {})
    other = door.another()
    again = [await other.send(address, {}), await other.get(address)]

    assert [look.status_code for look in looks] == [200, 200]
    assert taken.headers["location"] == "/dashboard"
    assert "admin" in (await door.get()).text
    assert [answer.status_code for answer in again] == [410, 410]
    assert (await other.get()).status_code == 303


async def test_a_link_is_of_no_use_to_another_site_or_after_its_time(door, house, clock):
    address = f"/dashboard/link/{door.links.new()}"
    foreign = await door.send(address, {}, origin="https://evil.example")
    clock.advance(house.settings.limits.dashboard_link_s)
    late = await door.send(address, {})

    assert (foreign.status_code, late.status_code) == (403, 410)


@pytest.mark.parametrize("token", ["x", "x" * 5000, "%00", "..%2flogin"])
async def test_a_link_nobody_was_given_leads_nowhere(door, token):
    assert (await door.get(f"/dashboard/link/{token}")).status_code in {404, 410}


async def test_memory_holds_neither_the_link_nor_the_bearer_of_a_session(door, house):
    """What a core dump would give away opens nothing."""
    links = Links("the operators bearer", house.clock, house.settings.limits)
    token = links.new()

    assert token not in repr(vars(links)["_open"])


@pytest.mark.parametrize(
    "to",
    ["https://evil.example", "//evil.example", "/mcp", "/dashboard/../mcp", "/dashboard/login", "javascript:1", "\\x"],
)
async def test_signing_in_leads_to_no_other_site(door, to):
    answer = await door.send(LOGIN, {"bearer": TOKEN, "to": to})

    assert answer.headers["location"] == "/dashboard"


async def test_signing_in_leads_back_to_where_somebody_wanted_to_go(door):
    login = (await door.get("/dashboard/runs?status=failed")).headers["location"]
    page = await door.get(login)
    answer = await door.send(LOGIN, {"bearer": TOKEN, "to": "/dashboard/runs?status=failed"})

    assert 'value="/dashboard/runs?status=failed"' in page.text
    assert answer.headers["location"] == "/dashboard/runs?status=failed"


@pytest.mark.parametrize("path", ["", "/login", "/link/none", "/runs"])
async def test_every_page_forbids_what_it_does_not_bring_itself(door, path):
    await door.sign_in()
    headers = (await door.get("/dashboard" + path)).headers
    policy = headers["content-security-policy"]

    assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self';")
    assert all(part in policy for part in ("frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"))
    assert "unsafe" not in policy
    assert (headers["cache-control"], headers["x-frame-options"]) == ("no-store", "DENY")


async def test_two_servers_of_one_machine_have_a_cookie_each(door):
    await door.sign_in()

    assert list(door.client.cookies) == ["construction_mcp_8765"]


async def test_a_viewer_reads(door, users):
    _, bearer = await users.add("Vic", Role.VIEWER)
    await door.sign_in(bearer)
    pages = [await door.get("/dashboard" + path) for path in ("", "/workflows", "/runs", "/approvals")]

    assert [page.status_code for page in pages] == [200] * 4


async def test_without_authentication_a_click_opens_it_and_forms_need_their_key_all_the_same(open_door, approval):
    """Who reaches the address is the local person, but a page of another site is not."""
    asked = await open_door.get(LOGIN)
    foreign = await open_door.send(LOGIN, {}, origin="https://evil.example")
    await open_door.send(LOGIN, {})
    page = await open_door.get(f"{APPROVALS}/{approval.id}")
    forged = await open_door.send(f"{APPROVALS}/{approval.id}", {"digest": approval.digest, "decision": "approve"})

    assert "every program on this machine" in asked.text
    assert 'name="bearer"' not in asked.text
    assert [foreign.status_code, page.status_code, forged.status_code] == [403, 200, 403]
