"""The Procore projects that an action is about, as far as they are known before it runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from construction_mcp.actions.action import NamesProjects, Setting, Written
from construction_mcp.core.config import Limits

ALL_ACTIVE = "all_active"
_LISTED_MAX = 3  # beyond it people read a number

ProjectNumber = Annotated[int, Field(ge=1)]
ProjectId = Annotated[
    ProjectNumber | None, Field(description="Procore project id; the workflow's project unless given"), NamesProjects()
]
Projects = Annotated[
    ProjectNumber | Annotated[list[ProjectNumber], Field(min_length=1, max_length=50)] | Literal["all_active"] | None,
    Field(description="A Procore project id, a list of them, or all_active; the workflow's project unless given"),
    NamesProjects(),
]


@dataclass(frozen=True, slots=True)
class Place:
    """Which projects: their ids as far as they are known, how many there may be, and what a person calls them."""

    ids: Sequence[int]
    count: int
    words: str

    @property
    def target(self) -> str:
        """As a consent names it: what is not known yet may be any project."""
        return self.words if self.ids else "any project"


def place_of(config: Written, setting: Setting) -> Place:
    """The place of a written config, by its field `projects` or `project_id`.

    Where nobody knows how many there are (a template, or `all_active` before Procore was asked), as many are assumed as
    one overview takes.
    """
    given = config.get("projects", config.get("project_id"))
    if given is None:
        given = setting.project_id
    if given == ALL_ACTIVE:
        return _all_active(setting)
    if isinstance(given, list) and all(map(_is_id, given)):
        return _several(given)
    if _is_id(given):
        return Place((given,), 1, f"project {given}")
    if given is None:
        return Place((), 1, "the workflow's project")
    is_one = "projects" not in config
    return Place((), 1 if is_one else _assumed(), f"{'a project' if is_one else 'projects'} chosen when it runs")


def _all_active(setting: Setting) -> Place:
    if setting.active_projects is None:
        return Place((), _assumed(), "all active projects")
    ids = tuple(setting.active_projects)
    return Place(ids, len(ids), f"all {len(ids)} active projects")


def _several(given: Sequence[int]) -> Place:
    ids = tuple(sorted(set(given)))
    if len(ids) == 1:
        return Place(ids, 1, f"project {ids[0]}")
    if len(ids) > _LISTED_MAX:
        return Place(ids, len(ids), f"{len(ids)} projects")
    return Place(ids, len(ids), f"projects {', '.join(map(str, ids[:-1]))} and {ids[-1]}")


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _assumed() -> int:
    return Limits().overview_projects_max
