"""Tools over what is found and done on site. What Procore knows of each kind is in `procore/records/`."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated, Any, Generic, Literal, TypedDict, TypeVar

from pydantic import Field

from construction_mcp.core.arguments import Cursor, Ids, Limit, ProjectId
from construction_mcp.core.clock import Clock
from construction_mcp.core.cursor import Cursors
from construction_mcp.core.effects import Effect
from construction_mcp.core.toolset import tool
from construction_mcp.core.types import Page
from construction_mcp.procore.access import Procore
from construction_mcp.procore.records import incidents, inspections, meetings, observations, photos, punch_items
from construction_mcp.procore.records.choices import chosen, read_locations, read_members
from construction_mcp.procore.records.families import Found, Wanted, names_filter, reading_of
from construction_mcp.procore.records.incidents import INCIDENTS, Incident
from construction_mcp.procore.records.inspections import INSPECTIONS, Inspection
from construction_mcp.procore.records.meetings import MEETINGS, Meeting
from construction_mcp.procore.records.observations import OBSERVATIONS, NewObservation, Observation, Priority
from construction_mcp.procore.records.persons import person_named
from construction_mcp.procore.records.photos import PHOTOS, Photo
from construction_mcp.procore.records.punch_items import PUNCH_ITEMS, NewPunchItem, PunchItem
from construction_mcp.procore.records.sites import site_of
from construction_mcp.procore.records.writing import settled_by
from construction_mcp.toolsets.field.arguments import (
    NewDue,
    NewName,
    NewPlace,
    NewText,
    OneId,
    Text,
    UpdatedSince,
    Who,
)

Item = TypeVar("Item", PunchItem, Observation)


@tool(effect="read", open_world=True, fields=True, summary_to="web_url")
async def list_procore_punch_items(
    project_id: ProjectId,
    status: Annotated[punch_items.Status, "Only this status"] = "open",
    overdue: Annotated[bool, "Only open ones past their due date, earliest first"] = False,
    ball_in_court: Who = None,
    text: Text = None,
    updated_since: UpdatedSince = None,
    limit: Limit = 25,
    cursor: Cursor = None,
    *,
    procore: Procore,
    cursors: Cursors,
    clock: Clock,
) -> Page[PunchItem]:
    """List punch items of a project with ball in court, location and days overdue.

    Filtered by person or overdue they come earliest due date first. For the text of one use get_procore_punch_item.
    """
    query = punch_items.list_query(status="open" if overdue else status, search=text, updated_since=updated_since)
    return await PUNCH_ITEMS.page(
        await reading_of(procore, project_id, clock.now()),
        Wanted(cursors, limit, cursor),
        query,
        **await _due_of(procore, overdue, ball_in_court, lambda item: item.ball_in_court, punch_items.due_first),
    )


@tool(effect="read", open_world=True)
async def get_procore_punch_item(
    project_id: ProjectId, punch_item_id: OneId = None, ids: Ids = None, *, procore: Procore, clock: Clock
) -> Found[PunchItem]:
    """Return a punch item in full: description, people, impacts and times; or several by ids.

    Use list_procore_punch_items to find ids.
    """
    return await PUNCH_ITEMS.find(await reading_of(procore, project_id, clock.now()), punch_item_id, ids)


@tool(effect="outside", open_world=True)
async def create_procore_punch_item(
    project_id: ProjectId,
    name: NewName,
    description: NewText = None,
    assignees: Annotated[list[str] | None, Field(max_length=20), "Names, logins or ids of who must fix it"] = None,
    due_date: NewDue = None,
    location: NewPlace = None,
    priority: Annotated[Literal["low", "medium", "high", "none"], "How urgent it is"] = "none",
    *,
    procore: Procore,
    clock: Clock,
) -> Effect[PunchItem]:
    """Create a punch item in Procore after a preview, and return it with its number.

    For a safety or quality finding use create_procore_observation.
    """
    reading = await reading_of(procore, project_id, clock.now())
    members = await read_members(procore, project_id) if assignees else []
    people = [person_named(one, members, "assignees", project_id) for one in assignees or []]
    place = chosen(location, await read_locations(procore, project_id), "location") if location else None
    new = NewPunchItem(
        name=name,
        description=description,
        assignee_ids=[one.id for one in people],
        due_date=due_date,
        location_id=place.id if place else None,
        priority=None if priority == "none" else priority,
    )
    shown = _shown(
        project=(await site_of(procore, project_id)).name,
        name=name,
        description=description,
        assignees=[one.name for one in people] or None,
        due_date=due_date,
        location=place and place.name,
        priority=None if priority == "none" else priority,
    )

    async def perform() -> PunchItem:
        look = {"project_id": project_id, "text": name, "status": "any"}
        with settled_by("list_procore_punch_items", look, "see whether it is there"):
            return await punch_items.create(procore, reading, new)

    return Effect(f"Create punch item {name!r}", shown, perform, (f"procore:project/{project_id}/punch_item",))


@tool(effect="read", open_world=True, fields=True, summary_to="web_url")
async def list_procore_observations(
    project_id: ProjectId,
    status: Annotated[observations.Status, "Only this status; open is everything not closed"] = "open",
    overdue: Annotated[bool, "Only open ones past their due date, earliest first"] = False,
    assigned_to: Who = None,
    text: Text = None,
    updated_since: UpdatedSince = None,
    limit: Limit = 25,
    cursor: Cursor = None,
    *,
    procore: Procore,
    cursors: Cursors,
    clock: Clock,
) -> Page[Observation]:
    """List safety and quality observations of a project with assignee, priority and days overdue.

    Filtered by person or overdue they come earliest due date first. For one in full use get_procore_observation.
    """
    query = observations.list_query(status="open" if overdue else status, search=text, updated_since=updated_since)
    return await OBSERVATIONS.page(
        await reading_of(procore, project_id, clock.now()),
        Wanted(cursors, limit, cursor),
        query,
        **await _due_of(procore, overdue, assigned_to, lambda item: [item.assignee or ""], observations.due_first),
    )


@tool(effect="read", open_world=True)
async def get_procore_observation(
    project_id: ProjectId, observation_id: OneId = None, ids: Ids = None, *, procore: Procore, clock: Clock
) -> Found[Observation]:
    """Return an observation in full: description, category, people and times; or several by ids.

    Use list_procore_observations to find ids.
    """
    return await OBSERVATIONS.find(await reading_of(procore, project_id, clock.now()), observation_id, ids)


@tool(effect="outside", open_world=True)
async def create_procore_observation(
    project_id: ProjectId,
    name: NewName,
    type: Annotated[str, Field(min_length=1, max_length=100), "Observation type by name or id"],
    description: NewText = None,
    priority: Annotated[Priority | Literal["none"], "Low, Medium, High, Urgent or none"] = "none",
    assignee: Annotated[str | None, Field(min_length=1, max_length=100), "Name, login or id of who must act"] = None,
    due_date: NewDue = None,
    location: NewPlace = None,
    *,
    procore: Procore,
    clock: Clock,
) -> Effect[Observation]:
    """Create an observation in Procore after a preview, and return it with its number. Procore tells nobody of it.

    For unfinished or defective work before handover use create_procore_punch_item.
    """
    reading = await reading_of(procore, project_id, clock.now())
    kind = chosen(type, await observations.read_types(procore, project_id), "type")
    members = await read_members(procore, project_id) if assignee else []
    person = person_named(assignee, members, "assignee", project_id) if assignee else None
    place = chosen(location, await read_locations(procore, project_id), "location") if location else None
    new = NewObservation(
        name=name,
        type_id=kind.id,
        description=description,
        priority=None if priority == "none" else priority,
        assignee_id=person.id if person else None,
        due_date=due_date,
        location_id=place.id if place else None,
    )
    shown = _shown(
        project=(await site_of(procore, project_id)).name,
        name=name,
        type=kind.name,
        description=description,
        priority=None if priority == "none" else priority,
        assignee=person and person.name,
        due_date=due_date,
        location=place and place.name,
        then="Procore sends no mail for observations made this way.",
    )

    async def perform() -> Observation:
        look = {"project_id": project_id, "text": name, "status": "any"}
        with settled_by("list_procore_observations", look, "see whether it is there"):
            return await observations.create(procore, reading, new)

    return Effect(f"Create observation {name!r}", shown, perform, (f"procore:project/{project_id}/observation",))


@tool(effect="read", open_world=True, fields=True, summary_to="web_url")
async def list_procore_inspections(
    project_id: ProjectId,
    status: Annotated[inspections.Status, "Only this status"] = "any",
    deficient: Annotated[bool, "Only those with failed items"] = False,
    text: Text = None,
    inspected_since: Annotated[date | None, "Only inspected on or after this day"] = None,
    limit: Limit = 25,
    cursor: Cursor = None,
    *,
    procore: Procore,
    cursors: Cursors,
    clock: Clock,
) -> Page[Inspection]:
    """List inspections of a project, latest first, with counts of inspected and failed items.

    For inspectors and contractor of one use get_procore_inspection.
    """
    return await INSPECTIONS.page(
        await reading_of(procore, project_id, clock.now()),
        Wanted(cursors, limit, cursor),
        inspections.list_query(status=status, search=text, inspected_since=inspected_since),
        keep=(lambda one: bool(one.deficient)) if deficient else None,
        keep_name=f"{deficient}",
    )


@tool(effect="read", open_world=True)
async def get_procore_inspection(
    project_id: ProjectId, inspection_id: OneId = None, ids: Ids = None, *, procore: Procore, clock: Clock
) -> Found[Inspection]:
    """Return an inspection in full: template, inspectors, contractor, item counts and times; or several by ids.

    Use list_procore_inspections to find ids.
    """
    return await INSPECTIONS.find(await reading_of(procore, project_id, clock.now()), inspection_id, ids)


@tool(effect="read", open_world=True, fields=True, summary_to="web_url")
async def list_procore_incidents(
    project_id: ProjectId,
    status: Annotated[incidents.Status, "Only this status"] = "any",
    recordable: Annotated[bool | None, "Only recordable ones, or only others"] = None,
    text: Text = None,
    happened_since: Annotated[date | None, "Only on or after this day"] = None,
    limit: Limit = 25,
    cursor: Cursor = None,
    *,
    procore: Procore,
    cursors: Cursors,
    clock: Clock,
) -> Page[Incident]:
    """List safety incidents of a project, latest first, with status and whether they are recordable.

    For what happened and what followed use get_procore_incident.
    """
    return await INCIDENTS.page(
        await reading_of(procore, project_id, clock.now()),
        Wanted(cursors, limit, cursor),
        incidents.list_query(status=status, recordable=recordable, search=text, happened_since=happened_since),
    )


@tool(effect="read", open_world=True)
async def get_procore_incident(
    project_id: ProjectId, incident_id: OneId = None, ids: Ids = None, *, procore: Procore, clock: Clock
) -> Found[Incident]:
    """Return an incident in full: description, who reported it, counts of injuries and actions; or several by ids.

    Use list_procore_incidents to find ids.
    """
    return await INCIDENTS.find(await reading_of(procore, project_id, clock.now()), incident_id, ids)


@tool(effect="read", open_world=True, fields=True, summary_to="web_url")
async def list_procore_photos(
    project_id: ProjectId,
    text: Text = None,
    uploaded_from: Annotated[date | None, "Only uploaded on or after this day"] = None,
    uploaded_to: Annotated[date | None, "Only uploaded on or before this day"] = None,
    starred: Annotated[bool | None, "Only starred ones, or only others"] = None,
    limit: Limit = 25,
    cursor: Cursor = None,
    *,
    procore: Procore,
    cursors: Cursors,
    clock: Clock,
) -> Page[Photo]:
    """List photos of a project, latest upload first, with album, place and who uploaded them.

    For the address of one picture use get_procore_photo.
    """
    return await PHOTOS.page(
        await reading_of(procore, project_id, clock.now()),
        Wanted(cursors, limit, cursor),
        photos.list_query(search=text, uploaded_from=uploaded_from, uploaded_to=uploaded_to, starred=starred),
    )


@tool(effect="read", open_world=True)
async def get_procore_photo(
    project_id: ProjectId, photo_id: OneId = None, ids: Ids = None, *, procore: Procore, clock: Clock
) -> Found[Photo]:
    """Return a photo with the address of its picture, which asks for a Procore login; or several by ids.

    Use list_procore_photos to find ids.
    """
    return await PHOTOS.find(await reading_of(procore, project_id, clock.now()), photo_id, ids)


@tool(effect="read", open_world=True, fields=True, summary_to="web_url")
async def list_procore_meetings(
    project_id: ProjectId,
    when: Annotated[Literal["past", "upcoming", "any"], "Only past or upcoming ones"] = "any",
    text: Annotated[str | None, Field(min_length=1, max_length=100), "Only with this in title or series"] = None,
    limit: Limit = 25,
    cursor: Cursor = None,
    *,
    procore: Procore,
    cursors: Cursors,
    clock: Clock,
) -> Page[Meeting]:
    """List meetings of a project, latest first, with their series and number of topics.

    For attendees, topics and minutes of one use get_procore_meeting.
    """
    now, words = clock.now(), (text or "").lower()

    def keep(one: Meeting) -> bool:
        is_past = one.starts_at is not None and one.starts_at <= now
        is_asked = when == "any" or (is_past if when == "past" else not is_past)
        return is_asked and words in f"{one.title} {one.series}".lower()

    return await MEETINGS.page(
        await reading_of(procore, project_id, now),
        Wanted(cursors, limit, cursor),
        {},
        keep=keep,
        keep_name=f"{when}:{text}",
        order=meetings.latest_first,
    )


@tool(effect="read", open_world=True)
async def get_procore_meeting(
    project_id: ProjectId, meeting_id: OneId = None, ids: Ids = None, *, procore: Procore, clock: Clock
) -> Found[Meeting]:
    """Return a meeting in full, with topics, who must act and minutes; or several by ids, without topics.

    Use list_procore_meetings to find ids.
    """
    return await MEETINGS.find(await reading_of(procore, project_id, clock.now()), meeting_id, ids)


class _Due(TypedDict, Generic[Item]):
    """The filter and order of `Family.page` that are ours and not Procore's."""

    keep: Callable[[Item], bool] | None
    keep_name: str
    order: Callable[[Item], Any] | None


async def _due_of(
    procore: Procore,
    overdue: bool,
    who: str | None,
    people: Callable[[Item], Sequence[str]],
    due_first: Callable[[Item], Any],
) -> _Due[Item]:
    """Only those overdue, of one person, or both; earliest due date first once either is asked for.

    Raises:
        Invalid: as `names_filter`.
    """
    holds = await names_filter(procore, who)

    def keep(item: Item) -> bool:
        return (not overdue or bool(item.is_overdue)) and (holds is None or holds(people(item)))

    filtered = overdue or holds is not None
    return _Due(keep=keep if filtered else None, keep_name=f"{overdue}:{who}", order=due_first if filtered else None)


def _shown(**values: Any) -> dict[str, Any]:
    """What a person judges; what is not set is not shown."""
    plain = {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}
    return {name: value for name, value in plain.items() if value is not None}
