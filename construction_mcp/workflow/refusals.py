"""What pydantic refuses, as problems a person can mend: one per place, in words, with what to write instead.

Configs of actions and whole documents go through here; they differ in the beginning of their codes.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from construction_mcp.actions.hole import Hole, has_hole
from construction_mcp.core.nearest import nearest
from construction_mcp.workflow.names import as_key
from construction_mcp.workflow.problems import Problem, error

_SHOWN_MAX = 60
_NOT = re.compile(r"(['\"]).*\1 is not (.+)", re.DOTALL)  # how our own validators refuse a text
_MISSING, _UNKNOWN, _HOLE = "missing", "extra_forbidden", "hole"

# What other tools call it; taken only where the field it stands for exists.
_SYNONYMS: Mapping[str, Sequence[str]] = {
    "actions": ("steps", "tasks", "jobs", "nodes"),
    "trigger": ("on", "triggers", "schedule"),
    "variables": ("vars", "inputs", "env"),
    "name": ("title",),
    "key": ("id", "name"),
    "type": ("uses", "action", "kind"),
    "condition": ("if", "when", "run_if"),
    "config": ("params", "parameters", "with", "input", "args", "arguments", "settings"),
    "depends_on": ("needs", "after", "requires"),
    "for_each": ("loop", "foreach", "with_items", "each"),
    "on_error": ("on_failure", "continue_on_error"),
    "to": ("recipients", "email"),
    "text": ("message", "body"),
    "body": ("message", "text"),
}
_WANTED: Mapping[str, str] = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "list": "a list",
    "dict": "an object",
    "model": "an object",
    "date": "a date, as 2026-12-01",
    "datetime": "a time, as 2026-12-01T07:30:00Z",
}
_BOUNDS: Mapping[str, str] = {
    "greater_than_equal": "{ge} or more",
    "greater_than": "more than {gt}",
    "less_than_equal": "{le} or less",
    "less_than": "less than {lt}",
    "too_long": "at most {max_length} entries",
    "too_short": "at least {min_length}",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "text of at least {min_length}",
}


@dataclass(frozen=True, slots=True)
class Refusals:
    """What a model refused. `found` holds pydantic's errors by the place of each in `given`.

    subject: what the whole is called in messages; family: how codes begin, CONFIG or DOCUMENT.
    """

    model: type[BaseModel]
    subject: str
    family: str
    found: Mapping[str, Sequence[Any]]

    @classmethod
    def of(cls, refused: ValidationError, given: Any, model: type[BaseModel], subject: str, family: str) -> "Refusals":
        found: dict[str, list[Any]] = {}
        for one in refused.errors(include_url=False, include_context=True):
            found.setdefault(_place(one, given), []).append(one)
        return cls(model, subject, family, found)

    def problems(self) -> Iterator[tuple[str, Problem]]:
        """The places with a problem each, whose path is the place, in the order of the model's fields."""
        misspelt = {
            f"{place.rpartition('.')[0]}.{self._meant(found[0])}"
            for place, found in self.found.items()
            if found[0]["type"] == _UNKNOWN
        }
        deeper = {parent for place in self.found for parent in _parents(place)}
        for place, found in self.found.items():
            is_follower = found[0]["type"] == _MISSING and f"{place.rpartition('.')[0]}.{_name(place)}" in misspelt
            # A list with a wrong entry is no number either: of a union's complaints the deepest is meant.
            if not is_follower and place not in deeper:
                yield place, self._problem(place, found)

    def _problem(self, place: str, found: Sequence[Any]) -> Problem:
        first, name = found[0], _name(place)
        model, what = _walk(self.model, first["loc"])
        if first["type"] == _MISSING:
            message = f"{self._owner(first)} needs {name}."
            return error(place, f"{self.family}_FIELD_MISSING", message, f"Add {name}: {what or 'it'}.")
        if first["type"] == _UNKNOWN:
            message = f"{self._owner(first)} has no {first['loc'][-1]}."
            return error(place, f"{self.family}_FIELD_UNKNOWN", message, self._known(first))
        if first["type"] == _HOLE:
            message = f"{name} {first['msg']}."
            return error(place, f"{self.family}_TYPE", message, _hole_fix(first))
        if first["type"] == "value_error":
            said, fix = _own_words(str(first["msg"]), what)
            return error(place, f"{self.family}_VALUE", f"{name or self.subject}: {said}.", fix)
        wanted = " or ".join(dict.fromkeys(_wanted(one) for one in found))
        shown = _shown(first["input"])
        is_now = f"is {shown}, but " if shown else ""
        return error(place, f"{self.family}_VALUE", f"{name} {is_now}takes {wanted}.", _fix(found, wanted, what, model))

    def _owner(self, found: Any) -> str:
        """What lacks a field or has one too many: the whole, or the part of it that is meant."""
        inner, _ = _walk(self.model, found["loc"][:-1])
        whole = self.subject
        return whole if inner is self.model else f"The {_name_of(inner)} of {whole[:1].lower()}{whole[1:]}"

    def _known(self, found: Any) -> str:
        inner, _ = _walk(self.model, found["loc"][:-1])
        known = _fields_of(inner)
        meant = self._meant(found)
        return f"Did you mean {meant}?" if meant else f"It takes {', '.join(known)}." if known else "Remove it."

    def _meant(self, found: Any) -> str | None:
        inner, _ = _walk(self.model, found["loc"][:-1])
        known, name = _fields_of(inner), str(found["loc"][-1])
        own = next((field for field in known if name.lower() in _SYNONYMS.get(field, ())), None)
        return own or next(iter(nearest(name.lower(), known)), None)


