"""`seed_sample_data`: records to try workflows on, where no real job can be touched."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

from construction_mcp.core.arguments import ProjectId
from construction_mcp.core.clock import Clock
from construction_mcp.core.destinations import is_this_machine
from construction_mcp.core.effects import Effect
from construction_mcp.core.errors import ConstructionError, Invalid
from construction_mcp.core.toolset import tool
from construction_mcp.core.types import Role
from construction_mcp.procore.access import Procore
from construction_mcp.procore.environments import Environment
from construction_mcp.procore.records import observations, punch_items, rfis
from construction_mcp.procore.records.families import Reading, reading_of
from construction_mcp.procore.records.observations import OBSERVATIONS, NewObservation
from construction_mcp.procore.records.punch_items import PUNCH_ITEMS, NewPunchItem
from construction_mcp.procore.records.rfis import NewRfi
from construction_mcp.procore.records.sites import site_of
from construction_mcp.procore.together import together

_MARK = "Sample: "  # what tells them from the records of a job
_QUESTION = "Invented to try workflows on; nobody has to answer. Which of the two details governs here?"

# Days until each is due: what is late, what is due soon, what has time.
_RFIS = {"Slab edge at grid C4": -7, "Anchor bolts at column B2": 2, "Door hardware of level 3": 14}
_PUNCH_ITEMS = {"Paint scratched at door 204": -2, "Ceiling tile missing in corridor 2": 5}
_OBSERVATIONS = {"Guardrail missing at stair 2": 1}


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """One record of the sample."""

    kind: str
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Seeded:
    """What was written now, what was there before, and what Procore refused, with its reason."""

    created: list[SampleRecord]
    present: list[str]
    refused: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Sample:
    """A record that is to be: `create` writes it and returns its id."""

    kind: str
    name: str
    due_date: date
    create: Callable[[], Awaitable[int]]


@tool(effect="outside", role=Role.ADMIN, open_world=True)
async def seed_sample_data(project_id: ProjectId, *, procore: Procore, clock: Clock) -> Effect[Seeded]:
    """Write sample RFIs, punch items and an observation into a simulator or sandbox project, after a preview.

    Some are overdue. What is there by name is left, so calling again adds only what is missing.
    """
    _require_nobodys_job(procore.connection.environment)
    reading = await reading_of(procore, project_id, clock.now())
    wanted, present = await together(_samples(reading), _names_there(reading))
    missing = [one for one in wanted if one.name not in present]
    shown = {
        "project": (await site_of(procore, project_id)).name,
        "create": [{"kind": one.kind, "name": one.name, "due_date": one.due_date.isoformat()} for one in missing],
        "then": "Procore tells the people it asks, as for any record.",
    }

    async def perform() -> Seeded:
        return await _write(missing, [one.name for one in wanted if one.name in present])

    summary = f"Write {len(missing)} sample records into {shown['project']}"
    return Effect(summary, shown, perform, (f"procore:project/{project_id}/sample",), is_read=not missing)


def _require_nobodys_job(environment: Environment) -> None:
    """Whoever names another host themselves may have named the one of their company."""
    is_ours = not environment.overridden or is_this_machine(urlsplit(environment.api).hostname or "")
    if environment.name not in ("simulator", "sandbox") or not is_ours:
        raise Invalid(
            f"Sample data is only for a simulator or a sandbox; this server works on {environment.name}.",
            hint="Start one with PROCORE_ENVIRONMENT=simulator or sandbox, and the hosts that belong to it.",
        )


async def _write(missing: Sequence[_Sample], present: list[str]) -> Seeded:
    """One after the other; a refused one does not keep the others away."""
    created: list[SampleRecord] = []
    refused: dict[str, Any] = {}
    for one in missing:
        try:
            created.append(SampleRecord(one.kind, await one.create(), one.name))
        except ConstructionError as error:
            refused[one.name] = error.public()["error"]
    return Seeded(created, present, refused)


async def _names_there(reading: Reading) -> set[str]:
    """Titles of the samples in the project, whatever became of them."""
    project_id, words = reading.project_id, _MARK.strip()
    places = [
        ((rfis.path_of(project_id), {}), rfis.list_query(status="any", search=words)),
        (PUNCH_ITEMS.at(project_id), punch_items.list_query(status="any", search=words, updated_since=None)),
        (OBSERVATIONS.at(project_id), observations.list_query(status="any", search=words, updated_since=None)),
    ]
    listings = await together(*(reading.procore.list(path, {**place, **query}) for (path, place), query in places))
    rows = [row for listing in listings for row in listing.items if isinstance(row, Mapping)]
    return {str(row.get("subject") or row.get("name")) for row in rows}


async def _samples(reading: Reading) -> list[_Sample]:
    """All that the sample is made of, with the first person and type that the project allows."""
    (managers, assignees), types = await together(
        rfis.read_candidates(reading.procore, reading.project_id),
        observations.read_types(reading.procore, reading.project_id),
    )
    if not (managers and assignees and types):
        raise Invalid(
            "This project has nobody who may be asked an RFI, or no observation type.",
            hint="Choose another project, or set it up in Procore first.",
        )
    asked = (managers[0].id, [assignees[0].id])
    return [
        *(_rfi(reading, name, days, *asked) for name, days in _RFIS.items()),
        *(_punch_item(reading, name, days) for name, days in _PUNCH_ITEMS.items()),
        *(_observation(reading, name, days, types[0].id) for name, days in _OBSERVATIONS.items()),
    ]


def _rfi(reading: Reading, name: str, days: int, manager_id: int, assignee_ids: Sequence[int]) -> _Sample:
    due = reading.today + timedelta(days=days)
    new = NewRfi(_MARK + name, _QUESTION, manager_id, assignee_ids, due)

    async def create() -> int:
        return (await rfis.create(reading.procore, reading.project_id, new, reading.today)).id

    return _Sample("rfi", new.subject, due, create)


def _punch_item(reading: Reading, name: str, days: int) -> _Sample:
    due = reading.today + timedelta(days=days)
    new = NewPunchItem(_MARK + name, "Invented to try workflows on.", due_date=due)

    async def create() -> int:
        return (await punch_items.create(reading.procore, reading, new)).id

    return _Sample("punch_item", new.name, due, create)


def _observation(reading: Reading, name: str, days: int, type_id: int) -> _Sample:
    due = reading.today + timedelta(days=days)
    new = NewObservation(_MARK + name, type_id, "Invented to try workflows on.", due_date=due)

    async def create() -> int:
        return (await observations.create(reading.procore, reading, new)).id

    return _Sample("observation", new.name, due, create)
