"""One JSON Schema of a workflow document, so that an editor completes it and marks mistakes while it is written.

It knows each action type's config, and that a template may stand wherever a value does. What a template gives, whether
names resolve and whether times make sense is for the compiler.

`python -m construction_mcp.workflow.editor_schema` writes the committed copy, which knows the action types of this
package; `construction://schemas/workflow` knows those of the running installation.
"""

import json
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from construction_mcp.actions.action import ActionType, ActionTypes, cel_fields
from construction_mcp.expressions.port import Schema
from construction_mcp.workflow.definition import Definition
from construction_mcp.workflow.variables import KINDS

FILE = Path("examples/workflow.schema.json")
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TEMPLATE = {"$ref": "#/$defs/Template"}
_NOT_IN_BRACES = {"not": {"type": "string", "pattern": r"^\s*\{\{"}}  # it is an expression already
_NAMED = ("properties", "patternProperties")  # keywords that hold schemas by names of fields
_NESTED = ("items", "additionalProperties")
_CHOICES = ("anyOf", "oneOf", "allOf")


def document_schema(types: ActionTypes) -> dict[str, Any]:
    """The schema of a whole workflow, made of the definition's and every action type's."""
    schema = _tidied(Definition.model_json_schema())
    known = [found for name in types.names() if (found := types.get(name)) is not None]
    configs = {one.name: _config_of(one) for one in known}
    schema["$defs"]["Template"] = {
        "type": "string",
        "pattern": r"\{\{",
        "description": "Computed when the step runs: {{ CEL }}",
    }
    schema["$defs"].update({_defined(name, configs): config for name, config in configs.items()})
    schema["$defs"]["Variable"]["properties"]["type"] = {
        "description": "What its value is",
        "enum": list(KINDS),
        "enumDescriptions": [kind.words for kind in KINDS.values()],
    }
    action = schema["$defs"]["Action"]
    action["properties"]["type"] = {
        "description": "What it does",
        "enum": list(configs),
        "enumDescriptions": [one.doc for one in known],
    }
    action["properties"]["condition"].update(_NOT_IN_BRACES)
    action["allOf"] = [_chosen(name, configs) for name in configs]
    return {"$schema": DIALECT, **schema, "title": "construction-mcp workflow"}


def document_text(types: ActionTypes) -> str:
    """The committed form: stable, readable in a diff."""
    return json.dumps(document_schema(types), indent=1, ensure_ascii=False) + "\n"


def _defined(name: str, configs: Mapping[str, Schema]) -> str:
    """Under which name a config is defined: types that take the same share it."""
    return next(first for first, config in configs.items() if config == configs[name])


def _chosen(name: str, configs: Mapping[str, Schema]) -> Schema:
    """What an action of this type has to look like."""
    then: dict[str, Any] = {"properties": {"config": {"$ref": f"#/$defs/{_defined(name, configs)}"}}}
    if configs[name].get("required"):
        then["required"] = ["config"]
    return {"if": {"properties": {"type": {"const": name}}, "required": ["type"]}, "then": then}


def _config_of(one: ActionType) -> dict[str, Any]:
    """The config of an action type with references written out, and templates where values are."""
    raw = one.config.model_json_schema()
    plain = _written_out(_tidied(raw), raw.get("$defs", {}))
    plain.pop("$defs", None)
    opened: dict[str, Any] = _with_templates(plain, expressions=cel_fields(one.config))
    return opened


def _tidied(schema: Any) -> Any:
    """Without pydantic's titles, which repeat the names of fields, and without null.

    A null is taken as absent, so nobody writes one; offered as a choice it would hide where a mistake really is.
    """
    if isinstance(schema, list):
        return [_tidied(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    tidied = {key: _tidied_part(key, value) for key, value in schema.items() if not _is_decoration(key, value)}
    choices = [one for one in tidied.get("anyOf", ()) if one != {"type": "null"}]
    if len(choices) == 1:
        return {**choices[0], **{key: value for key, value in tidied.items() if key != "anyOf"}}
    return {**tidied, "anyOf": choices} if choices else tidied


def _tidied_part(keyword: str, value: Any) -> Any:
    """A field may itself be called title, so names of fields are left alone."""
    if keyword in (*_NAMED, "$defs"):
        return {name: _tidied(one) for name, one in value.items()}
    return _tidied(value)


def _is_decoration(keyword: str, value: Any) -> bool:
    return (keyword == "title" and isinstance(value, str)) or (keyword == "default" and value is None)


def _written_out(schema: Any, shared: Mapping[str, Any]) -> Any:
    """References replaced by what they name; configs do not contain themselves."""
    if isinstance(schema, list):
        return [_written_out(one, shared) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        found = _tidied(shared[schema["$ref"].rpartition("/")[2]])
        return {**_written_out(found, shared), **beside}
    return {key: _written_out(value, shared) for key, value in schema.items()}


def _with_templates(schema: Any, *, expressions: Collection[str] = ()) -> Any:
    """The same schema, a template admitted for every value but those that are expressions as a whole.

    An `if` is left as it is: what it asks about has to be written out.
    """
    if not isinstance(schema, dict):
        return schema
    opened = dict(schema)
    for keyword in _NAMED:
        if keyword in schema:
            opened[keyword] = {
                name: {**one, **_NOT_IN_BRACES} if name in expressions else _or_template(one)
                for name, one in schema[keyword].items()
            }
    for keyword in _NESTED:
        if isinstance(schema.get(keyword), dict):
            opened[keyword] = _or_template(schema[keyword])
    for keyword in _CHOICES:
        if keyword in schema:
            opened[keyword] = [_with_templates(one) for one in schema[keyword]]
    if "then" in schema:
        opened["then"] = _with_templates(schema["then"])
    return opened


def _or_template(schema: Any) -> Any:
    """What a value may be, or a template; what takes any text takes a template already."""
    opened = _with_templates(schema)
    if not isinstance(schema, dict) or _takes_any_text(schema):
        return opened
    about = {key: opened.pop(key) for key in ("description", "default", "examples") if key in opened}
    choices = opened["anyOf"] if set(opened) == {"anyOf"} else [opened]
    return {"anyOf": [*choices, _TEMPLATE], **about}


def _takes_any_text(schema: Schema) -> bool:
    """Bounds of a text are bounds of what its template gives, so a bounded text is not any text."""
    if "anyOf" in schema:
        return any(_takes_any_text(one) for one in schema["anyOf"])
    bounds = schema.keys() - {"description", "default", "examples"}
    return not bounds or (bounds == {"type"} and schema["type"] == "string")


def main() -> int:
    """Write the committed copy."""
    from construction_mcp.actions.catalogue import Catalogue

    FILE.write_text(document_text(Catalogue()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
