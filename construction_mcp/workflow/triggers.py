"""Everything that can be wrong with what starts a workflow, and what expressions see of it as `trigger`."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Literal

from construction_mcp.actions.action import ActionTypes
from construction_mcp.expressions.port import ANYTHING, Schema
from construction_mcp.procore.event_names import EVENTS, named, names_like
from construction_mcp.workflow.cron import Cron, CronMistake, read_cron
from construction_mcp.workflow.definition import Trigger
from construction_mcp.workflow.facts import Facts
from construction_mcp.workflow.problems import Problem, either, error, warning
from construction_mcp.workflow.schedule import next_run_at
from construction_mcp.workflow.zones import is_treacherous, zone_named, zones_like

_SOME_MOMENT = datetime(2024, 1, 1, tzinfo=UTC)  # whether a cron ever fires does not depend on when one asks

# By type, and for webhooks by source: what it needs and what else it takes.
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "manual": (),
    "schedule": ("cron", "timezone"),
    "webhook": ("source",),
    "webhook procore": ("source", "resources"),
    "webhook custom": ("source",),
    "poll": ("resources",),
}
_TAKES: Mapping[str, frozenset[str]] = {
    "manual": frozenset(),
    "schedule": frozenset({"catch_up", "catch_up_within_h", "overlap", "calendar", "holidays", "jitter_s"}),
    "webhook": frozenset({"resources", "events", "filter"}),
    "webhook procore": frozenset({"events", "filter"}),
    "webhook custom": frozenset({"filter"}),
    "poll": frozenset({"events", "filter", "every_s"}),
}

# The action that reads the record of an event again: its item is `trigger.record`.
READS: Mapping[str, str] = {
    "RFIs": "procore.rfi.get",
    "Submittals": "procore.submittal.get",
    "Punch Items": "procore.punch_item.get",
    "Observation Items": "procore.observation.get",
    "Inspection Checklists": "procore.inspection.get",
    "Incidents": "procore.incident.get",
    "Meetings": "procore.meeting.get",
    "Change Events": "procore.change_event.list",  # there is no other way to read one
    "Project Files": "procore.document.get",
    "Images": "procore.photo.get",
    "Tasks": "procore.schedule.list",
}

# Kinds whose lists can be asked for what changed, so that a poll can stand in for webhooks. Source: the parameter
# filters[updated_at] of their endpoints, which meetings lack. Tasks as they are read here do not say when they changed,
# and files are listed folder by folder, so that a look would miss most of them.
POLLED = tuple(name for name in READS if name not in ("Meetings", "Tasks", "Project Files"))


def trigger_problems(trigger: Trigger | None, facts: Facts) -> Iterator[Problem]:
    """Every problem of the trigger by itself; its `filter` is an expression and judged with the others."""
    if trigger is None:
        yield error(
            "trigger",
            "TRIGGER_MISSING",
            "Nothing starts this workflow.",
            "Set a trigger: manual, schedule, webhook or poll.",
        )
        return
    yield from _structure(trigger)
    if trigger.type == "schedule":
        yield from _schedule(trigger)
    if trigger.type == "poll" or trigger.source == "procore":
        yield from _resources(trigger, is_polled=trigger.type == "poll" or not facts.host.public)
    yield from _host(trigger, facts)


def _structure(trigger: Trigger) -> Iterator[Problem]:
    kind = " ".join(filter(None, [trigger.type, trigger.source if trigger.type == "webhook" else None]))
    given = {name: value for name in trigger.model_fields_set if (value := getattr(trigger, name)) is not None}
    for name in _NEEDS[kind]:
        if not given.get(name):
            message = f"A {kind} trigger needs {name}."
            yield error(f"trigger.{name}", "TRIGGER_FIELD_MISSING", message, f"Add trigger.{name}.")
    for name in sorted(given.keys() - _TAKES[kind] - {"type", *_NEEDS[kind]}):
        message = f"A {kind} trigger does not use {name}."
        fix = "Remove it or change trigger.type."
        yield error(f"trigger.{name}", "TRIGGER_FIELD_UNUSED", message, fix)
    if trigger.type == "schedule" and trigger.holidays and trigger.calendar != "working_days":
        fix = "Set trigger.calendar to working_days, or remove the holidays."
        yield error("trigger.holidays", "TRIGGER_FIELD_UNUSED", "Holidays count on working days only.", fix)


def _schedule(trigger: Trigger) -> Iterator[Problem]:
    cron = read_cron(trigger.cron) if trigger.cron else None
    if isinstance(cron, CronMistake):
        code = "CRON_NEVER" if cron.never else "CRON_INVALID"
        yield error("trigger.cron", code, cron.message, cron.fix)
    zone = trigger.timezone
    if zone and zone_named(zone) is None:
        yield error("trigger.timezone", "ZONE_UNKNOWN", f"There is no time zone {zone!r}.", _zone_fix(zone))
    elif zone and is_treacherous(zone):
        message = f"{zone} has no summer time, so half of the year this is an hour off the clock on the wall."
        yield warning("trigger.timezone", "ZONE_WITHOUT_SUMMER_TIME", message, _zone_fix(zone))
    if isinstance(cron, Cron) and _never_runs(cron.text, trigger.calendar, tuple(trigger.holidays or ())):
        message = f"No day ever matches {trigger.cron!r}" + (" and is a working day." if trigger.calendar else ".")
        yield error("trigger.cron", "CRON_NEVER", message, "Name days that come, as 1-5 for Monday to Friday.")


@lru_cache(maxsize=1024)  # a workflow is compiled many times on its way, and most run on the same few days
def _never_runs(cron: str, calendar: Literal["every_day", "working_days"] | None, holidays: tuple[date, ...]) -> bool:
    """Whatever the zone: days match or not by the local calendar."""
    days = Trigger(type="schedule", cron=cron, timezone="UTC", calendar=calendar, holidays=list(holidays))
    return next_run_at(days, _SOME_MOMENT) is None


def _zone_fix(zone: str) -> str:
    near = zones_like(zone)
    return f"Did you mean {either(near)}?" if near else "Name a zone as IANA does, as America/Chicago."


def _resources(trigger: Trigger, *, is_polled: bool) -> Iterator[Problem]:
    path, events = "trigger.resources", list(trigger.events or ())
    for given in trigger.resources or ():
        name = named(given)
        if name is None:
            near = names_like(given)
            fix = f"Did you mean {either(near)}?" if near else "Name what it is about as Procore does, as RFIs."
            yield error(path, "TRIGGER_RESOURCE_UNKNOWN", f"Procore sends no events of {given[:100]!r}.", fix)
            continue
        if is_polled and name not in POLLED:
            message = f"Changes of {name} cannot be looked up, only sent by Procore."
            fix = f"Use a procore webhook and a public URL, or one of {', '.join(POLLED)}."
            yield error(path, "TRIGGER_RESOURCE_NOT_POLLED", message, fix)
        offered = EVENTS[name]
        if events and not set(events) & set(offered):
            message = f"Procore tells of no {either(events)} of {name}."
            yield error("trigger.events", "TRIGGER_EVENT_UNKNOWN", message, f"It offers {either(offered)}.")
    if is_polled and events == ["delete"]:
        message = "What is deleted is not seen by looking for changes."
        yield error("trigger.events", "TRIGGER_EVENT_UNKNOWN", message, "Ask for create or update.")


def _host(trigger: Trigger, facts: Facts) -> Iterator[Problem]:
    if trigger.type in ("schedule", "poll") and not facts.host.always_on:
        message = "This process ends with its client, and nothing runs while it is off."
        fix = "Keep it running with `construction-mcp service install`; until then catch_up makes up for missed runs."
        yield warning("trigger", "HOST_NOT_ALWAYS_ON", message, fix)
    if trigger.type == "webhook" and not facts.host.public:
        fix = "Run `serve` and set CONSTRUCTION_MCP_PUBLIC_URL to the address at which it is reached."
        if trigger.source == "custom":
            message = "Nobody can reach this server, so the webhook would never arrive."
            yield error("trigger", "WEBHOOK_NO_PUBLIC_URL", message, fix)
        elif trigger.source == "procore":
            message = "Procore cannot reach this server; it will be polled for changes while this process runs."
            yield warning("trigger", "WEBHOOK_NO_PUBLIC_URL", message, fix)


def trigger_schema(trigger: Trigger | None, types: ActionTypes) -> Schema:
    """What `trigger` holds in this workflow's expressions.

    `input` and the type manual are in all of them, since any workflow can be run by hand; `event` and `record` are null
    then. `record` is what the get action of that kind gives as `item`, where all resources are of one known kind.
    """
    if trigger is None or (trigger.type == "webhook" and trigger.source is None):
        return ANYTHING  # what it will bring is not known yet
    if trigger.type == "poll" or trigger.source == "procore":
        return _object({**_START, "event": _or_null(_EVENT), "record": _record(trigger.resources or (), types)})
    return _CALLED if trigger.type == "webhook" else _STARTED


def _record(resources: Sequence[str], types: ActionTypes) -> Schema:
    reads = {READS.get(named(resource) or "") for resource in resources}
    name = next(iter(reads)) if len(reads) == 1 else None
    action = types.get(name) if name else None
    if action is None:
        return ANYTHING
    given = (action.output({}) if callable(action.output) else action.output)["properties"]
    return _or_null(given["item"] if "item" in given else given["items"]["items"])


def _object(fields: Mapping[str, Schema]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(fields), "required": list(fields), "additionalProperties": False}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


_EVENT = _object(
    {
        "id": {"type": "string"},
        "resource_name": {"type": "string"},
        "event_type": {"type": "string"},
        "resource_id": ANYTHING,  # a number, but a ULID for some records of v2
        "project_id": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "company_id": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "user_id": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "at": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    }
)
_START: Mapping[str, Schema] = {"type": {"type": "string"}, "at": {"type": "string"}, "input": ANYTHING}
_STARTED = _object(_START)
_CALLED = _object({**_START, "body": ANYTHING})
