"""Tokens: cached, refreshed once for everybody, stored before use, and clear when only a person can help."""

import asyncio
from datetime import timedelta

import pytest

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Invalid, NeedsLogin, Unavailable
from construction_mcp.procore.oauth import TokenPair
from tests.procore.desk import ACCOUNT, SERVICE, build_desk, in_process
from tests.procore.drive import run_on, settle
from tests.procore.scripted import Say

pytestmark = pytest.mark.anyio


@pytest.fixture
async def connected(desk, procore, clock):
    """An account whose access token lives its usual 90 minutes."""
    procore.refresh_tokens.add("refresh-0")
    procore.good_tokens["access-0"] = clock.now().timestamp() + 5400
    pair = TokenPair("access-0", clock.now() + timedelta(seconds=5400), "refresh-0")
    await desk.tokens.adopt(ACCOUNT, pair)
    return pair


def refreshes(procore):
    return [grant for grant in procore.grants if grant["grant_type"] == "refresh_token"]


async def test_a_cached_token_costs_no_load_and_no_request(desk, procore, connected):
    for _ in range(50):
        assert await desk.tokens.access_token(ACCOUNT) == "access-0"

    assert (desk.store.loads, procore.grants) == (0, [])


async def test_the_cache_forgets_after_five_minutes(desk, clock, connected):
    await desk.tokens.access_token(ACCOUNT)
    clock.advance(301)
    await desk.tokens.access_token(ACCOUNT)

    assert desk.store.loads == 1


async def test_fifty_calls_with_an_expired_token_make_one_refresh(desk, procore, clock, connected):
    clock.advance(5401)

    tokens = await asyncio.gather(*(desk.tokens.access_token(ACCOUNT) for _ in range(50)))

    assert set(tokens) == {"access-1"}
    assert len(refreshes(procore)) == 1
    assert desk.store.kept[ACCOUNT.id].refresh_token == "refresh-1"


async def test_fifty_concurrent_401s_make_one_refresh_and_every_call_succeeds(desk, procore, clock, connected):
    """Procore ended the token early: nobody could know before asking."""
    procore.good_tokens.clear()
    roomy = build_desk(clock, in_process(procore), store=desk.store, limits=Limits(spike_requests=100))

    calls = (roomy.client.get(ACCOUNT, f"/rest/v1.0/projects/{n}/rfis") for n in range(50))
    results = await run_on(clock, *calls)

    assert [result.status for result in results] == [200] * 50
    assert len(procore.calls) == 100
    assert len(refreshes(procore)) == 1


async def test_a_token_is_refreshed_before_it_ends(desk, procore, clock, connected):
    clock.advance(5400 - 60)

    assert await desk.tokens.access_token(ACCOUNT) == "access-1"


async def test_a_refresh_ahead_of_time_that_fails_leaves_the_token_in_use(desk, procore, clock, connected):
    clock.advance(5400 - 60)
    procore.next_grants.append(Say(503, {}))

    assert await desk.tokens.access_token(ACCOUNT) == "access-0"


async def test_the_new_pair_is_durable_before_anybody_uses_it(desk, procore, clock, connected):
    clock.advance(5401)
    saving, saved = asyncio.Event(), asyncio.Event()

    async def hold():
        saving.set()
        await saved.wait()

    desk.store.before_save = hold
    call = asyncio.ensure_future(desk.tokens.access_token(ACCOUNT))
    await saving.wait()
    await settle()

    assert not call.done()
    saved.set()
    assert await call == "access-1"


async def test_a_pair_that_could_not_be_stored_is_stored_before_the_next_use(desk, procore, clock, connected):
    """The old refresh token is spent: losing the new one would end the connection."""
    clock.advance(5401)
    desk.store.failure = Unavailable("The disk is full.", code="SYSTEM_STORAGE_FULL")
    with pytest.raises(Unavailable):
        await desk.tokens.access_token(ACCOUNT)
    desk.store.failure = None

    assert await desk.tokens.access_token(ACCOUNT) == "access-1"
    assert desk.store.kept[ACCOUNT.id].access_token == "access-1"
    assert len(refreshes(procore)) == 1


async def test_a_kill_between_refresh_and_commit_ends_in_reconnect_without_a_loop(desk, procore, clock, connected):
    """The new process holds the old pair, whose refresh token is spent."""
    clock.advance(5401)
    never = asyncio.Event()
    desk.store.before_save = never.wait
    killed = asyncio.ensure_future(desk.tokens.access_token(ACCOUNT))
    await settle()
    assert len(refreshes(procore)) == 1
    await desk.tokens._flights.aclose()
    with pytest.raises(Unavailable):
        await killed

    desk.store.before_save = None
    reborn = build_desk(clock, in_process(procore), store=desk.store)
    codes = []
    for _ in range(5):
        with pytest.raises(NeedsLogin) as caught:
            await reborn.client.get(ACCOUNT, "/rest/v1.0/me")
        codes.append((caught.value.code, caught.value.next_call.tool))

    assert codes == [("AUTH_RECONNECT", "connect_procore")] * 5
    assert len(refreshes(procore)) == 2
    assert procore.calls == []


async def test_connecting_again_ends_the_reconnect(desk, procore, clock, connected):
    clock.advance(5401)
    procore.refresh_tokens.clear()
    with pytest.raises(NeedsLogin):
        await desk.tokens.access_token(ACCOUNT)

    await desk.tokens.adopt(ACCOUNT, TokenPair("new", clock.now() + timedelta(hours=1), "refresh-new"))

    assert await desk.tokens.access_token(ACCOUNT) == "new"


