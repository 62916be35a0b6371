"""What the tools of this set answer with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from construction_mcp.core.errors import ConstructionError
from construction_mcp.procore.check import Changed
from construction_mcp.procore.records.companies import Company
from construction_mcp.procore.records.overview import Overview
from construction_mcp.procore.records.reach import Tool
from construction_mcp.procore.sign_in import Account
from construction_mcp.store.workflows import WorkflowName


@dataclass(frozen=True, slots=True)
class Problem:
    """What stands in the way, and what to do."""

    code: str
    message: str
    hint: str | None


@dataclass(frozen=True, slots=True)
class Connection:
    """Where connecting stands. `url` is for the person to open; `next_step` says what to call after."""

    status: Literal["connected", "service_account", "choose_company", "waiting", "waiting_for_code", "declined"]
    environment: str
    next_step: str
    url: str | None = None
    user: str | None = None
    login: str | None = None
    company: Company | None = None
    companies: list[Company] | None = None
    projects: int | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class SeenProject:
    """A project by its name."""

    id: int
    name: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class Checked:
    """What the connection reaches now. `tools` and `permission_template` are those of `project`."""

    environment: str
    user: str | None
    login: str | None
    is_service_account: bool
    companies: list[Company]
    projects_total: int
    projects: list[SeenProject]
    project: SeenProject | None
    permission_template: str | None
    tools: list[Tool]
    changed: Changed | None


@dataclass(frozen=True, slots=True)
class Disconnected:
    """An account that is no longer linked; `revoked` is False when Procore did not confirm."""

    revoked: bool
    stopped_workflows: list[WorkflowName]


@dataclass(frozen=True, slots=True)
class Companies:
    """The companies a connection sees."""

    items: list[Company]


@dataclass(frozen=True, slots=True)
class Overviews:
    """One overview per project; `missing` are ids that are not visible, `left_out` how many more projects there are."""

    items: list[Overview]
    missing: list[int]
    left_out: int | None = None


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """What Procore answered: `items` for a list, `item` for a record. `truncated` when some was left out to fit."""

    items: list[Any] | None = None
    item: Mapping[str, Any] | None = None
    total: int | None = None
    truncated: bool | None = None


def problem_of(error: ConstructionError | None) -> Problem | None:
    """An error as part of an answer that is none."""
    return None if error is None else Problem(error.code, error.message, error.hint)


def connected(account: Account, environment: str, *, is_service: bool) -> Connection:
    """A connection that exists, and what to do next with it."""
    status: Literal["connected", "service_account", "choose_company"]
    if account.company is None and account.companies:
        status, step = "choose_company", "Ask which company is meant, then call connect_procore with its company_id."
    else:
        status = "service_account" if is_service else "connected"
        step = "Go on with list_procore_projects or get_procore_project_overview."
    if account.problem is not None:
        step = "Resolve the problem, then call check_procore_connection."
    return Connection(
        status=status,
        environment=environment,
        next_step=step,
        user=account.me.name,
        login=account.me.login,
        company=account.company,
        companies=account.companies if len(account.companies) > 1 else None,
        projects=account.projects,
        problem=problem_of(account.problem),
    )
