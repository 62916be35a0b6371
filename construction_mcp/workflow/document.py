"""Workflows as files: read leniently as to format, strictly as to content; written so that a person can edit them."""

import re
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Invalid
from construction_mcp.core.json import depth_of, write_json
from construction_mcp.workflow.definition import Definition

_PROBLEMS_MAX = 20
Shape = TypeVar("Shape", bound=BaseModel)


class _PlainLoader(yaml.SafeLoader):
    """YAML without its surprises: no aliases (they can multiply), no dates, and `on`, `yes`, `no` stay words."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise Invalid("YAML aliases are not accepted.", hint="Write the value out in both places.")
        return super().compose_node(parent, index)


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] not in ("timestamp", "bool")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_PlainLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))


def read(text: str, limits: Limits) -> Definition:
    """A definition from YAML or JSON (which YAML contains).

    Raises:
        Invalid: where the document is wrong and what was expected; every problem up to 20.
    """
    return validated(Definition, mapping_in(text, limits))


def mapping_in(text: str, limits: Limits) -> dict[str, Any]:
    """The mapping that the text writes in YAML or JSON, as plain values.

    Raises:
        Invalid: it is neither, no mapping, or nested too deeply.
    """
    try:
        data = yaml.load(text, Loader=_PlainLoader)  # noqa: S506  a SafeLoader subclass that builds plain values only
    except yaml.MarkedYAMLError as problem:
        line = problem.problem_mark.line + 1 if problem.problem_mark else 0
        raise Invalid(f"The document is not valid YAML or JSON: line {line}: {problem.problem}.") from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise Invalid("The document is not valid YAML or JSON.") from None
    if not isinstance(data, dict):
        raise Invalid("The document must be a mapping with name, trigger and actions.")
    if depth_of(data, limits.json_depth_max + 1) > limits.json_depth_max:
        raise Invalid(
            f"The document is nested deeper than {limits.json_depth_max} levels.", code="VALIDATION_TOO_LARGE"
        )
    return data


def validated(model: type[Shape], data: Any) -> Shape:
    """The data as that model.

    Raises:
        Invalid: which fields are wrong and why, up to 20.
    """
    try:
        return model.model_validate(data)
    except ValidationError as problem:
        raise _explain(problem) from None


def write(definition: Definition, form: Literal["yaml", "json"]) -> str:
    """The document of a definition; reading it gives the same definition."""
    data = definition.written()
    if form == "json":
        return write_json(data)
    return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110))


def _explain(problem: ValidationError) -> Invalid:
    found = [
        {"field": ".".join(map(str, one["loc"])), "problem": one["msg"]}
        for one in problem.errors(include_url=False, include_context=False, include_input=False)[:_PROBLEMS_MAX]
    ]
    first = found[0]
    return Invalid(f"{first['field']}: {first['problem']}.", details={"field": first["field"], "problems": found})
