"""What changed in Procore starts a workflow once, whoever finds it first, and an error loses none of it."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from construction_mcp.core.clock import ManualClock
from construction_mcp.core.errors import NeedsLogin
from construction_mcp.engine.poller import Poller
from construction_mcp.simulator.app import Simulator
from construction_mcp.simulator.records import Record
from construction_mcp.store.deliveries import Deliveries
from construction_mcp.store.holds import hold, release
from construction_mcp.store.hooks import Hooks
from construction_mcp.store.versions import ByHook
from construction_mcp.workflow.triggers import POLLED
from tests.engine.yard import OWNER, Yard, yard_at

pytestmark = pytest.mark.anyio

RFIS = {"type": "poll", "resources": ["RFIs"], "every_s": 300}
TOLD = {"type": "webhook", "source": "procore", "resources": ["RFIs"]}
EVERY_S = 300


class Lookout:
    """A yard, the Procore that it looks at, and a poller that looks when it is told to."""

    def __init__(self, yard: Yard) -> None:
        self.yard, self.clock = yard, yard.clock

    async def open(self) -> "Lookout":
        get = self.yard.house.services.get
        self.simulator = await get(Simulator)
        self.world = self.simulator.world
        self.company = next(iter(self.world.table("company", 0))).id
        self.project = next(iter(self.world.table("project", self.company))).id
        self.hooks, self.deliveries = await get(Hooks), await get(Deliveries)
        self.poller: Poller = await self.yard.house._poller(self.yard.engine)
        self.inbox = await self.yard.house._inbox(self.yard.engine)
        return self

    async def polling(self, trigger: Mapping[str, Any] = RFIS) -> str:
        return await self.yard.active(trigger, project_id=self.project)

    async def told(self, trigger: Mapping[str, Any] = TOLD) -> str:
        """A workflow that a live hook of Procore tells; its id."""
        made = await self.yard.active(trigger, project_id=self.project)
        hook, _ = await self.hooks.add(
            environment="simulator",
            company_id=self.company,
            project_id=self.project,
            principal=OWNER,
            resource_names=["RFIs"],
            workflow_id=made,
        )
        self.hook_id = hook.id
        await self.yard.versions.switch(made, 1, ByHook(hook.id), principal=OWNER, action="resume")
        return made

    def rfi(self, place: int = 0) -> Record:
        return list(self.world.table("rfi", self.project))[place]

    def change(self, place: int = 0) -> int:
        """Somebody changes an RFI in a moment; its id."""
        self.clock.advance(2)
        self.world.change(self.rfi(place), {"subject": f"Changed at {self.clock.now()}"})
        return self.rfi(place).id

    def create(self) -> int:
        self.clock.advance(2)
        body = {name: value for name, value in self.rfi().body.items() if name not in ("created_at", "updated_at")}
        return self.world.add("rfi", self.project, {**body, "subject": "New"}).id

    async def post(self, workflow_id: str, rfi_id: int, event_id: str = "01J", event_type: str = "update") -> None:
        """Procore tells of a change."""
        event = {
            "id": event_id,
            "resource_name": "RFIs",
            "event_type": event_type,
            "resource_id": rfi_id,
            "project_id": self.project,
            "company_id": self.company,
            "user_id": 9,
            "at": None,
        }
        await self.deliveries.accept(self.hook_id, workflow_id, event_id, event)

    async def turn(self) -> None:
        """The next turn comes."""
        self.clock.advance(EVERY_S + 1)
        await self.poller.look()

    def down(self, do: str) -> None:
        """Procore answers lists of RFIs with an error, until the faults are cleared."""
        self.simulator.faults.append([{"match": {"method": "GET", "path": "*/rfis"}, "do": do, "times": 1000}])

    def reads(self, rfi_id: int) -> int:
        """How often the RFI itself was asked for."""
        asked = [one["path"] for one in self.simulator.ledger.since(0)]
        return sum(path.endswith(f"/rfis/{rfi_id}") for path in asked)

    def judged(self) -> list[Any]:
        """The events that the poller has judged from now on."""
        seen: list[Any] = []
        admission = self.poller._admission

        async def judge(active: Any, told: Any) -> Any:
            seen.append(told)
            return await admission.judge(active, told)

        self.poller._admission = _Beside(admission, judge)
        return seen

    def started(self) -> list[tuple[str, str, int]]:
        """By whom, as what and by which record executions were started, in order."""
        rows = self.yard.rows("SELECT trigger FROM executions ORDER BY started_at, id")
        values = [json.loads(row[0]) for row in rows]
        return [(one["type"], one["event"]["event_type"], one["event"]["resource_id"]) for one in values]

    def watermarks(self) -> list[Any]:
        return self.yard.rows("SELECT watermark FROM polls")

    def alerts(self) -> list[str]:
        return [row[0] for row in self.yard.rows("SELECT kind FROM alerts")]


@pytest.fixture
async def lookout(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Lookout]:
    async with yard_at(tmp_path, clock, company_id=None) as yard:
        yield await Lookout(yard).open()


async def test_a_change_starts_its_workflow_once_however_often_is_looked(lookout):
    await lookout.polling()
    changed = lookout.change()
    for _ in range(4):
        await lookout.turn()

    assert lookout.started() == [("poll", "update", changed)]
    assert lookout.yard.engine.wakes == 1


KINDS = {
    "Change Events": "change_event",
    "Images": "image",
    "Incidents": "incident",
    "Inspection Checklists": "checklist",
    "Observation Items": "observation",
    "Punch Items": "punch_item",
    "RFIs": "rfi",
    "Submittals": "submittal",
}


def test_every_kind_that_can_be_polled_is_tried_here():
    assert set(KINDS) == set(POLLED)


@pytest.mark.parametrize("resource", sorted(KINDS))
async def test_a_change_of_each_kind_is_found_once(lookout, resource):
    await lookout.polling({**RFIS, "resources": [resource]})
    record = next(iter(lookout.world.table(KINDS[resource], lookout.project)))
    lookout.clock.advance(2)
    lookout.world.change(record, {})
    for _ in range(3):
        await lookout.turn()

    assert lookout.started() == [("poll", "update", record.id)]


async def test_nothing_is_asked_before_its_turn(lookout):
    await lookout.polling()
    lookout.change()
    lookout.clock.advance(EVERY_S - 10)
    before = len(lookout.simulator.ledger.since(0))
    pause_s = await lookout.poller.look()

    assert (len(lookout.simulator.ledger.since(0)), lookout.started()) == (before, [])
    assert pause_s == pytest.approx(8)


async def test_what_changed_before_it_was_active_is_not_its_business(lookout):
    """However far two looks overlap."""
    lookout.change()
    lookout.clock.advance(2)
    await lookout.polling({**RFIS, "every_s": 60})
    for _ in range(3):
        lookout.clock.advance(61)
        await lookout.poller.look()

    assert lookout.started() == []


async def test_a_record_that_started_it_is_not_read_again_for_the_overlap_of_looks(lookout):
    await lookout.polling({**RFIS, "every_s": 60})
    changed = lookout.change()
    reads = []
    for _ in range(3):
        lookout.clock.advance(61)
        await lookout.poller.look()
        reads.append(lookout.reads(changed))

    assert reads == [1, 1, 1]


async def test_a_record_that_was_told_of_is_not_judged_again_by_the_look_behind_the_hook(lookout):
    made = await lookout.told({**TOLD, "filter": "event.user_id == 8"})
    changed = lookout.change()
    await lookout.post(made, changed)
    await lookout.inbox.look()
    judged = lookout.judged()
    for _ in range(3):
        await lookout.turn()

    assert judged == []


async def test_each_change_of_one_record_starts_it(lookout):
    await lookout.polling()
    first = lookout.change()
    await lookout.turn()
    lookout.change()
    await lookout.turn()

    assert lookout.started() == [("poll", "update", first)] * 2


async def test_a_new_record_is_a_creation_once_and_then_a_change(lookout):
    await lookout.polling({**RFIS, "every_s": 60})
    made = lookout.create()
    lookout.clock.advance(61)
    await lookout.poller.look()
    lookout.world.change(lookout.world.get("rfi", lookout.project, made), {"subject": "Again"})
    lookout.clock.advance(61)
    await lookout.poller.look()

    assert lookout.started() == [("poll", "create", made), ("poll", "update", made)]


@pytest.mark.parametrize(("events", "kind"), [(["create"], "create"), (["update"], "update")])
async def test_what_is_new_and_has_changed_again_is_what_the_trigger_asks_for(lookout, events, kind):
    await lookout.polling({**RFIS, "events": events})
    made = lookout.create()
    lookout.clock.advance(30)
    lookout.world.change(lookout.world.get("rfi", lookout.project, made), {"subject": "Again"})
    await lookout.turn()
    await lookout.turn()

    assert lookout.started() == [("poll", kind, made)]


async def test_a_change_that_the_trigger_or_its_filter_does_not_mean_starts_nothing(lookout):
    await lookout.polling({**RFIS, "events": ["create"]})
    await lookout.polling({**RFIS, "filter": "event.resource_id == 0"})
    lookout.change()
    await lookout.turn()

    assert lookout.started() == []


async def test_the_same_change_by_webhook_and_then_by_poll_runs_once(lookout):
    made = await lookout.told()
    changed = lookout.change()
    await lookout.post(made, changed)
    await lookout.inbox.look()
    for _ in range(3):
        await lookout.turn()

    assert lookout.started() == [("webhook", "update", changed)]


async def test_the_same_change_by_poll_and_then_by_webhook_runs_once(lookout):
    made = await lookout.told()
    changed = lookout.change()
    for _ in range(3):
        await lookout.turn()
    await lookout.post(made, changed)
    await lookout.inbox.look()

    assert lookout.started() == [("poll", "update", changed)]
    assert lookout.yard.rows("SELECT outcome, reason FROM deliveries") == [
        ("started", "a poll saw the change first"),
    ]


async def test_a_webhook_that_is_decided_while_the_poll_judges_runs_once(lookout):
    made = await lookout.told()
    changed = lookout.change()
    admission = lookout.poller._admission
    judge = admission.judge

    async def overtaken(active: Any, told: Any) -> Any:
        verdict = await judge(active, told)
        await lookout.post(made, changed)
        await lookout.inbox.look()
        return verdict

    lookout.poller._admission = _Beside(admission, overtaken)
    for _ in range(3):
        await lookout.turn()

    assert lookout.started() == [("webhook", "update", changed)]


class _Beside:
    """An admission that something happens beside."""

    def __init__(self, admission: Any, judge: Any) -> None:
        self.judge, self.start = judge, admission.start


async def test_behind_a_hook_what_was_not_told_is_found_and_what_has_just_changed_is_left_to_the_hook(lookout):
    await lookout.told()
    lookout.clock.advance(EVERY_S - 3)
    changed = lookout.change()
    await lookout.poller.look()
    lookout.clock.advance(2)
    await lookout.poller.look()
    at_first = lookout.started()
    await lookout.turn()
    await lookout.turn()

    assert at_first == []
    assert lookout.started() == [("poll", "update", changed)]


async def test_what_a_webhook_was_filtered_out_for_is_not_started_by_the_look_behind_it(lookout):
    made = await lookout.told({**TOLD, "filter": "event.user_id != 9"})
    changed = lookout.change()
    await lookout.post(made, changed)
    await lookout.inbox.look()
    for _ in range(3):
        await lookout.turn()

    assert lookout.yard.rows("SELECT outcome FROM deliveries") == [("filtered",)]
    assert lookout.started() == []


async def test_an_error_of_procore_leaves_the_watermark_and_the_change_is_found_later(lookout):
    await lookout.polling()
    before = lookout.watermarks()
    changed = lookout.change()
    lookout.down("403")
    await lookout.turn()
    meanwhile = (lookout.watermarks(), lookout.started(), lookout.alerts())
    lookout.simulator.faults.append([])
    lookout.clock.advance(86_400)
    await lookout.poller.look()

    assert meanwhile == (before, [], ["failed"])
    assert lookout.started() == [("poll", "update", changed)]
    assert lookout.watermarks() > before


async def test_an_account_that_is_no_longer_connected_is_told_once_and_leaves_the_watermark(lookout):
    await lookout.polling()
    before = lookout.watermarks()
    lookout.change()
    lookout.poller._records = _Disconnected()
    await lookout.turn()
    await lookout.turn()

    assert (lookout.watermarks(), lookout.started(), lookout.alerts()) == (before, [], ["reconnect"])


class _Disconnected:
    """Records of an account that has to be connected again."""

    async def changed(self, *_: Any) -> Any:
        raise NeedsLogin("The account is not connected.")


async def test_nothing_starts_while_it_is_paused_and_resuming_begins_anew(lookout):
    made = await lookout.polling()
    await lookout.yard.versions.pause(made, principal=OWNER)
    lookout.change()
    await lookout.turn()

    assert lookout.started() == []


async def test_nothing_starts_while_everything_is_held_and_it_is_found_afterwards(lookout):
    await lookout.polling()
    database = lookout.yard.database
    await database.write(lambda tx: hold(tx, "all", "", OWNER, lookout.clock.now()))
    changed = lookout.change()
    await lookout.turn()
    meanwhile = lookout.started()
    await database.write(lambda tx: release(tx, "all", "", OWNER, lookout.clock.now()))
    await lookout.poller.look()

    assert meanwhile == []
    assert lookout.started() == [("poll", "update", changed)]


async def test_a_workflow_paused_while_procore_is_asked_starts_nothing(lookout):
    made = await lookout.polling()
    lookout.change()
    ask = lookout.poller._records.changed

    async def paused_meanwhile(*asked: Any) -> Any:
        found = await ask(*asked)
        await lookout.yard.versions.pause(made, principal=OWNER)
        return found

    lookout.poller._records.changed = paused_meanwhile
    await lookout.turn()

    assert lookout.started() == []


async def test_a_directory_in_standby_starts_nothing(lookout):
    await lookout.polling()
    lookout.change()
    lookout.yard.rows("INSERT INTO meta (key, value) VALUES ('standby', '2026-03-02T15:00:00Z')")
    await lookout.turn()

    assert lookout.started() == []
