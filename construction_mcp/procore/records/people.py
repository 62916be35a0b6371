"""People of a project, from `GET /rest/v1.0/projects/{project_id}/users`, and who is asking, from `/me`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from construction_mcp.procore.access import Procore
from construction_mcp.procore.records.fields import person, text
from construction_mcp.procore.responses import number_or_none


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on a project, and how to reach them."""

    id: int
    name: str
    job_title: str | None
    company: str | None
    email: str | None
    phone: str | None
    permission_template: str | None
    is_active: bool


@dataclass(frozen=True, slots=True)
class People:
    """Everybody on a project; `truncated` when there are more than is read."""

    items: tuple[Person, ...]
    truncated: bool


@dataclass(frozen=True, slots=True)
class Me:
    """The Procore user behind a connection."""

    id: int | None
    name: str | None
    login: str | None


async def people_of(procore: Procore, project_id: int, company_id: int | None = None) -> People:
    """Everybody on the project by name; kept for `record_cache_s`, so that looking twice costs once."""
    found = await procore.list(
        f"/rest/v1.0/projects/{project_id}/users",
        {"sort": "name"},
        company=company_id,
        ttl_s=procore.limits.record_cache_s,
    )
    return People(tuple(_person(row) for row in found.items if isinstance(row, Mapping)), found.truncated)


async def me_of(procore: Procore) -> Me:
    """`GET /rest/v1.0/me`."""
    row = await procore.get("/rest/v1.0/me")
    row = row if isinstance(row, Mapping) else {}
    return Me(number_or_none(row.get("id")), text(row.get("name")), text(row.get("login")))


def _person(row: Mapping[str, Any]) -> Person:
    return Person(
        id=number_or_none(row.get("id")) or 0,
        name=text(row.get("name")) or " ".join(filter(None, map(text, (row.get("first_name"), row.get("last_name"))))),
        job_title=text(row.get("job_title")),
        company=person(row.get("vendor")),
        email=text(row.get("email_address")),
        phone=text(row.get("mobile_phone")) or text(row.get("business_phone")),
        permission_template=person(row.get("permission_template")),
        is_active=row.get("is_active") is not False,
    )
