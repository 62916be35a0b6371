"""Writes a toolset's `manifest.json` from its code: `construction-mcp tools build`. Runs at development time only."""

import importlib
import inspect
import json
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, create_model
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaMode

from construction_mcp.core.ports import Content
from construction_mcp.core.toolset import ATTRIBUTE, CompletionSpec, PromptSpec, ResourceSpec, ToolSpec
from construction_mcp.registry.manifest import (
    MANIFEST,
    CompletionEntry,
    Manifest,
    PromptEntry,
    ResourceEntry,
    ToolEntry,
    title_of,
)
from construction_mcp.registry.signature import Parameter, Signature, read_signature


def build(package: str) -> Manifest:
    """Import every module of a toolset package and describe what it marks.

    Raises:
        TypeError: a marked function has no docstring, no return annotation or an argument without a description.
    """
    root = importlib.import_module(package)
    name = package.rpartition(".")[2]
    tools, resources, prompts, completions = [], [], [], []
    for path, function, spec in _marked(package):
        if isinstance(spec, ToolSpec):
            tools.append(_tool(name, path, function, spec))
        elif isinstance(spec, ResourceSpec):
            resources.append(_resource(name, path, function, spec))
        elif isinstance(spec, PromptSpec):
            prompts.append(_prompt(name, path, function, spec))
        elif isinstance(spec, CompletionSpec):
            completions.append(CompletionEntry(spec.ref, spec.argument, path))
    summary = (inspect.getdoc(root) or "").partition("\n")[0]
    return Manifest(name, summary, tuple(tools), tuple(resources), tuple(prompts), tuple(completions))


def manifest_text(manifest: Manifest) -> str:
    """The committed form: stable, readable in a diff."""
    return json.dumps(manifest.to_json(), indent=1, ensure_ascii=False) + "\n"


def manifest_path(package: str) -> Path:
    """Where a toolset package keeps its manifest."""
    source = importlib.import_module(package).__file__
    assert source is not None
    return Path(source).with_name(MANIFEST)


def _marked(package: str) -> Iterator[tuple[str, Callable[..., Any], object]]:
    """Every marked function of the package, in the order of its files and lines."""
    root = importlib.import_module(package)
    names = [package, *(f"{package}.{found.name}" for found in pkgutil.iter_modules(root.__path__))]
    for module in map(importlib.import_module, names):
        for name, value in vars(module).items():
            spec = getattr(value, ATTRIBUTE, None)
            if spec is not None and value.__module__ == module.__name__:
                yield f"{module.__name__}:{name}", value, spec


def _tool(toolset: str, path: str, function: Callable[..., Any], spec: ToolSpec) -> ToolEntry:
    signature = read_signature(function)
    if signature.returns is None:
        raise TypeError(f"{path}: a tool needs a return annotation")
    return ToolEntry(
        name=function.__name__,
        title=spec.title or title_of(function.__name__),
        description=_description(path, function),
        toolset=toolset,
        function=path,
        effect=spec.effect,
        role=spec.role,
        listed=spec.listed,
        annotations={
            "readOnlyHint": spec.effect == "read",
            "destructiveHint": spec.destructive,
            "idempotentHint": spec.idempotent,
            "openWorldHint": spec.open_world,
        },
        input_schema=input_schema(path, signature, _house_arguments(spec)),
        output_schema=output_schema(path, signature.returns),
        timeout_s=spec.timeout_s,
        summary_to=spec.summary_to,
    )


def _resource(toolset: str, path: str, function: Callable[..., Any], spec: ResourceSpec) -> ResourceEntry:
    return ResourceEntry(
        uri=spec.uri,
        name=function.__name__,
        title=spec.title or title_of(function.__name__),
        description=_description(path, function),
        toolset=toolset,
        function=path,
        role=spec.role,
        mime_type=spec.mime_type,
        subscribable=spec.subscribable,
    )


def _prompt(toolset: str, path: str, function: Callable[..., Any], spec: PromptSpec) -> PromptEntry:
    arguments = tuple(
        {"name": one.name, "description": one.description, "required": one.required}
        for one in read_signature(function).sent
    )
    title = spec.title or title_of(function.__name__)
    return PromptEntry(function.__name__, title, _description(path, function), toolset, path, spec.role, arguments)


def _description(path: str, function: Callable[..., Any]) -> str:
    text = inspect.getdoc(function)
    if not text:
        raise TypeError(f"{path}: needs a docstring; its first sentence is what the model reads")
    return " ".join(text.split())


