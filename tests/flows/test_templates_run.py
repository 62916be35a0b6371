"""Every template, filled in and deployed, carried out from its start to its last letter."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Limits
from construction_mcp.core.destinations import MailFrom, MailServer
from construction_mcp.core.types import Principal, Role
from construction_mcp.deployment.writing import Drafts
from construction_mcp.engine.admission import Admission
from construction_mcp.engine.approval_watch import ApprovalWatch
from construction_mcp.engine.approvals import Approvals, Said
from construction_mcp.engine.embedded import EmbeddedEngine
from construction_mcp.engine.starter import new_execution, trigger_value
from construction_mcp.store import executions as store
from construction_mcp.store.database import Database
from construction_mcp.store.executions import NewExecution
from construction_mcp.store.starts import startable
from construction_mcp.workflow.definition import Definition
from construction_mcp.workflow.template import Template, Templates, fill
from tests.deployment.site import ANA, Site, site_at
from tests.notify.sinks import MailSink, mail_sink

pytestmark = pytest.mark.anyio

TEMPLATES = {one.id: one for one in Templates(Limits()).all()}
APPROVER = "approvers@builder.com"
ASSISTANT = Principal("user:assistant", Role.APPROVER, "Somebody's assistant")
WAIT_S = 20.0
HOURS = 3600.0


class Stage:
    """A site whose engine, approvals and mail are at work; everything that is told arrives in `mail`."""

    def __init__(self, site: Site, mail: MailSink) -> None:
        self.site, self.mail, self.clock = site, mail, site.clock

    async def open(self) -> "Stage":
        get = self.site.house.services.get
        self.engine, self.database = await get(EmbeddedEngine), await get(Database)
        self.approvals, self.watch = await get(Approvals), await get(ApprovalWatch)
        self.admission, self.drafts = await get(Admission), await get(Drafts)
        self.approvals.nudge, self.engine.parked = self.engine.nudge, self.approvals.wake
        return self

    async def deployed(self, template: Template) -> str:
        """The id of the template's workflow, which runs from now on; the clock stands at its first run."""
        definition = filled(template, self.site.project if template.needs_project else None)
        workflow_id = (await self.drafts.create(definition, ANA, None)).workflow.id
        done = await self.site.deploy(workflow_id)
        assert done.status == "deployed", done.problems
        if done.next_run_at is not None:
            self.clock.advance((done.next_run_at - self.clock.now()).total_seconds())
        self.before = self.site.simulator.ledger.since(0)[-1]["n"]
        return workflow_id

    async def started(self, workflow_id: str, given: Any, event: Mapping[str, Any] | None, **changes: Any) -> str:
        """The id of an execution as its trigger starts it; an event's record is read from Procore."""
        active = await self.database.read(lambda tx: startable(tx, workflow_id))
        assert active is not None
        kind, record = active.trigger["type"], None
        if event is not None:
            verdict = await self.admission.judge(active, event)
            assert verdict.outcome == "started", verdict.reason
            event, record = verdict.event, verdict.record
        value = trigger_value(active.trigger, kind, self.clock.now(), given=given, event=event, record=record)
        new: NewExecution = new_execution(active, value, requested_by=kind, key=None)
        return (await self.engine.start(replace(new, **changes))).id

    async def steps(self, execution_id: str) -> dict[str, store.StepRow]:
        rows = await self.database.read(lambda tx: store.steps_of(tx, execution_id))
        return {row.key: row for row in rows if row.item == -1}

    async def until(self, is_so: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not await is_so():  # noqa: ASYNC110 - the store has no event for what others wrote
                await asyncio.sleep(0.005)

    async def parked(self, execution_id: str, what: str) -> None:
        """Returns once a step of it waits for that."""

        async def waits() -> bool:
            steps = (await self.steps(execution_id)).values()
            return any(one.status == "waiting" and (one.waits_for or {}).get("what") == what for one in steps)

        await self.until(waits)

    def writes(self) -> list[tuple[str, Any]]:
        """What changed Procore since the workflow was deployed: method and path within the project, and the body."""
        entries = [one for one in self.site.simulator.ledger.since(self.before) if one["write"]]
        return [
            (f"{one['method']} {one['path'].rpartition(f'/projects/{self.site.project}')[2]}", one.get("body"))
            for one in entries
            if "oauth" not in one["path"]
        ]


def filled(template: Template, project_id: int | None) -> Definition:
    """What has to be filled in, and nothing else."""
    asked = [name for name, one in template.variables.items() if one.required]
    values = {name: "Workmanship" if name == "observation_type" else [f"{name}@builder.com"] for name in asked}
    return fill(template, values, project_id=project_id)


@asynccontextmanager
async def stage_at(folder: Path) -> AsyncIterator[Stage]:
    clock = ManualClock()
    async with mail_sink() as mail:
        told = {
            "mail_server": MailServer("127.0.0.1", mail.port, "none"),
            "mail_from": MailFrom("automation@builder.com", "Riverside"),
        }
        async with site_at(folder, clock, **told) as site:
            stage = await Stage(site, mail).open()
            working = [asyncio.create_task(one) for one in (stage.engine.run(), stage.watch.run(), _hurry(clock))]
            try:
                yield stage
            finally:
                for task in working:
                    task.cancel()
                await asyncio.wait(working)


async def _hurry(clock: ManualClock) -> None:
    """Procore's rate windows get their turn at once; hours pass only when a test says so."""
    while True:
        await asyncio.sleep(0.001)
        wait = clock.next_wake_s
        if wait is not None and wait <= 60:
            clock.advance(wait)


@dataclass(frozen=True)
class Play:
    """What a template is shown, and what has to come of it.

    given: the input of a manual run. event: table of the world, Procore's name for it, the event, and which record.
    set_up: changes the sample before the start. waits_h: hours that pass while it waits for time.
    letters: to whom and the subject, the approver's own left out; before a wait comes the first.
    writes: as `Stage.writes`. effects: the steps that a simulation only says.
    """

    letters: list[tuple[str, str]]
    effects: set[str]
    given: Callable[[Stage], Any] = lambda _stage: None
    event: tuple[str, str, str, int] | None = None
    set_up: Callable[[Stage], None] = lambda _stage: None
    waits_h: float = 0.0
    is_approved: bool = False
    edits: Mapping[str, Any] = field(default_factory=dict)
    writes: Callable[[Stage], list[tuple[str, Any]]] = lambda _stage: []


NOTIFY, OWNER = "notify_to@builder.com", "owner@builder.com"


def _nothing_logged_today(stage: Stage) -> None:
    world, project = stage.site.world, stage.site.project
    for kind in ("manpower_log", "work_log", "notes_log"):
        for record in list(world.table(kind, project)):
            if record["date"] == "2026-03-02":
                world.drop(record)


def _rain_today(stage: Stage) -> None:
    stage.site.world.add(
        "weather_log", stage.site.project, {"date": "2026-03-02", "sky": "Rain", "is_weather_delay": "1"}
    )


def _first(stage: Stage, kind: str) -> Any:
    return next(iter(stage.site.world.table(kind, stage.site.project)))


def _observation(stage: Stage) -> list[tuple[str, Any]]:
    link = f"http://simulator.invalid/{stage.site.project}/project/checklists/lists/{_first(stage, 'checklist').id}"
    kinds = stage.site.world.table("observation_type", stage.site.company)
    body = {
        "name": "Mend the slab edge",
        "type_id": next(one.id for one in kinds if one["name"] == "Workmanship"),
        "description": f"Inspection 1 found 2 deficient items of 4. {link}",
        "due_date": "2026-03-09",
    }
    path = "POST /rest/v1.0/observations/items"
    return [(path, {"project_id": stage.site.project, "observation": body})]


def _reply(stage: Stage) -> list[tuple[str, Any]]:
    path = f"POST /rfis/{_first(stage, 'rfi').id}/replies"
    return [(path, {"reply": {"body": "Use detail 5 on A-501.", "official": False}})]


def _delay(_stage: Stage) -> list[tuple[str, Any]]:
    entry = {
        "date": "2026-03-02T00:00:00Z",
        "comments": "Work stopped because of the weather.",
        "delay_type": "Weather",
        "start_time_hour": 9,
        "start_time_minute": 15,
        "end_time_hour": 15,
        "end_time_minute": 30,
    }
    return [("POST /delay_logs", {"delay_log": entry})]


PLAYS = {
    "change_event_review": Play([(NOTIFY, "8 change events to review")], {"review"}),
    "daily_log_digest_to_owner": Play([(OWNER, "Daily log of 2026-03-02")], {"approve", "send"}, is_approved=True),
    "daily_log_reminder": Play(
        [
            ("superintendent@builder.com", "No daily log for 2026-03-02 yet"),
            ("project_manager@builder.com", "No daily log for 2026-03-02 yet"),
        ],
        {"remind", "wait", "escalate"},
        set_up=_nothing_logged_today,
        waits_h=2.0,
    ),
    "inspection_failed_follow_up": Play(
        [(NOTIFY, "2 deficient items: Pre-Pour Concrete")],
        {"tell", "remember", "approve", "observation"},
        event=("checklist", "Inspection Checklists", "update", 0),
        is_approved=True,
        edits={"name": "Mend the slab edge"},
        writes=_observation,
    ),
    "meeting_action_item_chaser": Play(
        [
            (NOTIFY, "Open points: Subcontractor Coordination"),
            (NOTIFY, "Open points: Subcontractor Coordination"),
            (NOTIFY, "Open points: Weekly Safety Meeting"),
        ],
        {"chase"},
    ),
    "new_rfi_notification": Play(
        [(NOTIFY, "New RFI 1: Slab edge elevation at Penthouse")], {"tell"}, event=("rfi", "RFIs", "create", 0)
    ),
    "rfi_overdue_alert": Play([(NOTIFY, "16 overdue RFIs")], {"alert"}),
    "rfi_response_draft_with_approval": Play(
        [(NOTIFY, "RFI 1: the drafted reply was approved")],
        {"approve", "post", "tell"},
        given=lambda stage: {"rfi_id": _first(stage, "rfi").id, "reply": "Use detail 4 on A-501."},
        is_approved=True,
        edits={"reply": "Use detail 5 on A-501."},
        writes=_reply,
    ),
    "safety_observation_alert": Play(
        [(NOTIFY, "Safety: Ladder not tied off")], {"alert"}, event=("observation", "Observation Items", "create", 3)
    ),
    "submittal_approved_notification": Play(
        [(NOTIFY, "Approved: submittal 04 22 00-1.0 Concrete Unit Masonry Mock-Up")],
        {"tell", "remember"},
        event=("submittal", "Submittals", "update", 0),
    ),
    "submittal_due_soon_escalation": Play(
        [(NOTIFY, "40 submittals are due soon"), ("escalate_to@builder.com", "39 submittals are due soon")],
        {"remind", "escalate"},
    ),
    "submittal_status_digest": Play([(NOTIFY, "50 submittals in review")], {"digest"}),
    "weather_delay_log": Play(
        [(NOTIFY, "Weather delay on 2026-03-02")],
        {"confirm", "log", "tell"},
        set_up=_rain_today,
        is_approved=True,
        edits={"start_time": "09:15"},
        writes=_delay,
    ),
    "weekly_project_summary": Play([(NOTIFY, "Open this week: RFIs 31, submittals 50, punch items 146")], {"summary"}),
}

AFTER_A_NO = {
    "daily_log_digest_to_owner": [],
    "inspection_failed_follow_up": [(NOTIFY, "2 deficient items: Pre-Pour Concrete")],  # told before it is asked
    "rfi_response_draft_with_approval": [(NOTIFY, "RFI 1: the drafted reply was rejected")],
    "weather_delay_log": [],
}


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage_at(tmp_path) as made:
        yield made


def test_every_template_is_played():
    assert PLAYS.keys() == TEMPLATES.keys()


@pytest.mark.parametrize("name", PLAYS)
async def test_a_simulated_template_tells_and_changes_nothing_and_says_what_it_would(stage: Stage, name: str):
    execution_id = await _begun(stage, name, mode="simulate")

    assert await stage.engine.ended(execution_id, WAIT_S)
    steps = await stage.steps(execution_id)
    assert await _status(stage, execution_id) == "completed", {key: one.error for key, one in steps.items()}
    assert {key for key, one in steps.items() if one.status == "simulated"} == PLAYS[name].effects
    assert stage.writes() == []
    assert stage.mail.letters == []
    assert await stage.approvals.page(None, 5) == []


@pytest.mark.parametrize("name", PLAYS)
async def test_a_template_tells_and_changes_exactly_what_it_promises(stage: Stage, name: str):
    play = PLAYS[name]

    execution_id = await _begun(stage, name)
    if play.is_approved:
        await _approve(stage, execution_id, play)
    if play.waits_h:
        await stage.parked(execution_id, "time")
        assert set(_letters(stage)) <= {play.letters[0]}  # the others come after the wait
        stage.clock.advance(play.waits_h * HOURS)

    assert await stage.engine.ended(execution_id, WAIT_S)
    steps = await stage.steps(execution_id)
    assert await _status(stage, execution_id) == "completed", {key: one.error for key, one in steps.items()}
    assert sorted(_letters(stage)) == sorted(play.letters)
    assert stage.writes() == play.writes(stage)


@pytest.mark.parametrize("name", [name for name, play in PLAYS.items() if play.event])
async def test_a_template_that_procore_starts_says_at_deployment_that_it_needs_a_project(stage: Stage, name: str):
    done = await stage.site.deploy((await stage.drafts.create(filled(TEMPLATES[name], None), ANA, None)).workflow.id)

    assert done.status == "invalid"
    assert any("Set the workflow's project_id" in one.fix for one in done.problems)


@pytest.mark.parametrize("name", [name for name, play in PLAYS.items() if play.is_approved])
async def test_a_template_whose_approver_says_no_changes_nothing(stage: Stage, name: str):
    execution_id = await _begun(stage, name)
    await _approve(stage, execution_id, PLAYS[name], answer="reject")

    assert await stage.engine.ended(execution_id, WAIT_S)
    assert await _status(stage, execution_id) == "completed"
    assert stage.writes() == []
    assert _letters(stage) == AFTER_A_NO[name]


async def _begun(stage: Stage, name: str, **changes: Any) -> str:
    play = PLAYS[name]
    play.set_up(stage)
    workflow_id = await stage.deployed(TEMPLATES[name])
    event = None if play.event is None else _event(stage, *play.event)
    return await stage.started(workflow_id, play.given(stage), event, **changes)


def _event(stage: Stage, kind: str, resource: str, event_type: str, which: int) -> dict[str, Any]:
    """As Procore tells of that record of the sample."""
    record = list(stage.site.world.table(kind, stage.site.project))[which]
    return {
        "id": f"01K9ZX3V5T8Q2M4N6P7R8S9T{which:02}",
        "resource_name": resource,
        "event_type": event_type,
        "resource_id": record.id,
        "project_id": stage.site.project,
        "company_id": stage.site.company,
        "user_id": None,
        "at": "2026-03-02T15:00:00Z",
    }


async def _approve(stage: Stage, execution_id: str, play: Play, answer: Any = "approve") -> None:
    """As the approver does whose assistant is told the code of the letter."""
    await stage.parked(execution_id, "approval")
    await stage.until(lambda: _is_asked(stage))
    (approval,) = await stage.approvals.page("pending", 5)
    (text,) = [_text(letter) for _, letter in stage.mail.letters if APPROVER in str(letter["to"])]
    code = re.search(r"code ([0-9A-Z]{4}-[0-9A-Z]{4})", text)
    assert code, text
    said = Said(approval.id, approval.digest, answer, play.edits if answer == "approve" else None)
    await stage.approvals.decide_by_code(said, ASSISTANT, code[1])


async def _is_asked(stage: Stage) -> bool:
    return any(APPROVER in str(letter["to"]) for _, letter in stage.mail.letters)


def _text(letter: Any) -> str:
    return " ".join(str(letter.get_body(("plain",)).get_content()).split())


def _letters(stage: Stage) -> list[tuple[str, str]]:
    """To whom and the subject of each, but for what approvers are asked."""
    told = [(str(letter["to"]), str(letter["subject"])) for _, letter in stage.mail.letters]
    return [one for one in told if one[0] != APPROVER]


async def _status(stage: Stage, execution_id: str) -> str | None:
    return await stage.database.read(lambda tx: store.status_of(tx, execution_id))
