"""What is posted starts a workflow once, and only when the record itself, read again, is there to start it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from construction_mcp.core.clock import ManualClock
from construction_mcp.core.errors import NotFound, Unavailable
from construction_mcp.core.keys import KeyRing
from construction_mcp.engine.admission import Admission
from construction_mcp.expressions.cel import CelEngine
from construction_mcp.notify.signing import read_stamp, require_signed
from construction_mcp.server.deliveries import delivery_routes
from construction_mcp.store.connections import Connections
from construction_mcp.store.hooks import Hooks
from construction_mcp.store.starts import Startable
from construction_mcp.store.versions import ByHook
from tests.engine.yard import COMPANY, OWNER, PROJECT, Yard, yard_at

pytestmark = pytest.mark.anyio

RFIS = {"type": "webhook", "source": "procore", "resources": ["RFIs"], "events": ["create", "update"]}
CUSTOM = {"type": "webhook", "source": "custom"}
REPLAYS = 1000


class Shelf:
    """The records that Procore has for the workflow's account; `is_down` while it does not answer."""

    def __init__(self) -> None:
        self.records: dict[Any, Any] = {42: {"id": 42, "subject": "Slab edge", "updated_at": "2026-03-02T14:00:00Z"}}
        self.is_down = False
        self.reads = 0

    async def read(self, _active: Startable, event: Mapping[str, Any]) -> Any:
        self.reads += 1
        if self.is_down:
            raise Unavailable("Procore does not answer.", code="PROCORE_UNAVAILABLE")
        if event["resource_id"] not in self.records:
            raise NotFound("Not there.", code="PROCORE_NOT_FOUND")
        return self.records[event["resource_id"]]


class Post:
    """A yard with a hook, a way to post to it, and an inbox that looks when it is told to."""

    def __init__(self, yard: Yard, http: httpx.AsyncClient, shelf: Shelf) -> None:
        self.yard, self.http, self.shelf = yard, http, shelf

    async def open(self) -> "Post":
        get = self.yard.house.services.get
        self.hooks = await get(Hooks)
        limits = self.yard.house.settings.limits
        self.yard.house.services.ready[Admission] = Admission(
            self.shelf, await get(CelEngine), await get(Connections), self.yard.clock, limits
        )
        self.inbox = await self.yard.house._inbox(self.yard.engine)
        return self

    async def procore(self, trigger: Mapping[str, Any] = RFIS, **named: Any) -> str:
        """An active workflow that Procore's deliveries start; its id. `hook_id` and `secret` are then its hook's."""
        workflow_id = await self.yard.active(trigger, **named)
        hook, self.secret = await self.hooks.add(
            environment="simulator",
            company_id=COMPANY,
            project_id=PROJECT,
            principal=OWNER,
            resource_names=["RFIs"],
            workflow_id=workflow_id,
        )
        self.hook_id = hook.id
        await self._make_live(workflow_id)
        return workflow_id

    async def custom(self, trigger: Mapping[str, Any] = CUSTOM) -> str:
        workflow_id = await self.yard.active(trigger)
        keys = await self.yard.house.services.get(KeyRing)
        self.hook_id, self.secret = await self.hooks.add_custom(workflow_id, "simulator", OWNER, keys)
        await self._make_live(workflow_id)
        return workflow_id

    async def _make_live(self, workflow_id: str) -> None:
        await self.yard.versions.switch(workflow_id, 1, ByHook(self.hook_id), principal=OWNER, action="resume")
        self.hooks.forget(workflow_id)

    async def post(self, event: Mapping[str, Any]) -> httpx.Response:
        bearer = {"authorization": f"Bearer {self.secret}"}
        return await self.http.post(f"/webhooks/{self.hook_id}", content=json.dumps(event), headers=bearer)

    async def signed(
        self, body: bytes, *, message_id: str = "msg_1", late_s: float = 0, **headers: str
    ) -> httpx.Response:
        import base64

        from construction_mcp.notify.signing import sign

        at = str(int(self.yard.clock.now().timestamp() - late_s))
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        given = {
            "webhook-id": message_id,
            "webhook-timestamp": at,
            "webhook-signature": sign(key, message_id, at, body),
        }
        return await self.http.post(f"/webhooks/{self.hook_id}", content=body, headers={**given, **headers})

    def executions(self) -> list[Any]:
        return self.yard.rows("SELECT id, key, trigger, depth FROM executions ORDER BY started_at, id")

    def outcomes(self) -> list[Any]:
        return self.yard.rows("SELECT outcome, reason FROM deliveries ORDER BY received_at, id")


