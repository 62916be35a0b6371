"""The Procore projects that an action is about, as far as they are known before it runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import Field

from construction_mcp.actions.action import NamesProjects, Setting, Written
from construction_mcp.actions.written import in_words
from construction_mcp.core.config import Limits

ALL_ACTIVE = "all_active"
_DIGITS_MAX = 19  # of a 64-bit id

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
    name = "projects" if "projects" in config else "project_id"
    given = setting.project_id if config.get(name) is None else config[name]
    if given is None:
        return Place((), 1, "the workflow's project")
    if type(given) is int:  # as almost always
        return _one(given)
    if given == ALL_ACTIVE:
        return _all_active(setting)
    rows = given if isinstance(given, list) and given else [given]
    ids = [one for row in rows if (one := _id_of(row)) is not None]
    if len(ids) == len(rows):
        return _known(ids)
    count = len(rows) if isinstance(given, list) or name == "project_id" else _assumed()
    return Place((), count, f"{'a project' if count == 1 else 'projects'} chosen when it runs")


@lru_cache(maxsize=256)  # every action of a workflow asks several times, and most for the same one
def _one(project_id: int) -> Place:
    return Place((project_id,), 1, f"project {project_id}")


def _all_active(setting: Setting) -> Place:
    if setting.active_projects is None:
        return Place((), _assumed(), "all active projects")
    ids = tuple(setting.active_projects)
    return Place(ids, len(ids), f"all {len(ids)} active projects")


def _known(given: Sequence[int]) -> Place:
    ids = tuple(sorted(set(given)))
    if len(ids) == 1:
        return Place(ids, 1, f"project {ids[0]}")
    return Place(ids, len(ids), f"projects {in_words([str(one) for one in ids], 'more')}")


def _id_of(value: Any) -> int | None:
    """A project id, also as the digits that a config may be written with."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _DIGITS_MAX:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _assumed() -> int:
    return Limits().overview_projects_max
