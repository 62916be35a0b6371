"""What Procore's actions say they give is what the record readers really give, null for null, on the simulator."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter

from construction_mcp.actions.catalogue import Catalogue
from construction_mcp.bootstrap import House
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Settings
from construction_mcp.core.cursor import Cursors
from construction_mcp.core.effects import Effect
from construction_mcp.core.types import Principal, Role
from construction_mcp.procore.access import Accounts, Procore
from construction_mcp.procore.records import photos
from construction_mcp.procore.records.change_events import CHANGE_EVENTS
from construction_mcp.procore.records.companies import projects_of
from construction_mcp.procore.records.families import Family, Wanted, reading_of
from construction_mcp.procore.records.incidents import INCIDENTS
from construction_mcp.procore.records.inspections import INSPECTIONS
from construction_mcp.procore.records.meetings import MEETINGS
from construction_mcp.procore.records.observations import OBSERVATIONS
from construction_mcp.procore.records.people import people_of
from construction_mcp.procore.records.photos import PHOTOS
from construction_mcp.procore.records.punch_items import PUNCH_ITEMS
from construction_mcp.procore.records.rfis import read_candidates
from construction_mcp.procore.records.schedule import TASKS
from construction_mcp.toolsets.daily_logs.tools import create_procore_daily_log_entry, list_procore_daily_logs
from construction_mcp.toolsets.documents.tools import get_procore_document, list_procore_documents
from construction_mcp.toolsets.field.tools import create_procore_observation, create_procore_punch_item
from construction_mcp.toolsets.rfis.tools import (
    close_procore_rfi,
    create_procore_rfi,
    get_procore_rfi,
    list_procore_rfis,
    reply_to_procore_rfi,
)
from construction_mcp.toolsets.submittals.tools import (
    get_procore_submittal,
    list_procore_submittals,
    update_procore_submittal,
)

pytestmark = pytest.mark.anyio

CATALOGUE = Catalogue()
BETWEEN_CALLS_S = 11.0  # past a spike window


@dataclass(frozen=True, slots=True)
class Site:
    """A project of the simulator, and what its record readers are handed."""

    procore: Procore
    cursors: Cursors
    clock: ManualClock
    project_id: int

    @property
    def house(self) -> dict[str, Any]:
        """What tools are injected with."""
        self.clock.advance(BETWEEN_CALLS_S)
        return {"procore": self.procore, "clock": self.clock}

    @property
    def paging(self) -> dict[str, Any]:
        return {"limit": 100, "cursor": None, "cursors": self.cursors}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    clock = ManualClock()
    async with House(Settings(data_dir=tmp_path / "data", procore_grant="client_credentials"), clock=clock) as house:
        procore = await (await house.services.get(Accounts)).of(Principal("local:0", Role.ADMIN))
        first = next(one for one in (await projects_of(procore)).items if one.is_active)
        yield Site(procore, await house.services.get(Cursors), clock, first.id)


Read = Callable[[Site], Awaitable[Sequence[Any]]]


def rows(family: Family[Any], query: dict[str, Any] | None = None) -> Read:
    async def read(site: Site) -> Sequence[Any]:
        reading = await reading_of(site.procore, site.project_id, site.clock.now(), full=True)
        page = await family.page(reading, Wanted(site.cursors, 100, None), query or {})
        return page.items

    return read


def found(family: Family[Any]) -> Read:
    async def read(site: Site) -> Sequence[Any]:
        (first, *_) = await rows(family)(site)
        site.clock.advance(BETWEEN_CALLS_S)
        reading = await reading_of(site.procore, site.project_id, site.clock.now(), full=True)
        return [(await family.find(reading, first.id, None)).item]

    return read


async def list_rfis(site: Site) -> Sequence[Any]:
    page = await list_procore_rfis(site.project_id, status="any", detail="full", **site.paging, **site.house)
    return page.items


async def get_rfi(site: Site) -> Sequence[Any]:
    (first, *_) = await list_rfis(site)
    return [(await get_procore_rfi(site.project_id, first.id, **site.house)).item]


async def list_submittals(site: Site) -> Sequence[Any]:
    page = await list_procore_submittals(site.project_id, status="any", detail="full", **site.paging, **site.house)
    return page.items


async def get_submittal(site: Site) -> Sequence[Any]:
    (first, *_) = await list_submittals(site)
    return [(await get_procore_submittal(site.project_id, first.id, **site.house)).item]


async def list_daily_logs(site: Site) -> Sequence[Any]:
    first = site.clock.now().date().replace(day=1)
    page = await list_procore_daily_logs(site.project_id, from_date=first, detail="full", **site.paging, **site.house)
    return page.items


async def list_documents(site: Site) -> Sequence[Any]:
    site.clock.advance(BETWEEN_CALLS_S)
    page = await list_procore_documents(site.project_id, text=".pdf", **site.paging, procore=site.procore)
    return page.items


async def get_document(site: Site) -> Sequence[Any]:
    file = next(one for one in await list_documents(site) if one.kind == "file")
    return [(await get_procore_document(site.project_id, file.id, procore=site.procore)).item]


async def list_people(site: Site) -> Sequence[Any]:
    return (await people_of(site.procore, site.project_id)).items


async def list_projects(site: Site) -> Sequence[Any]:
    return (await projects_of(site.procore)).items


async def performed(effect: Effect[Any]) -> Sequence[Any]:
    return [await effect.perform()]


async def create_rfi(site: Site) -> Sequence[Any]:
    managers, assignees = await read_candidates(site.procore, site.project_id)
    words: dict[str, Any] = {"subject": "Slab edge at grid B", "question": "What holds the slab edge at grid B?"}
    people: dict[str, Any] = {"rfi_manager": str(managers[0].id), "assignees": [str(assignees[0].id)]}
    return await performed(await create_procore_rfi(site.project_id, **words, **people, **site.house))


async def reply_to_rfi(site: Site) -> Sequence[Any]:
    first = next(one for one in await list_rfis(site) if one.status == "open")
    return await performed(await reply_to_procore_rfi(site.project_id, first.id, "See detail 4.", **site.house))


async def close_rfi(site: Site) -> Sequence[Any]:
    first = next(one for one in await list_rfis(site) if one.status == "open")
    return await performed(await close_procore_rfi(site.project_id, first.id, **site.house))


async def update_submittal(site: Site) -> Sequence[Any]:
    (first, *_) = await list_submittals(site)
    return await performed(
        await update_procore_submittal(site.project_id, first.id, title="Door hardware", **site.house)
    )


async def create_daily_log(site: Site) -> Sequence[Any]:
    entry = {"comment": "Crane on site."}
    return await performed(await create_procore_daily_log_entry(site.project_id, "notes", entry, **site.house))


async def create_punch_item(site: Site) -> Sequence[Any]:
    return await performed(await create_procore_punch_item(site.project_id, "Door 4 sticks", **site.house))


async def create_observation(site: Site) -> Sequence[Any]:
    kind = next(one.type for one in await rows(OBSERVATIONS)(site) if one.type)
    return await performed(await create_procore_observation(site.project_id, "Open edge", kind, **site.house))


LATEST = photos.list_query(search=None, uploaded_from=None, uploaded_to=None, starred=None)
READERS: dict[str, Read] = {
    "procore.change_event.list": rows(CHANGE_EVENTS),
    "procore.daily_log.create": create_daily_log,
    "procore.daily_log.list": list_daily_logs,
    "procore.directory.list": list_people,
    "procore.document.get": get_document,
    "procore.document.list": list_documents,
    "procore.incident.get": found(INCIDENTS),
    "procore.incident.list": rows(INCIDENTS),
    "procore.inspection.get": found(INSPECTIONS),
    "procore.inspection.list": rows(INSPECTIONS),
    "procore.meeting.get": found(MEETINGS),
    "procore.meeting.list": rows(MEETINGS),
    "procore.observation.create": create_observation,
    "procore.observation.get": found(OBSERVATIONS),
    "procore.observation.list": rows(OBSERVATIONS),
    "procore.photo.get": found(PHOTOS),
    "procore.photo.list": rows(PHOTOS, LATEST),
    "procore.project.get": list_projects,
    "procore.project.list": list_projects,
    "procore.punch_item.create": create_punch_item,
    "procore.punch_item.get": found(PUNCH_ITEMS),
    "procore.punch_item.list": rows(PUNCH_ITEMS),
    "procore.rfi.close": close_rfi,
    "procore.rfi.create": create_rfi,
    "procore.rfi.get": get_rfi,
    "procore.rfi.list": list_rfis,
    "procore.rfi.reply": reply_to_rfi,
    "procore.schedule.list": rows(TASKS),
    "procore.submittal.get": get_submittal,
    "procore.submittal.list": list_submittals,
    "procore.submittal.update": update_submittal,
}
RAW = {"procore.request"}  # gives whatever Procore answers


def test_every_procore_action_is_held_against_its_reader() -> None:
    assert {name for name in CATALOGUE.names() if name.startswith("procore.")} == READERS.keys() | RAW


@pytest.mark.parametrize("name", READERS)
async def test_an_action_says_what_its_reader_gives(site: Site, name: str) -> None:
    described = CATALOGUE.describe(name)
    assert described is not None
    fields = described["output"]["properties"]
    item = fields["item"] if "item" in fields else fields["items"]["items"]

    records = await READERS[name](site)

    assert records, "nothing was read, so nothing is shown"
    for record in records:
        dumped = TypeAdapter(type(record)).dump_python(record, mode="json")
        here = {"project_id": site.project_id} if "project_id" in item["properties"] else {}
        assert dumped.get("project_id", site.project_id) == site.project_id
        Draft202012Validator(item).validate({**dumped, **here})