async def test_a_caller_that_leaves_does_not_stop_the_refresh(desk, procore, clock, connected):
    """Half a refresh would spend the token for nothing."""
    clock.advance(5401)
    asked, go, seen = asyncio.Event(), asyncio.Event(), []

    async def hold(call):
        if call.path == "/oauth/token":
            seen.append(call)
            asked.set()
            await go.wait()

    procore.before = hold
    caller = asyncio.ensure_future(desk.tokens.access_token(ACCOUNT))
    await asked.wait()
    caller.cancel()
    await asyncio.wait({caller})
    go.set()

    assert await desk.tokens.access_token(ACCOUNT) == "access-1"
    assert len(seen) == 1


async def test_a_refresh_that_was_sent_is_never_repeated(desk, procore, clock, connected):
    clock.advance(5401)
    procore.next_grants.extend([Say(503, {}, {"retry-after": "1"}), Say(200, b"<html>")])

    codes = []
    for _ in range(2):
        with pytest.raises(Unavailable) as caught:
            await desk.tokens.access_token(ACCOUNT)
        codes.append(caught.value.code)

    assert codes == ["PROCORE_UNAVAILABLE"] * 2
    assert len(refreshes(procore)) == 2


async def test_a_token_that_stays_refused_after_its_renewal_is_not_renewed_for_every_call(
    desk, procore, clock, connected
):
    """An app that is not installed answers 401 too."""
    procore.routes["GET", "/rest/v1.0/projects/7/rfis"] = Say(401, {"message": "no"})

    async def call():
        return await desk.client.get(ACCOUNT, "/rest/v1.0/projects/7/rfis")

    for _ in range(4):
        (error,) = await run_on(clock, call())
        assert error.code == "AUTH_RECONNECT"

    assert len(refreshes(procore)) == 1
    assert len(procore.calls) == 2 + 3


async def test_an_account_that_was_never_connected_says_so(desk):
    with pytest.raises(NeedsLogin) as caught:
        await desk.tokens.access_token(ACCOUNT)

    assert (caught.value.code, caught.value.next_call.tool) == ("PROCORE_NOT_CONNECTED", "connect_procore")


async def test_a_service_account_gets_its_own_token_and_another_after_its_end(desk, procore, clock):
    first = await asyncio.gather(*(desk.tokens.access_token(SERVICE) for _ in range(20)))
    clock.advance(4000)
    same = await desk.tokens.access_token(SERVICE)
    clock.advance(1401)

    assert (set(first), same, await desk.tokens.access_token(SERVICE)) == ({"access-1"}, "access-1", "access-2")
    assert desk.store.kept == {}


async def test_wrong_app_credentials_are_named_and_the_upstream_text_is_not_shown(desk, procore):
    procore.next_grants.append(Say(401, {"error": "invalid_client", "error_description": "PRIVATE UPSTREAM TEXT"}))

    with pytest.raises(Invalid) as caught:
        await desk.tokens.access_token(SERVICE)

    assert caught.value.code == "PROCORE_CREDENTIALS"
    assert "PRIVATE" not in repr(caught.value.public())


async def test_disconnecting_revokes_and_keeps_nothing(desk, procore, connected):
    assert await desk.tokens.disconnect(ACCOUNT)

    assert procore.revoked == ["access-0"]
    assert desk.store.kept == {}
    with pytest.raises(NeedsLogin):
        await desk.tokens.access_token(ACCOUNT)


async def refresh_held(desk, procore, clock):
    """A refresh that Procore has answered and that is being stored; call the result to let it go on."""
    clock.advance(5401)
    go = asyncio.Event()
    desk.store.before_save = go.wait
    caller = asyncio.ensure_future(desk.tokens.access_token(ACCOUNT))
    await settle()
    desk.store.before_save = None
    assert len(refreshes(procore)) == 1
    return caller, go.set


async def test_disconnecting_during_a_refresh_revokes_the_pair_it_brings(desk, procore, clock, connected):
    caller, go_on = await refresh_held(desk, procore, clock)
    leaving = asyncio.ensure_future(desk.tokens.disconnect(ACCOUNT))
    await settle()
    go_on()

    assert await leaving
    await caller
    assert procore.revoked == ["access-1"]
    assert desk.store.kept == {}


async def test_connecting_again_during_a_refresh_keeps_the_new_pair(desk, procore, clock, connected):
    caller, go_on = await refresh_held(desk, procore, clock)
    new = TokenPair("new", clock.now() + timedelta(hours=1), "refresh-new")
    adopting = asyncio.ensure_future(desk.tokens.adopt(ACCOUNT, new))
    await settle()
    go_on()
    await asyncio.gather(adopting, caller)

    assert desk.store.kept[ACCOUNT.id] == new
    assert await desk.tokens.access_token(ACCOUNT) == "new"


async def test_closing_lets_a_refresh_store_its_pair(desk, procore, clock, connected):
    caller, go_on = await refresh_held(desk, procore, clock)
    closing = asyncio.ensure_future(desk.tokens.aclose())
    await settle()
    go_on()
    await closing

    assert desk.store.kept[ACCOUNT.id].access_token == "access-1"
    assert await caller == "access-1"


async def test_disconnecting_without_an_answer_keeps_nothing_and_says_it_was_not_confirmed(clock):
    async def down(_scope, _receive, _send):
        raise OSError

    desk = build_desk(clock, in_process(down))
    await desk.tokens.adopt(ACCOUNT, TokenPair("access-0", clock.now() + timedelta(hours=1), "refresh-0"))
    (confirmed,) = await run_on(clock, desk.tokens.disconnect(ACCOUNT))

    assert confirmed is False
    assert desk.store.kept == {}


def test_no_secret_is_in_a_repr():
    pair = TokenPair("canary-access", None, "canary-refresh")

    assert "canary" not in repr(pair)
    assert "app-secret" not in repr(ACCOUNT)
