"""Views: which fields an answer has and where each comes from. Embedded records are resolved when read."""

from collections.abc import Callable
from typing import Any

from construction_mcp.simulator.records import Record
from construction_mcp.simulator.world import World

Renderer = Callable[[World, Record], Any]
View = dict[str, Renderer]


def render(world: World, record: Record, view: View) -> dict[str, Any]:
    return {name: renderer(world, record) for name, renderer in view.items()}


def _copy(name: str) -> Renderer:
    if name == "id":
        return lambda _world, record: record.id
    return lambda _world, record: record.body.get(name)


def plain(names: str) -> dict[str, Renderer]:
    """Fields that are stored as they are sent; an absent one is null."""
    return {name: _copy(name) for name in names.split()}


def source(name: str) -> Renderer:
    """The stored field `name`, sent under another name."""
    return _copy(name)


def const(value: Any) -> Renderer:
    return lambda _world, _record: value


def text_id(name: str = "id") -> Renderer:
    """An id as REST v2 writes it: a string (FACTS 1.2)."""

    def renderer(_world: World, record: Record) -> str | None:
        value = record.id if name == "id" else record.body.get(name)
        return None if value is None else str(value)

    return renderer


def project_id(_world: World, record: Record) -> int:
    return record.scope


def company_id(world: World, record: Record) -> int:
    return world.company_of(record)


def user(world: World, user_id: int | None) -> Record | None:
    return world.find("user", 0, user_id)


def as_person(record: Record | None) -> dict[str, Any] | None:
    return None if record is None else {"id": record.id, "login": record["email_address"], "name": record["name"]}


def person(field: str) -> Renderer:
    """`{id, login, name}` of the user whose id is stored in `field`."""
    return lambda world, record: as_person(user(world, record.body.get(field)))


def people(field: str) -> Renderer:
    def renderer(world: World, record: Record) -> list[dict[str, Any]]:
        found = (as_person(user(world, each)) for each in record.body.get(field) or ())
        return [one for one in found if one]

    return renderer


def employer(world: World, record: Record | None) -> Record | None:
    """The vendor a user works for, seen from the user's first company."""
    if record is None or record["vendor_id"] is None:
        return None
    return world.find("vendor", record["company_ids"][0], record["vendor_id"])


def person_with_company(field: str) -> Renderer:
    """`{id, login, name, locale, company_name}`."""

    def renderer(world: World, record: Record) -> dict[str, Any] | None:
        found = user(world, record.body.get(field))
        shown = as_person(found)
        if shown is None:
            return None
        firm = employer(world, found)
        return {**shown, "locale": "en", "company_name": firm["name"] if firm else None}

    return renderer


def people_with_company(field: str) -> Renderer:
    def renderer(world: World, record: Record) -> list[dict[str, Any]]:
        shown = []
        for each in record.body.get(field) or ():
            firm, one = employer(world, user(world, each)), as_person(user(world, each))
            if one:
                shown.append({**one, "company_name": firm["name"] if firm else None})
        return shown

    return renderer


def named(field: str, kind: str, *, in_company: bool = False) -> Renderer:
    """`{id, name}` of the record of `kind` whose id is stored in `field`."""

    def renderer(world: World, record: Record) -> dict[str, Any] | None:
        found = linked(world, record, field, kind, in_company=in_company)
        return None if found is None else {"id": found.id, "name": found["name"]}

    return renderer


def named_person(field: str) -> Renderer:
    """`{id, name}` of a user, where the login is not shown."""

    def renderer(world: World, record: Record) -> dict[str, Any] | None:
        found = user(world, record.body.get(field))
        return None if found is None else {"id": found.id, "name": found["name"]}

    return renderer


def linked(world: World, record: Record, field: str, kind: str, *, in_company: bool = False) -> Record | None:
    scope = world.company_of(record) if in_company else record.scope
    return world.find(kind, scope, record.body.get(field))


def vendor(field: str = "vendor_id") -> Renderer:
    return named(field, "vendor", in_company=True)


def embedded(field: str, kind: str, view: View, *, in_company: bool = False) -> Renderer:
    """The whole linked record, through `view`."""

    def renderer(world: World, record: Record) -> dict[str, Any] | None:
        found = linked(world, record, field, kind, in_company=in_company)
        return None if found is None else render(world, found, view)

    return renderer


LOCATION: View = plain("id name node_name parent_id created_at updated_at")
TRADE: View = plain("id name active updated_at")
TYPE_NAME: View = plain("id name created_at updated_at")


def location(field: str = "location_id") -> Renderer:
    return embedded(field, "location", LOCATION)


def trade(field: str = "trade_id") -> Renderer:
    return embedded(field, "trade", TRADE, in_company=True)


def attachments(world: World, record: Record) -> list[dict[str, Any]]:
    """`{id, name, url, filename}` of what was uploaded and attached."""
    shown = []
    for number, upload in enumerate(record.body.get("attachments") or (), start=1):
        attachment_id = record.id * 10 + number
        url = f"{world.api_url}/download/{upload['uuid']}"
        shown.append({"id": attachment_id, "name": upload["name"], "filename": upload["name"], "url": url})
    return shown