@pytest.fixture
async def post(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Post]:
    async with yard_at(tmp_path, clock) as yard:
        app = Starlette(routes=delivery_routes(yard.house.services, yard.house.settings.limits))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://here") as http:
            yield await Post(yard, http, Shelf()).open()


def event(number: int = 1, **more: Any) -> dict[str, Any]:
    told = {"id": number, "ulid": f"01J{number:023}", "event_type": "update", "resource_name": "RFIs"}
    return {**told, "resource_id": 42, "project_id": PROJECT, "company_id": COMPANY, **more}


async def test_a_delivery_starts_its_workflow_with_the_record_as_it_was_read_again(post):
    await post.procore()
    answer = await post.post(event(subject="forged"))
    accepted_before_any_read = post.shelf.reads == 0
    await post.inbox.look()

    ((_, key, trigger, depth),) = post.executions()
    value = json.loads(trigger)
    assert (answer.status_code, accepted_before_any_read) == (202, True)
    assert key == f"event:{event()['ulid']}"
    assert (value["type"], value["event"]["resource_id"], value["record"]["subject"]) == ("webhook", 42, "Slab edge")
    assert (depth, post.outcomes()) == (0, [("started", None)])


async def test_a_thousand_replays_before_and_after_it_started_are_one_execution(post):
    """security.md S6; engine.md failure test 4."""
    await post.procore()
    await asyncio.gather(*(post.post(event()) for _ in range(REPLAYS // 2)))
    await post.inbox.look()
    post.yard.clock.advance(86_400)  # 24 hours late, and it has ended meanwhile
    post.yard.finish_all()
    answers = await asyncio.gather(*(post.post(event()) for _ in range(REPLAYS // 2)))
    await post.inbox.look()

    ((execution_id, *_),) = post.executions()
    assert {answer.json()["execution_id"] for answer in answers} == {execution_id}
    assert all(answer.json()["duplicate"] for answer in answers)


async def test_events_out_of_order_start_one_execution_each(post):
    await post.procore()
    for number in (3, 1, 2, 3, 1):
        await post.post(event(number))
    await post.inbox.look()

    assert sorted(row[1] for row in post.executions()) == [f"event:{event(n)['ulid']}" for n in (1, 2, 3)]


async def test_a_crash_between_the_202_and_the_decision_loses_nothing(tmp_path, clock, post):
    await post.procore()
    await post.post(event())
    again = await post.yard.house._inbox(post.yard.engine)

    await again.look()
    await post.inbox.look()

    assert len(post.executions()) == 1


async def test_while_procore_is_down_a_delivery_waits_and_is_decided_later(post):
    await post.procore()
    post.shelf.is_down = True
    await post.post(event())
    pause_s = await post.inbox.look()
    meanwhile = post.outcomes()
    post.shelf.is_down = False
    post.yard.clock.advance(pause_s)
    await post.inbox.look()

    assert meanwhile == [("accepted", None)]
    assert len(post.executions()) == 1


@pytest.mark.parametrize(
    ("told", "outcome"),
    [
        ({"resource_name": "Submittals"}, "filtered"),
        ({"event_type": "delete"}, "filtered"),
        ({"project_id": PROJECT + 1}, "filtered"),
        ({"resource_id": 43}, "ignored"),
    ],
)
async def test_what_the_trigger_does_not_mean_or_the_account_cannot_see_starts_nothing(post, told, outcome):
    await post.procore()
    await post.post(event(**told))
    await post.inbox.look()

    assert post.executions() == []
    assert [one for one, _ in post.outcomes()] == [outcome]


@pytest.mark.parametrize(
    ("text", "outcome"),
    [("event.user_id == 9", "started"), ("event.user_id == 8", "filtered"), ("event.user_id > 'x'", "failed")],
)
async def test_a_filter_lets_pass_what_it_is_true_for_and_an_error_is_never_true(post, text, outcome):
    await post.procore({**RFIS, "filter": text})
    await post.post(event(user_id=9))
    await post.inbox.look()

    assert [one for one, _ in post.outcomes()] == [outcome]
    assert len(post.executions()) == (outcome == "started")


@pytest.mark.parametrize(
    ("off", "outcome"),
    [(timedelta(days=2), "quarantined"), (timedelta(days=-40), "quarantined"), (timedelta(hours=-24), "started")],
)
async def test_an_event_dated_oddly_is_kept_aside_and_told_and_a_late_one_runs(post, off, outcome):
    await post.procore()
    answer = await post.post(event(timestamp=(post.yard.clock.now() + off).isoformat()))
    await post.inbox.look()

    assert answer.status_code == 202
    assert [one for one, _ in post.outcomes()] == [outcome]
    assert len(post.yard.rows("SELECT * FROM alerts WHERE kind = 'quarantined'")) == (outcome == "quarantined")


async def test_a_paused_workflow_takes_deliveries_and_lists_them_once_when_it_is_resumed(post):
    made = await post.procore()
    await post.yard.versions.pause(made, principal=OWNER)
    answer = await post.post(event())
    await post.inbox.look()
    from construction_mcp.store.deliveries import Deliveries

    deliveries = await post.yard.house.services.get(Deliveries)
    listed = await deliveries.ignored(made, 10)
    await deliveries.note_ignored_told(made)
    again = await deliveries.ignored(made, 10)

    assert (answer.status_code, post.executions()) == (202, [])
    assert [(one.resource_name, one.resource_id) for one in listed] == [("RFIs", 42)]
    assert again == []


async def test_a_deleted_workflow_answers_404(post):
    made = await post.procore()
    await post.yard.workflows.delete(made, principal="local:0")
    post.hooks.forget(made)

    assert (await post.post(event())).status_code == 404
    assert post.outcomes() == []


async def test_a_workflow_that_its_own_writes_start_again_is_stopped_after_a_few_rounds(post):
    """Loop protection: each round writes the record that the next event is about."""
    await post.procore()
    limits = post.yard.house.settings.limits
    for number in range(limits.chain_depth_max + 3):
        post.yard.clock.advance(10)
        now = post.yard.clock.now().isoformat(timespec="microseconds")
        await post.post(event(number))
        await post.inbox.look()
        post.yard.rows(
            "INSERT INTO intents (id, principal, tool, key, digest, summary, shown, targets, state, created_at,"
            " finished_at) VALUES (?, 'x', 'x', ?, 'x', 'x', '{}', '[\"procore:rfi:42\"]', 'done', ?, ?)",
            f"int_{number}", str(number), now, now,
        )  # fmt: skip

    assert [row[3] for row in post.executions()] == list(range(limits.chain_depth_max + 1))
    assert [one for one, _ in post.outcomes()][-2:] == ["quarantined", "quarantined"]
    assert post.yard.rows("SELECT DISTINCT kind FROM alerts") == [("quarantined",)]


async def test_a_person_who_edits_one_record_many_times_is_no_loop(post):
    await post.procore()
    for number in range(20):
        await post.post(event(number))
        await post.inbox.look()

    assert [row[3] for row in post.executions()] == [0] * 20


async def test_a_signed_delivery_starts_its_workflow_in_the_transaction_that_stores_it(post):
    await post.custom()
    answer = await post.signed(b'{"order": 7}')

    ((execution_id, key, trigger, _),) = post.executions()
    assert (answer.status_code, answer.json()["execution_id"]) == (202, execution_id)
    assert (key, json.loads(trigger)["body"]) == ("event:msg_1", {"order": 7})


async def test_a_signed_delivery_with_a_filter_is_decided_by_its_body(post):
    await post.custom({**CUSTOM, "filter": "event.order > 5"})
    await post.signed(b'{"order": 7}', message_id="msg_7")
    await post.signed(b'{"order": 3}', message_id="msg_3")
    await post.inbox.look()

    assert [row[1] for row in post.executions()] == ["event:msg_7"]


async def test_a_thousand_forged_or_stale_signed_deliveries_are_401_and_leave_no_row(post):
    """security.md S6 for senders that sign: wrong signature, other body, too old, too new, none at all."""
    await post.custom()
    ways = [
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": ""},
        {"webhook-timestamp": "1"},
        {"webhook-id": "other"},
        {"webhook-timestamp": "x"},
    ]
    answers = [await post.signed(b"{}", message_id=f"m{n}", **ways[n % len(ways)]) for n in range(REPLAYS - 2)]
    answers += [await post.signed(b"{}", late_s=301), await post.signed(b"{}", late_s=-301)]

    assert {answer.status_code for answer in answers} == {401}
    assert {answer.json()["error"]["code"] for answer in answers} == {"WEBHOOK_SIGNATURE_INVALID"}
    assert (post.outcomes(), post.executions()) == ([], [])


def test_the_published_vector_of_standard_webhooks_is_right_and_a_changed_body_is_not():
    """Source: Standard Webhooks, reference libraries' test of a signature."""
    from datetime import UTC, datetime

    from construction_mcp.core.errors import NeedsLogin

    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    stamp = read_stamp(headers, datetime.fromtimestamp(1614265330, UTC), 300)
    require_signed("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", stamp, b'{"test": 2432232314}')

    with pytest.raises(NeedsLogin):
        require_signed("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", stamp, b'{"test": 2432232315}')
