"""The client: headers, tries, writes that are never repeated blindly, errors with a way on, and what it costs."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import ConstructionError, Invalid, RateLimited, Unavailable, Uncertain
from construction_mcp.core.trace import Trace, current_trace
from construction_mcp.procore.budget import current_account
from construction_mcp.procore.client import Request
from construction_mcp.procore.limiter import Priority
from construction_mcp.procore.oauth import TokenPair
from construction_mcp.procore.webhooks import read_event
from tests.procore.desk import ACCOUNT, SERVICE, build_desk, in_process
from tests.procore.drive import run_on, settle
from tests.procore.scripted import Say, ScriptedProcore
from tests.procore.test_limiter import Upstream

pytestmark = pytest.mark.anyio

RFIS = "/rest/v1.0/projects/7/rfis"
CREATE = Request(SERVICE, "POST", RFIS, body={"rfi": {"subject": "Slab edge"}})


@pytest.fixture
def account(desk):
    """What one call may spend, as dispatch binds it."""

    def bind(**what):
        account = desk.usage.new_account(**what)
        current_account.set(account)
        return account

    token = current_account.set(None)
    yield bind
    current_account.reset(token)


async def result_of(clock, coroutine):
    """The answer or error of one call, the clock moved as far as it needs."""
    (result,) = await run_on(clock, coroutine)
    return result


async def test_every_call_carries_token_company_and_type(desk, procore):
    await desk.client.write(CREATE)

    call = procore.calls[0]
    assert call.headers["authorization"] == "Bearer access-1"
    assert call.headers["procore-company-id"] == "1"
    assert call.headers["content-type"] == "application/json"
    assert call.body == b'{"rfi": {"subject": "Slab edge"}}'


async def test_filters_are_written_as_procore_reads_them(desk, procore):
    await desk.client.get(SERVICE, RFIS, {"filters": {"status": ["open", "draft"], "id": None}, "sort": {"a": "b"}})

    assert procore.calls[0].query == {"filters[status][]": ["open", "draft"], "sort[a]": ["b"]}


COMPANY_CASES = {
    "given": ("/rest/v1.0/projects/7", {}, 5, "5"),
    "of the connection": ("/rest/v1.0/projects/7", {}, None, "1"),
    "of the path": ("/rest/v1.0/companies/9/users", {}, None, "9"),
    "of the query": ("/rest/v1.1/projects", {"company_id": 8}, None, "8"),
    "me of a user": ("/rest/v1.0/me", {}, None, None),
    "companies of a user": ("/rest/v1.0/companies", {}, None, None),
    "me with a company": ("/rest/v1.0/me", {"company_id": 3}, None, "3"),
}


@pytest.mark.parametrize("case", COMPANY_CASES.values(), ids=COMPANY_CASES.keys())
async def test_the_company_header_follows_the_rules(desk, procore, clock, case):
    """Procore "Multiple Procore Zones": on every call but two, and on those for service accounts."""
    path, query, company, header = case
    procore.good_tokens["user"] = clock.now().timestamp() + 5400
    await desk.tokens.adopt(ACCOUNT, TokenPair("user", clock.now() + timedelta(hours=1), "r"))

    await desk.client.get(ACCOUNT, path, query, company=company)

    assert procore.calls[0].headers.get("procore-company-id") == header


async def test_a_service_account_names_its_company_even_for_me(desk, procore):
    await desk.client.get(SERVICE, "/rest/v1.0/me")

    assert procore.calls[0].headers["procore-company-id"] == "1"


async def test_two_different_companies_in_one_request_are_refused(desk, procore):
    with pytest.raises(Invalid):
        await desk.client.get(SERVICE, "/rest/v1.0/companies/9/users", company=5)

    assert procore.calls == []


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "rfis", "/oauth/token", "/rest/v1.0", "/rest/v1.0/", "/rest/v1.0/../../oauth/token",
        "/rest/v1.0/projects/%2e%2e/x", "/rest/v1.0/projects//rfis", "/rest/v1.0/rfis?x=1", "/rest/v1.0/rfis#x",
        "//evil.test/rest/v1.0/x", "https://evil.test/rest/v1.0/x", "/rest/v1.0/a b", "/rest/v1.0/a\r\nX: y",
        "/rest/v1.0/\u2024\u2024/x", "/rest/v1.0/a\\b", "/rest/v1.0/" + "a/" * 600, "/rest/v1.0/x@evil.test",
        "/REST/v1.0/x", "/rest/v1.0/./x", "/rest/v1.0/;x", "/rest/vx.y/x", "/_sim/faults",
    ],
)  # fmt: skip
async def test_nothing_but_a_rest_path_is_sent(desk, procore, path):
    with pytest.raises(Invalid):
        await desk.client.get(SERVICE, path)

    assert (procore.calls, procore.grants) == ([], [])


ERRORS = {
    "not found": (404, {"message": "x"}, "PROCORE_NOT_FOUND", "check_procore_connection"),
    "gone": (410, {}, "PROCORE_NOT_FOUND", "check_procore_connection"),
    "forbidden": (403, {"error": {"code": "FORBIDDEN"}}, "PROCORE_FORBIDDEN", "check_procore_connection"),
    "not installed": (403, {"errors": ["App is not connected to this company."]}, "PROCORE_APP_NOT_CONNECTED", None),
    "values": (422, {"errors": {"assignees": ["required"]}}, "PROCORE_INVALID", None),
    "bad request": (400, {"message": "bad"}, "PROCORE_INVALID", None),
    "not acceptable": (406, {}, "PROCORE_INVALID", None),
    "conflict": (409, {"errors": {"base": ["exists"]}}, "PROCORE_CONFLICT", None),
    "workflow conflict": (
        422,
        {"error": {"code": "X", "details": [{"reason_code": "WORKFLOW_CONFLICT"}]}},
        "PROCORE_CONFLICT",
        None,
    ),
    "teapot": (418, {}, "PROCORE_BAD_ANSWER", None),
    "redirected write": (307, {}, "PROCORE_BAD_ANSWER", None),
}


@pytest.mark.parametrize("case", ERRORS.values(), ids=ERRORS.keys())
async def test_a_refusal_says_what_it_means_and_what_to_do_and_is_asked_once(desk, procore, clock, case):
    status, body, code, tool = case
    procore.routes["POST", RFIS] = Say(status, body)

    error = await result_of(clock, desk.client.write(CREATE))

    assert isinstance(error, ConstructionError)
    assert (error.code, error.retryable) == (code, False)
    assert (error.next_call.tool if error.next_call else None) == tool
    assert len(procore.calls) == 1


async def test_what_procore_says_about_the_values_reaches_the_caller(desk, procore, clock):
    procore.routes["POST", RFIS] = Say(422, {"errors": {"assignees": ["required"], "base": ["locked"]}})

    error = await result_of(clock, desk.client.write(CREATE))

    assert error.details["procore_says"] == ["assignees: required", "locked"]


PASSING = {
    "overloaded": Say(503, {}, {"retry-after": "2"}),
    "overloaded until": Say(503, {}, {"retry-after": "Mon, 02 Mar 2026 15:00:02 GMT"}),
    "down": Say(503, {}),
    "error": Say(500, {"message": "oops"}),
    "gateway": Say(502, b"<html>"),
    "gateway time-out": Say(504, b""),
    "slow query": Say(408, {}),
    "rate": Say(429, {}, {"retry-after": "2"}),
    "rate without a word": Say(429, {}),
    "login page": Say(200, b"<html>sign in</html>", {"content-type": "text/html"}),
    "cut off": Say(200, b'[{"id": 1'),
}


@pytest.mark.parametrize("trouble", PASSING.values(), ids=PASSING.keys())
async def test_a_read_survives_two_passing_troubles(desk, procore, clock, trouble):
    procore.next_answers.extend([trouble, trouble])

    answer = await result_of(clock, desk.client.get(SERVICE, RFIS))

    assert answer.status == 200
    assert len(procore.calls) == 3


@pytest.mark.parametrize("trouble", PASSING.values(), ids=PASSING.keys())
async def test_a_read_gives_up_after_three_tries_inside_its_deadline(desk, procore, clock, trouble):
    procore.routes["GET", RFIS] = trouble

    error = await result_of(clock, desk.client.get(SERVICE, RFIS))

    assert error.retryable
    assert len(procore.calls) == 3
    assert clock.monotonic() < desk.limits.procore_deadline_s


REFUSED = {name: PASSING[name] for name in ("overloaded", "overloaded until", "rate", "rate without a word")}
HIDDEN = {name: trouble for name, trouble in PASSING.items() if name not in REFUSED}


@pytest.mark.parametrize("trouble", HIDDEN.values(), ids=HIDDEN.keys())
async def test_a_write_whose_outcome_is_hidden_is_sent_once_and_is_uncertain(desk, procore, clock, trouble):
    procore.next_answers.append(trouble)

    error = await result_of(clock, desk.client.write(CREATE))

    assert isinstance(error, Uncertain)
    assert (error.code, error.retryable) == ("PROCORE_OUTCOME_UNKNOWN", False)
    assert len(procore.calls) == 1


@pytest.mark.parametrize("trouble", REFUSED.values(), ids=REFUSED.keys())
async def test_a_write_that_procore_turned_away_is_sent_again(desk, procore, clock, trouble):
    procore.next_answers.append(trouble)

    answer = await result_of(clock, desk.client.write(CREATE))

    assert answer.status == 200
    assert len(procore.calls) == 2
    assert clock.monotonic() >= 2


async def test_a_write_that_may_be_done_twice_is_repeated(desk, procore, clock):
    procore.next_answers.append(Say(500))
    again = Request(SERVICE, "PATCH", f"{RFIS}/3", body={"rfi": {"subject": "x"}}, repeatable=True)

    answer = await result_of(clock, desk.client.write(again))

    assert (answer.status, len(procore.calls)) == (200, 2)


async def test_a_retry_after_beyond_the_deadline_is_told_and_not_waited_for(desk, procore, clock):
    procore.routes["GET", RFIS] = Say(429, {}, {"retry-after": "1000000000"})

    error = await result_of(clock, desk.client.get(SERVICE, RFIS))

    assert isinstance(error, RateLimited)
    assert error.retry_after_s == 3600
    assert (len(procore.calls), clock.monotonic()) == (1, 0)


async def test_the_later_of_retry_after_and_reset_counts(desk, procore, clock):
    reset = str(int(clock.now().timestamp()) + 9)
    told = {"x-rate-limit-limit": "25", "x-rate-limit-remaining": "0", "x-rate-limit-reset": reset}
    procore.next_answers.append(Say(429, {}, {**told, "retry-after": "3"}))

    await result_of(clock, desk.client.get(SERVICE, RFIS))

    assert clock.monotonic() >= 9


async def test_a_failing_gateway_that_names_a_time_is_left_alone_so_long(desk, procore, clock):
    procore.next_answers.append(Say(502, {}, {"retry-after": "6"}))

    await result_of(clock, desk.client.get(SERVICE, RFIS))

    assert clock.monotonic() == pytest.approx(6)


async def test_a_refusal_holds_the_others_too(desk, procore, clock):
    """One 429 is everybody's: the rest wait instead of collecting their own."""
    procore.next_answers.append(Say(429, {}, {"retry-after": "5"}))
    first = asyncio.ensure_future(desk.client.get(SERVICE, RFIS))
    await settle()

    other = asyncio.ensure_future(desk.client.get(SERVICE, "/rest/v1.0/projects/8/rfis"))
    await settle()

    assert len(procore.calls) == 1
    await run_on(clock, asyncio.wait({first, other}))
    assert len(procore.calls) == 3