FIELDS = {
    "type": "array",
    "items": {"type": "string"},
    "maxItems": 50,
    "description": "Only these fields, and the id",
}


GATED = {
    "confirmation": {
        "type": "string",
        "maxLength": 1000,
        "description": "From the preview",
    },
    "idempotency_key": {
        "type": "string",
        "minLength": 1,
        "maxLength": 200,
        "description": "Same key, done once",
    },
}


def _house_arguments(spec: ToolSpec) -> dict[str, Any]:
    """Arguments that the dispatcher and the gate take for themselves."""
    return (GATED if spec.effect == "outside" else {}) | ({"fields": FIELDS} if spec.fields else {})


def input_schema(path: str, signature: Signature, house_arguments: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The JSON Schema of what a caller sends; closed, so a misspelt name is an error and not silence."""
    for one in signature.sent:
        if not one.description:
            raise TypeError(f"{path}: argument {one.name!r} needs a description in its Annotated[...]")
    definition: Any = {one.name: (one.annotation, _field(one)) for one in signature.sent}
    schema: dict[str, Any] = _tidy(create_model("arguments", **definition).model_json_schema(mode="validation"))
    properties = schema.setdefault("properties", {})
    properties.update({name: dict(one) for name, one in (house_arguments or {}).items()})
    for one in properties.values():
        _tell_default(one)
    _tell_absence(schema)
    return schema | {"additionalProperties": False}


def _tell_absence(schema: dict[str, Any]) -> None:
    """Say outright what may be left out, where a model would wonder; a null counts as not given."""
    nothing_needed = "required" not in schema and schema["properties"]
    for one in schema["properties"].values():
        if nothing_needed or one.get("type") == "boolean":
            one.setdefault("default", None)
    if nothing_needed:
        schema["required"] = []


def _tell_default(schema: dict[str, Any]) -> None:
    """Many clients show a model only the description of an argument."""
    default = schema.get("default")
    if default is not None and "default" not in schema["description"].lower():
        words = json.dumps(default).strip('"') or "empty"
        schema["description"] += f" (default {words})"


def output_schema(path: str, returns: Any) -> dict[str, Any]:
    """The full JSON Schema of a tool's structured content; empty for a tool that answers with blocks of its own.

    Absent means absent: None never appears in an answer.
    """
    if returns is Content:
        return {}
    mode: JsonSchemaMode = "serialization"
    schema: dict[str, Any] = _tidy(TypeAdapter(returns).json_schema(mode=mode))
    if "$ref" in schema:
        definitions = schema["$defs"]
        schema = {**definitions[schema["$ref"].rpartition("/")[2]], "$defs": definitions}
    if schema.get("type") != "object":
        raise TypeError(
            f"{path}: a tool answers with an object (a dataclass, a model, a Page), not {schema.get('type')}"
        )
    return schema


def _field(parameter: Parameter) -> FieldInfo:
    default = ... if parameter.required else parameter.default
    return FieldInfo(default=default, description=parameter.description)


def _tidy(schema: Any) -> Any:
    """Drop what costs tokens and says nothing: generated titles, null alternatives, null defaults."""
    if isinstance(schema, list):
        return [_tidy(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {key: _named(value) if key in ("properties", "$defs") else _tidy(value) for key, value in schema.items()}
    optional = {name for name, value in schema.get("properties", {}).items() if _admits_null(value)}
    if "required" in tidy:
        tidy["required"] = [name for name in tidy["required"] if name not in optional]
        if not tidy["required"]:
            del tidy["required"]
    if tidy.get("default", ...) is None:
        del tidy["default"]
    if tidy.get("additionalProperties") is True:
        del tidy["additionalProperties"]
    tidy.pop("title", None)
    return _without_null(tidy)


def _named(schemas: Mapping[str, Any]) -> dict[str, Any]:
    """Tidy a mapping whose keys are names, not keywords: a property may well be called `title`."""
    return {name: _tidy(value) for name, value in schemas.items()}


def _admits_null(schema: Any) -> bool:
    return isinstance(schema, dict) and any(one.get("type") == "null" for one in schema.get("anyOf", ()))


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    choices = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    if len(choices) == len(schema.get("anyOf", ())):
        return schema
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**choices[0], **rest} if len(choices) == 1 else {"anyOf": choices, **rest}


def builtin_packages() -> list[str]:
    """The toolset packages of this distribution."""
    parent = "construction_mcp.toolsets"
    found = pkgutil.iter_modules(importlib.import_module(parent).__path__)
    return [f"{parent}.{module.name}" for module in found if module.ispkg]
