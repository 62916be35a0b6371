"""Starts by the clock: missed, left out, at times that do not exist, by a clock that is wrong, with nobody there."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from construction_mcp.core.errors import Invalid
from construction_mcp.insight.advice import Call
from construction_mcp.insight.findings.finding import Case, Finding, certain, grown
from construction_mcp.workflow.cron import Cron, read_cron
from construction_mcp.workflow.definition import Trigger
from construction_mcp.workflow.schedule import runs
from construction_mcp.workflow.zones import zone_named

_LATE = timedelta(minutes=5)  # a start that is this late was missed
_OFFSET_MAX_S = 60.0  # of two clocks: more makes signatures fail, schedules run late and due dates lie
_GAP_AHEAD = timedelta(days=8)  # how far a change of the clocks is told in advance
_GAP_DAYS_BACK = timedelta(days=2)
_RUNS_MAX = 1000


def found(case: Case) -> Iterator[Finding]:
    """The clock first, for everything else is told by it."""
    yield from _clock(case)
    place = case.evidence.place
    if place.status != "active":
        return
    yield from _left_out(case)
    yield from _missed(case)
    yield from _gap(case)
    yield from _host(case)


def _clock(case: Case) -> Iterator[Finding]:
    offset = case.live.offset_s
    ahead = [one for one in case.evidence.kept_aside if one.reason == "it is dated in the future"]
    seen = [f"An event of {one.received_at.isoformat()} was dated in the future." for one in ahead[:2]]
    if offset is not None and abs(offset) > _OFFSET_MAX_S:
        way = "behind" if offset > 0 else "ahead of"
        seen.insert(0, f"This machine's clock is {abs(offset):.0f} s {way} Procore's.")
    elif not ahead or offset is not None:  # Procore's clock was seen, and agrees with ours now
        return
    cause = "The clock of this machine is wrong: schedules, due dates and signatures go by it."
    fix = "Set this machine's clock, best by its time service (NTP); nothing else has to be changed."
    yield certain("CLOCK_WRONG", seen, cause, fix, None)


def _left_out(case: Case) -> Iterator[Finding]:
    place = case.evidence.place
    if place.skipped_at is None or case.draft is None or case.draft.trigger is None:
        return
    running = [f"{run.id} is {run.status} since {run.started_at.isoformat()}." for run in case.evidence.open_runs[:2]]
    seen = [f"{place.skipped} due times started nothing, the last at {place.skipped_at.isoformat()}.", *running]
    cause = "A run had not ended when the next was due, and overlap is skip, as it is unless written otherwise."
    fix = "Let the next run queue behind it; or end what holds the run up, which explain_stuck_executions names."
    trigger = {**case.draft.trigger.written(), "overlap": "queue"}
    call = Call("configure_workflow_trigger", {"workflow_id": case.id, "trigger": trigger}, "let runs queue")
    yield Finding("OVERLAP_SKIPPED", "error", grown(place.skipped), seen, cause, fix, call)


def _missed(case: Case) -> Iterator[Finding]:
    """What was told as missed and nothing made up for since."""
    missed = [one for one in case.evidence.told if one.kind == "missed"]
    ran_at = max((run.started_at for run in case.evidence.runs), default=None)
    if not missed or (ran_at is not None and ran_at >= missed[0].created_at):
        return
    cause = "Starts fell due while no process of this server was on, or while it was held."
    fix = "Run it once by hand to make up for them; `construction-mcp service install` keeps a process on."
    call = Call("run_workflow", {"workflow_id": case.id}, "make up for what was missed")
    yield certain("RUNS_MISSED", [one.text for one in missed], cause, fix, call)


def _gap(case: Case) -> Iterator[Finding]:
    """A start that the change of the clocks moves, a little before and after it."""
    trigger = case.draft.trigger if case.draft else None
    if trigger is None or trigger.type != "schedule" or case.is_edited:
        return
    cron, zone = read_cron(trigger.cron or ""), zone_named(trigger.timezone or "")
    if not isinstance(cron, Cron) or zone is None or cron.every_hour:
        return
    moved = next(iter(_moved(trigger, cron, zone, case.here.now)), None)
    if moved is None:
        return
    wall, moment = moved
    seen = [
        f"{wall:%H:%M} does not exist on {wall:%Y-%m-%d} in {trigger.timezone}: the clocks are put forward then.",
        f"It runs at {moment.astimezone(zone):%H:%M} that day, {moment.isoformat()}.",
    ]
    cause = "Its time lies in the hour that is left out when summer time begins."
    fix = "Choose a time outside that hour, an hour later for instance; every other day it runs as written."
    parts = (trigger.cron or "").split()
    parts[1] = str(moment.astimezone(zone).hour + 1) if moment.astimezone(zone).minute == 0 else parts[1]
    written = {**trigger.written(), "cron": " ".join(parts)}
    call = Call("configure_workflow_trigger", {"workflow_id": case.id, "trigger": written}, "run outside that hour")
    yield certain("TIME_DOES_NOT_EXIST", seen, cause, fix, call, "warning")


def _moved(trigger: Trigger, cron: Cron, zone: ZoneInfo, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Local times that were asked for and do not exist, each with the moment that stands for it."""
    since, until = now - _GAP_DAYS_BACK, now + _GAP_AHEAD
    here = since.astimezone(zone).replace(tzinfo=None)
    try:
        moments = list(takewhile(lambda one: one <= until, runs(trigger, since)))[:_RUNS_MAX]
    except Invalid:
        return
    shown = {one.astimezone(zone).replace(tzinfo=None) for one in moments}
    for wall in takewhile(lambda one: one <= until.replace(tzinfo=None), cron.wall_times(here)):
        exact = wall.replace(tzinfo=zone)
        if exact.astimezone(ZoneInfo("UTC")).astimezone(zone).replace(tzinfo=None) != wall and wall not in shown:
            stands = min((one for one in moments if one.astimezone(zone).replace(tzinfo=None) > wall), default=None)
            if stands is not None:
                yield wall, stands


def _host(case: Case) -> Iterator[Finding]:
    """Nothing starts by itself while no process is there; a start that is late shows that it happened."""
    place = case.evidence.place
    if case.here.is_always_on or place.trigger_type not in ("schedule", "poll"):
        return
    is_late = place.due_at is not None and place.due_at + _LATE < case.here.now
    seen = ["This process ends with its client."]
    if is_late and place.due_at is not None:
        seen.append(f"It was due at {place.due_at.isoformat()} and has not started.")
    cause = "It starts by itself, and nothing runs while no process of this server is on."
    fix = "Keep one running with `construction-mcp service install`."
    yield Finding("HOST_NOT_ALWAYS_ON", "error" if is_late else "warning", grown(1 + 8 * is_late), seen, cause, fix)
