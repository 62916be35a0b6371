"""Signing in: single-use states, one browser, ten minutes."""

from urllib.parse import parse_qs, urlsplit

import pytest

from construction_mcp.core.errors import NeedsLogin, NotPermitted
from construction_mcp.procore.authorize import Request
from construction_mcp.procore.oauth import OUT_OF_BAND
from tests.procore.desk import APP, SIMULATED

pytestmark = pytest.mark.anyio

CALLBACK = "http://localhost:8765/oauth/callback"
REQUEST = Request("local:1000", SIMULATED, APP, CALLBACK, company_id=1)


def open_browser(desk):
    """A person follows the link: the state in Procore's address and the cookie in this browser."""
    opened = desk.authorizations.open(desk.authorizations.begin(REQUEST))
    return parse_qs(urlsplit(opened.url).query)["state"][0], opened.cookie


async def test_signing_in_gives_the_pair_to_whoever_asked(desk, procore):
    procore.codes.add("code-1")
    state, cookie = open_browser(desk)

    connected = await desk.authorizations.finish(state, cookie, "code-1")

    assert (connected.request, connected.pair.access_token) == (REQUEST, "access-1")
    assert procore.grants[0]["redirect_uri"] == CALLBACK


async def test_the_address_names_the_app_and_no_secret(desk):
    opened = desk.authorizations.open(desk.authorizations.begin(REQUEST))

    query = parse_qs(urlsplit(opened.url).query)
    assert urlsplit(opened.url).path == "/oauth/authorize"
    assert query["response_type"] == ["code"]
    assert query["client_id"] == ["app-id"]
    assert query["redirect_uri"] == [CALLBACK]
    assert "app-secret" not in opened.url


@pytest.mark.parametrize("case", ["missing", "forged", "expired", "reused", "other browser", "no browser", "no code"])
async def test_a_state_that_is_not_right_brings_no_token_and_no_request(desk, procore, clock, case):
    procore.codes.update({"code-1", "code-2"})
    state, cookie = open_browser(desk)
    _, other_cookie = open_browser(desk)
    if case == "reused":
        await desk.authorizations.finish(state, cookie, "code-2")
    if case == "expired":
        clock.advance(601)
    given = {
        "missing": ("", cookie, "code-1"),
        "forged": ("A" * 43, cookie, "code-1"),
        "other browser": (state, other_cookie, "code-1"),
        "no browser": (state, None, "code-1"),
        "no code": (state, cookie, ""),
    }.get(case, (state, cookie, "code-1"))
    before = len(procore.grants)

    with pytest.raises(NotPermitted) as caught:
        await desk.authorizations.finish(*given)

    assert caught.value.code == "AUTH_STATE_INVALID"
    assert len(procore.grants) == before


async def test_a_state_tried_from_another_browser_is_spent(desk, procore):
    """Whoever stole it cannot leave it to its owner, and its owner finds out."""
    procore.codes.add("code-1")
    state, cookie = open_browser(desk)
    with pytest.raises(NotPermitted):
        await desk.authorizations.finish(state, "stolen", "code-1")

    with pytest.raises(NotPermitted):
        await desk.authorizations.finish(state, cookie, "code-1")
    assert procore.grants == []


async def test_a_ticket_opens_one_browser_only(desk):
    ticket = desk.authorizations.begin(REQUEST)
    desk.authorizations.open(ticket)

    with pytest.raises(NotPermitted):
        desk.authorizations.open(ticket)


async def test_a_code_procore_does_not_know_asks_to_connect_again_without_its_words(desk):
    state, cookie = open_browser(desk)

    with pytest.raises(NeedsLogin) as caught:
        await desk.authorizations.finish(state, cookie, "wrong")

    assert caught.value.code == "AUTH_RECONNECT"
    assert "PRIVATE" not in repr(caught.value.public())


async def test_a_copied_code_works_once_for_the_principal_that_began(desk, procore):
    procore.codes.update({"code-1", "code-2"})
    url = desk.authorizations.begin_out_of_band(REQUEST)
    with pytest.raises(NotPermitted):
        await desk.authorizations.finish_out_of_band("local:2000", "code-1")

    connected = await desk.authorizations.finish_out_of_band("local:1000", "code-1")

    assert parse_qs(urlsplit(url).query)["redirect_uri"] == [OUT_OF_BAND]
    assert connected.pair.refresh_token == "refresh-1"
    assert procore.grants[0]["redirect_uri"] == OUT_OF_BAND
    with pytest.raises(NotPermitted):
        await desk.authorizations.finish_out_of_band("local:1000", "code-2")


async def test_the_tables_of_open_sign_ins_are_bounded(desk):
    for _ in range(desk.limits.oauth_states_max + 50):
        open_browser(desk)

    assert len(desk.authorizations._states) == desk.limits.oauth_states_max
