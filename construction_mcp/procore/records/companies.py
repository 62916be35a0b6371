"""Companies and projects: what a connection can see, read once and kept for everybody who asks within minutes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from construction_mcp.core.errors import Invalid, NextCall
from construction_mcp.procore.access import Procore
from construction_mcp.procore.records.fields import day, text
from construction_mcp.procore.responses import number_or_none


@dataclass(frozen=True, slots=True)
class Company:
    """A company the connection sees; `is_default` when calls that name none mean it."""

    id: int
    name: str
    is_default: bool


@dataclass(frozen=True, slots=True)
class Project:
    """A project as one line of a list. `time_zone` is Procore's own name of it."""

    id: int
    name: str
    number: str | None
    is_active: bool
    stage: str | None
    city: str | None
    state: str | None
    time_zone: str | None
    start_date: date | None
    completion_date: date | None
    web_url: str

    @property
    def label(self) -> str:
        """Number and name, as people say it."""
        return f"{self.number} {self.name}" if self.number else self.name


@dataclass(frozen=True, slots=True)
class Projects:
    """All projects the connection sees in one company; `truncated` when there are more than is read."""

    items: tuple[Project, ...]
    truncated: bool

    def find(self, project_id: int) -> Project | None:
        return next((project for project in self.items if project.id == project_id), None)


async def companies_of(procore: Procore) -> list[Company]:
    """`GET /rest/v1.0/companies`: with a service account those that installed the app."""
    found = await procore.list("/rest/v1.0/companies", ttl_s=procore.limits.record_cache_s)
    return [_company(row, procore.connection.company_id) for row in found.items if _has_id(row)]


async def projects_of(procore: Procore, company_id: int | None = None) -> Projects:
    """`GET /rest/v1.1/projects` of one company, the connection's own by default, by name.

    Read whole and kept for `record_cache_s`, so that listing, searching, completing and naming projects cost nothing
    more; a company with more than `procore_pages_max` pages of them is cut.

    Raises:
        Invalid: PROCORE_COMPANY_REQUIRED.
    """
    company = company_id or procore.connection.company_id
    if company is None:
        raise Invalid(
            "Which company is not known yet.",
            code="PROCORE_COMPANY_REQUIRED",
            next_call=NextCall("list_procore_companies", {}, "shows the companies; connect_procore sets the default"),
        )
    query = {"company_id": company, "filters": {"by_status": "All"}, "sort": "name"}
    found = await procore.list("/rest/v1.1/projects", query, company=company, ttl_s=procore.limits.record_cache_s)
    items = tuple(_project(row, procore) for row in found.items if _has_id(row))
    return Projects(items, found.truncated)


def _has_id(row: Any) -> bool:
    return isinstance(row, Mapping) and number_or_none(row.get("id")) is not None


def _company(row: Mapping[str, Any], default: int | None) -> Company:
    company_id = int(row["id"])
    return Company(company_id, text(row.get("name")) or f"Company {company_id}", company_id == default)


def _project(row: Mapping[str, Any], procore: Procore) -> Project:
    stage = row.get("project_stage")
    project_id = int(row["id"])
    return Project(
        id=project_id,
        name=text(row.get("name")) or text(row.get("display_name")) or f"Project {project_id}",
        number=text(row.get("project_number")),
        is_active=row.get("active") is not False,
        stage=text(stage.get("name")) if isinstance(stage, Mapping) else None,
        city=text(row.get("city")),
        state=text(row.get("state_code")),
        time_zone=text(row.get("time_zone")),
        start_date=day(row.get("start_date")),
        completion_date=day(row.get("completion_date")),
        web_url=procore.web_url(project_id, "project", "home"),
    )
