"""Workflows as files: read leniently as to format, strictly as to content; written so that a person can edit them.

What is refused is told as the compiler tells it: every problem with its path, or its line while there are no paths yet.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Invalid
from construction_mcp.core.json import depth_of, write_json
from construction_mcp.workflow.definition import KEY, Definition
from construction_mcp.workflow.names import as_key
from construction_mcp.workflow.problems import Problem, as_json, error
from construction_mcp.workflow.refusals import Refusals

_PROBLEMS_MAX = 20
_INDEX = re.compile(r"^((?:definition\.)?actions)\[(\d+)\](?=\.|$)")
_HINTS: Sequence[tuple[str, str]] = (  # what YAML says or the line shows, and what that usually means
    (r"\{\{", 'Put quotes around a text with braces: "{{ vars.x }}".'),
    (r"\t", "Indent with spaces; YAML takes no tabs."),
    (r"mapping values are not allowed", 'Put quotes around a text that contains a colon: "Alert: overdue RFIs".'),
    (r"another document", "A document holds one workflow: remove the line --- and give each its own."),
)
Shape = TypeVar("Shape", bound=BaseModel)


class _Refused(Exception):
    """What YAML would take and we do not."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class _PlainLoader(yaml.SafeLoader):
    """YAML without its surprises: no aliases (they can multiply), no dates, no key twice; `on` and `no` are words."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            fix = "Write the value out in both places."
            raise _Refused(
                error(_line(self.current_event.start_mark), "DOCUMENT_ALIAS", "YAML aliases are not accepted.", fix)
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name in seen:
                message = f"{str(name)[:60]} is written twice here, so one of them would be lost."
                fix = "Keep one of them."
                raise _Refused(error(_line(key.start_mark), "DOCUMENT_KEY_DUPLICATE", message, fix))
            if name is not None:
                seen.add(name)
        return super().construct_mapping(node, deep)


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] not in ("timestamp", "bool")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_PlainLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))


def read(text: str, limits: Limits) -> Definition:
    """A definition from YAML or JSON (which YAML contains).

    Raises:
        Invalid: `details.problems` has every problem, up to 20: where it is, what was found, what to write instead.
    """
    return shaped(mapping_in(text, limits))


def shaped(data: Any) -> Definition:
    """The data as a definition. Raises: Invalid: as `read`."""
    return validated(Definition, data, "The workflow")


def mapping_in(text: str, limits: Limits) -> dict[str, Any]:
    """The mapping that the text writes in YAML or JSON, as plain values.

    Raises:
        Invalid: it is neither, no mapping, or nested too deeply; as `read`.
    """
    try:
        data = yaml.load(text, Loader=_PlainLoader)  # noqa: S506  a SafeLoader subclass that builds plain values only
    except _Refused as refused:
        raise _invalid([refused.problem]) from None
    except (yaml.YAMLError, RecursionError, ValueError) as problem:
        raise _invalid([_unreadable(problem, text)]) from None
    if data is None:
        raise _invalid([error("", "DOCUMENT_EMPTY", "The document is empty.", "Write name, trigger and actions.")])
    if not isinstance(data, dict):
        message = "The document must be a mapping of fields to values."
        raise _invalid([error("", "DOCUMENT_NOT_A_MAPPING", message, "Begin with name:, trigger: and actions:.")])
    if depth_of(data, limits.json_depth_max + 1) > limits.json_depth_max:
        message = f"The document is nested deeper than {limits.json_depth_max} levels."
        raise _invalid([error("", "DOCUMENT_TOO_DEEP", message, "Write it flatter.")], "VALIDATION_TOO_LARGE")
    return data


def validated(model: type[Shape], data: Any, subject: str = "The document") -> Shape:
    """The data as that model.

    Raises:
        Invalid: as `read`; subject: what messages call the whole.
    """
    try:
        return model.model_validate(data)
    except ValidationError as refused:
        found = [problem for _, problem in Refusals.of(refused, data, model, subject, "DOCUMENT").problems()]
        raise _invalid([_by_key(problem, data) for problem in found[:_PROBLEMS_MAX]]) from None


def write(definition: Definition, form: Literal["yaml", "json"]) -> str:
    """The document of a definition; reading it gives the same definition."""
    data = definition.written()
    if form == "json":
        return write_json(data)
    return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110))


def _line(mark: Any) -> str:
    return f"line {mark.line + 1}"


def _unreadable(problem: Exception, text: str) -> Problem:
    mark = getattr(problem, "problem_mark", None)
    said = str(getattr(problem, "problem", None) or "it cannot be read").rstrip(".")
    written = "" if mark is None else next(iter(text.splitlines()[mark.line : mark.line + 1]), "")
    fixes = (fix for pattern, fix in _HINTS if re.search(pattern, f"{written}\n{said}"))
    fix = next(fixes, "Check the brackets, commas, quotes and indentation there.")
    return error(
        "" if mark is None else _line(mark), "DOCUMENT_SYNTAX", f"This is not valid YAML or JSON: {said}.", fix
    )


def _by_key(problem: Problem, data: Any) -> Problem:
    """With an action named by its key, as the compiler does, where it has one that can be named."""
    found = _INDEX.match(problem.path)
    if found is None:
        return problem
    holder = data["definition"] if problem.path.startswith("definition.") else data
    action = holder["actions"][int(found[2])]
    key = action.get("key") if isinstance(action, Mapping) else None
    if isinstance(key, str) and re.fullmatch(KEY, key):
        return replace(problem, path=f"{found[1]}.{key}{problem.path[found.end() :]}")
    if problem.path.endswith("].key") and isinstance(key, str) and problem.code == "DOCUMENT_VALUE":
        message = f"An action cannot be called {key[:60]!r}: expressions could not name it."
        return replace(problem, code="ACTION_KEY_INVALID", message=message, fix=f'Write "{as_key(key)}".')
    return problem


def _invalid(problems: Sequence[Problem], code: str = "VALIDATION_INVALID") -> Invalid:
    first = problems[0]
    where = f"{first.path}: " if first.path else ""
    details = {"field": first.path, "problems": as_json(problems)}
    return Invalid(f"{where}{first.message}", hint=first.fix, code=code, details=details)