async def test_a_host_that_keeps_failing_is_left_alone_and_found_again(desk, procore, clock):
    procore.routes["GET", RFIS] = Say(500)
    errors = [await result_of(clock, desk.client.get(SERVICE, RFIS)) for _ in range(3)]
    asked = len(procore.calls)
    procore.routes.clear()

    resting = await result_of(clock, desk.client.get(SERVICE, RFIS))
    clock.advance(31)
    answer = await result_of(clock, desk.client.get(SERVICE, RFIS))

    assert errors[0].code == "PROCORE_UNAVAILABLE"
    assert asked == 5
    assert (resting.code, resting.retry_after_s > 0) == ("PROCORE_UNAVAILABLE", True)
    assert answer.status == 200


async def test_a_hundred_identical_reads_at_once_cost_one_request(desk, procore):
    answers = await asyncio.gather(*(desk.client.get(SERVICE, RFIS, {"page": 1}) for _ in range(100)))

    assert len(procore.calls) == 1
    assert len({id(answer) for answer in answers}) == 1


async def test_a_person_does_not_wait_for_the_same_read_queued_as_background_work(desk, procore, clock, account):
    account(priority=Priority.BACKGROUND)
    filler = [desk.client.get(SERVICE, f"/rest/v1.0/projects/{n}/rfis") for n in range(20)]
    await run_on(clock, *filler)
    queued = asyncio.ensure_future(desk.client.get(SERVICE, RFIS))
    await settle()
    account(priority=Priority.INTERACTIVE)

    answer = await desk.client.get(SERVICE, RFIS)

    assert answer.status == 200
    assert not queued.done()
    queued.cancel()


