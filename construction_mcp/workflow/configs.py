"""What pydantic says of a config, as problems a person can mend."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from construction_mcp.actions.action import ActionType
from construction_mcp.core.nearest import nearest
from construction_mcp.workflow.problems import Problem, error

_SHOWN_MAX = 60


def config_problems(path: str, kind: ActionType, config: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything that is wrong with a config, one problem per field, in the order of its fields."""
    try:
        kind.config.model_validate(config)
    except ValidationError as problem:
        seen: set[str] = set()
        for one in problem.errors(include_url=False, include_context=True):
            where = _place(one["loc"], config)
            if where not in seen:  # a field that may be several things says no once for each
                seen.add(where)
                yield _problem(f"{path}.{where}" if where else path, kind, one)


def _problem(path: str, kind: ActionType, found: Any) -> Problem:
    name = path.rpartition(".")[2]
    if found["type"] == "missing":
        what = _walk(kind.config, found["loc"])[1]
        return error(path, "CONFIG_FIELD_MISSING", f"{kind.name} needs {name}.", f"Add {name}: {what or 'it'}.")
    if found["type"] == "extra_forbidden":
        inner, _ = _walk(kind.config, found["loc"][:-1])
        known = [field.alias or name for name, field in inner.model_fields.items()]
        near = nearest(name, known)
        fix = f"Did you mean {near[0]}?" if near else f"It takes {', '.join(known)}." if known else "Remove it."
        return error(path, "CONFIG_FIELD_UNKNOWN", f"{kind.name} has no {name}.", fix)
    if found["type"] == "hole":
        message = f"{name} {found['msg']}."
        return error(path, "CONFIG_TYPE", message, f"Give {found['ctx']['takes']}.")
    shown = "" if found["type"] == "value_error" else f", not {_shown(found['input'])}"
    return error(path, "CONFIG_VALUE", f"{name}: {_plain(found['msg'])}{shown}.", _fix(kind, found))


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ").removeprefix("Input ").rstrip(".")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "..."


def _fix(kind: ActionType, found: Any) -> str:
    if found["type"] in ("literal_error", "enum"):
        choices = [one.strip("'") for one in str(found["ctx"]["expected"]).replace(" or ", ", ").split(", ")]
        near = nearest(str(found["input"]), choices)
        return f"Did you mean {near[0]}?" if near else f"Use one of {', '.join(choices)}."
    what = _walk(kind.config, found["loc"])[1]
    return f"It is: {what}." if what else "Give a value of the right kind."


def _place(loc: Sequence[int | str], config: Any) -> str:
    """The path as far as the config itself goes: pydantic adds the branch of a union it tried, which nobody wrote."""
    parts: list[str] = []
    value: Any = config
    for at, part in enumerate(loc):
        if isinstance(part, int) and isinstance(value, list):
            parts.append(f"[{part}]")
            value = value[part] if part < len(value) else None
        elif isinstance(part, str) and isinstance(value, Mapping) and (part in value or at == len(loc) - 1):
            parts.append(f".{part}" if parts else part)
            value = value.get(part)
    return "".join(parts)


def _walk(model: type[BaseModel], loc: Sequence[int | str]) -> tuple[type[BaseModel], str]:
    """The innermost model on the way, and what the innermost described field says about itself."""
    said = ""
    for part in loc:
        field = next((one for name, one in model.model_fields.items() if part in (name, one.alias)), None)
        if field is not None:
            said = (field.description or said).rstrip(".")
            model = next(iter(_models_in(field.annotation)), model)
    return model, said


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models_in(part)]
