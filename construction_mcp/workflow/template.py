"""Workflows to start from: a YAML file each, in `templates/` or in a package that declares where it keeps its own.

title, summary: for people, what it does and for whom. tags: words that people may look for it by. needs_project: it is
about one project, so that has to be named. definition: the workflow, with variables for what differs between users.

A package outside declares an entry point in group `construction_mcp.templates` whose value is the package that its
files are in; the name does not matter. Nothing of it is executed to read them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Invalid
from construction_mcp.core.nearest import nearest
from construction_mcp.workflow.definition import Definition, Model, Trigger, Variable
from construction_mcp.workflow.document import mapping_in, validated
from construction_mcp.workflow.variables import variable_problems

ENTRY_POINT_GROUP = "construction_mcp.templates"
_ENDING = ".yaml"


class _File(Model):
    """What stands in a template's file."""

    title: Annotated[str, Field(min_length=1, max_length=100)]
    summary: Annotated[str, Field(min_length=1, max_length=500)]
    tags: Annotated[list[str], Field(min_length=1, max_length=30)]
    needs_project: bool = False
    definition: Definition


@dataclass(frozen=True, slots=True)
class Template:
    """One template. `id` is the name of its file."""

    id: str
    title: str
    summary: str
    tags: Sequence[str]
    needs_project: bool
    definition: Definition

    @property
    def variables(self) -> Mapping[str, Variable]:
        """What to ask its user."""
        return self.definition.variables or {}


@dataclass(frozen=True, slots=True)
class Broken:
    """A file of an outside package that is not used, and why."""

    id: str
    why: str


class Templates:
    """Every template of this installation; each file is read when it is first asked for, then kept."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._known: dict[str, Template] = {}
        self._problems: list[Broken] = []

    def get(self, template_id: str) -> Template:
        """The template of that id.

        Raises:
            Invalid: there is none, with the nearest ones; or an outside package's file is no template.
        """
        if template_id not in self._files:
            near = nearest(template_id, self._files)
            hint = f"Did you mean {near[0]}?" if near else "list_templates shows them all."
            raise Invalid(f"There is no template {template_id[:100]!r}.", hint=hint, details={"nearest": near})
        if template_id not in self._known:
            self._known[template_id] = self._read(template_id, self._files[template_id])
        return self._known[template_id]

    def all(self) -> Sequence[Template]:
        """All of them, by id. Files that are no templates are told in `problems` and hide nothing else."""
        return [one for template_id in sorted(self._files) if (one := self._usable(template_id)) is not None]

    @property
    def problems(self) -> Sequence[Broken]:
        """What is wrong with the files of outside packages. Reads those, once, and none of ours."""
        for template_id in sorted(self._files.keys() - self._ours.keys()):
            self._usable(template_id)
        return self._problems

    @cached_property
    def _ours(self) -> Mapping[str, Traversable]:
        return {_id_of(one): one for one in _in_folder(files(__package__) / "templates")}

    @cached_property
    def _files(self) -> Mapping[str, Traversable]:
        """By id; ours first, and the first of several outside ones."""
        found = dict(self._ours)
        for one in _outside():
            if found.setdefault(_id_of(one), one) is not one:
                self._tell(_id_of(one), "There is a template of that name already.")
        return found

    def _usable(self, template_id: str) -> Template | None:
        try:
            return self.get(template_id)
        except Invalid as problem:
            self._tell(template_id, problem.message)
            return None

    def _tell(self, template_id: str, why: str) -> None:
        if (one := Broken(template_id, why)) not in self._problems:
            self._problems.append(one)

    def _read(self, template_id: str, file: Traversable) -> Template:
        """Raises: Invalid."""
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise Invalid(f"{file.name} cannot be read as text.") from None
        read = validated(_File, mapping_in(text, self._limits))
        return Template(template_id, read.title, read.summary, tuple(read.tags), read.needs_project, read.definition)


def fill(
    template: Template,
    values: Mapping[str, Any],
    *,
    name: str | None = None,
    project_id: int | None = None,
    trigger: Mapping[str, Any] | None = None,
) -> Definition:
    """The template's workflow with its user's values. Variables that are still empty stay so: the compiler names them.

    values: by variable; several mail addresses may be one text, `a@x.com, b@x.com`. trigger: fields that replace the
    template's own, as its cron and timezone.

    Raises:
        Invalid: VALIDATION_UNKNOWN_FIELD for no variable of it; VALIDATION_INVALID with every value that does not fit.
    """
    given = {key: _listed(template.variables[_known(key, template)], value) for key, value in values.items()}
    variables = {
        key: one if given.get(key) is None else one.model_copy(update={"value": given[key]})
        for key, one in template.variables.items()
    }
    _require_fit(variables, given)
    changes: dict[str, Any] = {"variables": variables}
    if trigger and template.definition.trigger:
        changes["trigger"] = validated(Trigger, {**template.definition.trigger.written(), **trigger})
    changes |= {key: value for key, value in (("name", name), ("project_id", project_id)) if value is not None}
    return template.definition.model_copy(update=changes)


def _known(name: str, template: Template) -> str:
    if name not in template.variables:
        near = nearest(name, template.variables)
        raise Invalid(
            f"The template {template.id} has no variable {name[:100]!r}.",
            hint=f"It has {', '.join(template.variables) or 'none'}.",
            code="VALIDATION_UNKNOWN_FIELD",
            details={"field": name[:100], "nearest": near},
        )
    return name


def _listed(variable: Variable, value: Any) -> Any:
    """People write addresses into one line."""
    if variable.type == "emails" and isinstance(value, str):
        return [part.strip() for part in value.replace(";", ",").split(",") if part.strip()]
    return value


def _require_fit(variables: Mapping[str, Variable], given: Mapping[str, Any]) -> None:
    wrong = [one for one in variable_problems({key: variables[key] for key in given}) if one.path.endswith(".value")]
    wrong = [one for one in wrong if one.code != "VARIABLE_VALUE_MISSING"]
    if wrong:
        problems = [{"field": one.path.split(".")[1], "problem": f"{one.message} {one.fix}"} for one in wrong]
        message = " ".join(f"{one['field']}: {one['problem']}" for one in problems)
        raise Invalid(message, details={"field": problems[0]["field"], "problems": problems})


def _id_of(file: Traversable) -> str:
    return file.name.removesuffix(_ENDING)


def _in_folder(folder: Traversable) -> Iterator[Traversable]:
    return iter(sorted((one for one in folder.iterdir() if one.name.endswith(_ENDING)), key=lambda one: one.name))


def _outside() -> Iterator[Traversable]:
    """The files of outside packages, found without importing those."""
    from importlib.metadata import entry_points
    from importlib.util import find_spec

    for package in sorted({entry.module for entry in entry_points(group=ENTRY_POINT_GROUP)}):
        top, *rest = package.split(".")
        spec = find_spec(top)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            folder = Path(place, *rest)
            if folder.is_dir():
                yield from _in_folder(folder)