async def test_our_own_write_makes_the_next_read_fresh(desk, procore):
    for _ in range(2):
        await desk.client.get(SERVICE, RFIS, ttl_s=300)
    await desk.client.get(SERVICE, "/rest/v1.0/projects/7/submittals", ttl_s=300)
    await desk.client.write(Request(SERVICE, "POST", f"{RFIS}/3/replies", body={"reply": {}}))

    await desk.client.get(SERVICE, RFIS, ttl_s=300)
    await desk.client.get(SERVICE, "/rest/v1.0/projects/7/submittals", ttl_s=300)

    assert [call.path for call in procore.calls].count(RFIS) == 2
    assert len(procore.calls) == 4


async def test_a_write_whose_outcome_is_unknown_makes_the_next_read_fresh_too(desk, procore, clock):
    await desk.client.get(SERVICE, RFIS, ttl_s=300)
    procore.next_answers.append(Say(500))
    await result_of(clock, desk.client.write(CREATE))

    await desk.client.get(SERVICE, RFIS, ttl_s=300)

    assert len(procore.calls) == 3


async def test_a_delivery_makes_the_next_read_fresh(desk, procore):
    await desk.client.get(SERVICE, RFIS, ttl_s=300)
    event = read_event(
        {"id": "01J", "resource_type": "RFIs", "reason": "update", "project_id": "7", "resource_id": "3"}
    )

    desk.cache.invalidate(*event.tags)
    await desk.client.get(SERVICE, RFIS, ttl_s=300)

    assert len(procore.calls) == 2