def _own_words(message: str, what: str) -> tuple[str, str]:
    """What a validator of ours said, and the remedy in it: after a semicolon, or what the text is not."""
    said, _, remedy = message.removeprefix("Value error, ").rstrip(".").partition("; ")
    refused = _NOT.match(said)
    remedy = remedy or (f"give {refused[2]}" if refused else "" if what else said)
    return said, " ".join(_sentence(one) for one in (remedy, f"It is: {what}" if what else "") if one)


def _sentence(text: str) -> str:
    """With its stop, and with a capital unless it begins with the name of a field."""
    capital = text if "_" in text.split(maxsplit=1)[0] else f"{text[:1].upper()}{text[1:]}"
    return capital if capital.endswith(("?", ".")) else f"{capital}."


def _name_of(model: type[BaseModel]) -> str:
    return {"ForEach": "for_each"}.get(model.__name__, model.__name__.removesuffix("Config").lower())


def _fields_of(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _wanted(found: Any) -> str:
    """What a field takes, after one of pydantic's complaints."""
    kind, context = found["type"], found.get("ctx", {})
    if kind in ("literal_error", "enum"):
        *others, last = _choices(found)
        return f"{', '.join(others)} or {last}" if others else last
    if kind in _BOUNDS:
        bounds = {name: f"{bound:g}" for name, bound in context.items() if isinstance(bound, int | float)}
        return _BOUNDS[kind].format(**bounds)
    known = kind.removesuffix("_type").removesuffix("_parsing").removesuffix("_from_float").removesuffix("_from_date")
    if known.startswith(("date_", "datetime_")):
        known = known.partition("_")[0]
    if kind == "is_instance_of" and context.get("class") == "Sequence":
        return "a list"
    if known in _WANTED:
        return _WANTED[known]
    return "another form" if kind == "string_pattern_mismatch" else str(found["msg"]).removeprefix("Input should be ")


def _choices(found: Any) -> list[str]:
    return [one.strip("'") for one in str(found["ctx"]["expected"]).replace(" or ", ", ").split(", ")]


def _fix(found: Sequence[Any], wanted: str, what: str, model: type[BaseModel]) -> str:
    given = found[0]["input"]
    choices = [choice for one in found if one["type"] in ("literal_error", "enum") for choice in _choices(one)]
    near = nearest(str(given), choices)
    if near:
        return f"Did you mean {near[0]}?"
    if choices and len(found) == 1:
        return f"Use one of {', '.join(choices)}."
    example = _example(found[0], given, model)
    if example:
        return f"Write {example}."
    patterns = [one["ctx"]["pattern"] for one in found if one["type"] == "string_pattern_mismatch"]
    if patterns:
        key = as_key(given)
        return f"Write {key}." if re.fullmatch(patterns[0], key) else f"It is: {what or 'a text of another form'}."
    return f"Give {wanted}" + (f": {what}." if what else ".")


def _hole_fix(found: Any) -> str:
    takes, hole = found["ctx"]["takes"], found["input"]
    if "list" in takes and isinstance(hole, Hole) and "items" in hole.schema.get("properties", {}):
        return f'Write "{{{{ {hole.text.strip("{} ")}.items }}}}".'
    if "text" in takes and hole.schema.get("type") in ("integer", "number", "boolean"):
        return f'Give {takes}: write "{{{{ string({hole.text.strip("{} ")}) }}}}", or put words around it.'
    return f"Give {takes}."


def _example(found: Any, given: Any, model: type[BaseModel]) -> str:
    """How somebody who wrote a bare value has to write the object or list that is wanted."""
    if isinstance(given, Mapping) and model.__name__ == "Action":
        return "a list, each entry beginning with - key: a_name"
    if isinstance(given, Mapping | list):
        return ""
    written = _written(given)
    if found["type"] in ("model_type", "model_attributes_type"):
        return {
            "Trigger": f"{{type: {written}}}",
            "Variable": f"{{type: string, value: {written}}}",
            "Retry": f"{{max_attempts: {written}}}",
            "ForEach": f"{{items: {written}}}",
            "Action": f"{{key: name, type: {written}}}",
        }.get(model.__name__, "")
    return f"[{written}]" if found["type"] == "list_type" and isinstance(given, str) and "{{" not in given else ""


def _written(value: Any) -> str:
    return value[:_SHOWN_MAX] if isinstance(value, str) else _shown(value)


def _shown(value: Any) -> str:
    """A value for a message; nothing of what is partly computed."""
    if isinstance(value, Hole) or has_hole(value):
        return ""
    text = {True: "true", False: "false", None: "null"}.get(value) if isinstance(value, bool | None) else repr(value)
    assert text is not None
    return text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "..."


def _parents(place: str) -> Iterator[str]:
    """Every place that this one is inside of."""
    for at, sign in enumerate(place):
        if sign in ".[":
            yield place[:at]


def _name(place: str) -> str:
    return place.rpartition(".")[2]


def _place(found: Any, given: Any) -> str:
    """The path as far as what was written goes: pydantic adds the branch of a union it tried, which nobody wrote."""
    parts: list[str] = []
    value = given
    is_field = found["type"] in (_MISSING, _UNKNOWN)
    for at, part in enumerate(found["loc"]):
        if isinstance(part, int) and isinstance(value, list):
            parts.append(f"[{part}]")
            value = value[part] if part < len(value) else None
        elif isinstance(value, Mapping) and (part in value or (is_field and at == len(found["loc"]) - 1)):
            parts.append(f".{part}" if parts else str(part))
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