async def test_a_fresh_read_asks_procore_whatever_is_kept(desk, procore):
    await desk.client.get(SERVICE, RFIS, ttl_s=300)

    await desk.client.get(SERVICE, RFIS, fresh=True)

    assert len(procore.calls) == 2
    assert desk.cache.counts.bypass == 1


async def test_the_trace_tells_requests_and_cache(desk):
    token = current_trace.set(Trace())
    try:
        await desk.client.get(SERVICE, RFIS, ttl_s=60)
        cold = current_trace.get().public()
        current_trace.set(Trace())
        await desk.client.get(SERVICE, RFIS, ttl_s=60)
        warm = current_trace.get().public()
    finally:
        current_trace.reset(token)

    assert (cold["cache"], cold["upstream_requests"]) == ("miss", 1)
    assert cold["upstream_ms"] > 0
    assert (warm["cache"], warm["upstream_requests"], warm["db_queries"]) == ("hit", 0, 0)


async def test_a_call_has_a_budget_and_nothing_is_sent_beyond_it(procore, clock):
    desk = build_desk(clock, in_process(procore), limits=Limits(requests_per_call=3))
    token = current_account.set(desk.usage.new_account(session="s1", execution="ex_1"))
    try:
        for number in range(3):
            await desk.client.get(SERVICE, f"/rest/v1.0/projects/{number}/rfis")
        with pytest.raises(Invalid) as caught:
            await desk.client.get(SERVICE, "/rest/v1.0/projects/9/rfis")
    finally:
        current_account.reset(token)

    assert caught.value.code == "PROCORE_BUDGET_SPENT"
    assert len(procore.calls) == 3
    assert (desk.usage.of_session("s1"), desk.usage.of_execution("ex_1")) == (3, 3)
    assert desk.usage.of_day(clock.now().date()) == {("conn_2", 1): 3}


async def test_a_session_has_a_budget_over_its_calls(procore, clock):
    desk = build_desk(clock, in_process(procore), limits=Limits(requests_per_session=2))
    codes = []
    token = current_account.set(None)
    try:
        for number in range(3):
            current_account.set(desk.usage.new_account(session="s1"))
            try:
                await desk.client.get(SERVICE, f"/rest/v1.0/projects/{number}/rfis")
            except Invalid as refused:
                codes.append(refused.code)
    finally:
        current_account.reset(token)

    assert codes == ["PROCORE_BUDGET_SPENT"]


async def test_a_sessions_budget_is_of_one_day(procore, clock):
    """A person's session on a long-running server never ends by itself."""
    desk = build_desk(clock, in_process(procore), limits=Limits(requests_per_session=1))
    token = current_account.set(desk.usage.new_account(session="s1"))
    try:
        await desk.client.get(SERVICE, RFIS)
        clock.advance(86_400)
        answer = await desk.client.get(SERVICE, RFIS)
    finally:
        current_account.reset(token)

    assert answer.status == 200


async def test_days_are_counted_apart_and_only_so_many_are_kept(procore, clock):
    desk = build_desk(clock, in_process(procore), limits=Limits(usage_days_kept=2))
    days = []
    for number in range(4):
        days.append(clock.now().date())
        await desk.client.get(SERVICE, f"/rest/v1.0/projects/{number}/rfis")
        clock.advance(86_400)

    assert [sum(desk.usage.of_day(day).values()) for day in days] == [0, 0, 1, 1]


async def test_a_hundred_callers_reading_two_thousand_records_meet_no_429():
    """The real windows, both sides on one clock, through tokens, cache and client; callers repeat when told to wait."""
    clock = ManualClock()
    procore = ScriptedProcore(clock)
    procore.windows = Upstream(clock)
    desk = build_desk(clock, in_process(procore))
    background = desk.usage.new_account(priority=Priority.BACKGROUND)
    background.left = 10_000

    async def caller(number):
        current_account.set(background)
        answered = 0
        for turn in range(20):
            while True:
                try:
                    await desk.client.get(SERVICE, f"/rest/v1.0/projects/{number}/rfis/{turn}", ttl_s=60)
                except RateLimited as refused:
                    await clock.sleep(refused.retry_after_s)
                else:
                    answered += 1
                    break
        return answered

    results = await run_on(clock, *(caller(number) for number in range(100)))

    assert results == [20] * 100
    assert procore.windows.statuses == {200: 2000}


async def test_an_upstream_error_body_never_reaches_the_caller(desk, procore, clock):
    procore.routes["GET", RFIS] = Say(500, b"Traceback (most recent call last): /srv/procore secret=canary")

    error = await result_of(clock, desk.client.get(SERVICE, RFIS))

    assert "canary" not in repr(error.public())


async def test_a_date_in_retry_after_is_honoured(desk, procore, clock):
    until = format_datetime(datetime(2026, 3, 2, 15, 0, 7, tzinfo=UTC), usegmt=True)
    procore.next_answers.append(Say(503, {}, {"retry-after": until}))

    await result_of(clock, desk.client.get(SERVICE, RFIS))

    assert clock.monotonic() == pytest.approx(7)


async def test_an_application_that_fails_inside_is_unavailable(clock):
    async def broken(_scope, _receive, _send):
        raise RuntimeError

    desk = build_desk(clock, in_process(broken))

    error = await result_of(clock, desk.client.get(SERVICE, RFIS))

    assert isinstance(error, Unavailable)


async def test_no_secret_is_logged_at_debug(desk, procore, clock, caplog):
    """Not by us and not by the HTTP libraries, on success, refusal, renewal or failure."""
    caplog.set_level("DEBUG")
    procore.refresh_tokens.add("refresh-canary")
    procore.next_answers.extend([Say(401, {}), Say(503, {}, {"retry-after": "1"})])
    pair = TokenPair("access-canary", clock.now() + timedelta(hours=1), "refresh-canary")
    await desk.tokens.adopt(ACCOUNT, pair)
    await result_of(clock, desk.client.get(ACCOUNT, RFIS))
    procore.routes["GET", RFIS] = Say(404, {"message": "body-canary"})
    await result_of(clock, desk.client.get(ACCOUNT, RFIS))
    await desk.tokens.disconnect(ACCOUNT)

    logged = caplog.text + repr([record.__dict__ for record in caplog.records])
    assert "procore request failed" in logged
    for secret in ("canary", "app-secret", "access-1", "refresh-1", "Bearer"):
        assert secret not in logged
