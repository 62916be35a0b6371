"""From a manifest's `package.module:name` to something that can be awaited: imported once, on the first call."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from construction_mcp.core.errors import Invalid
from construction_mcp.registry.signature import read_signature

_PLAIN = frozenset({str, int, float, bool, dict, list, Any})


@dataclass(frozen=True, slots=True)
class Binding:
    """An imported function with what it takes and gives."""

    function: Any
    adapters: Mapping[str, TypeAdapter[Any]]
    parameters: Mapping[str, str]  # by the name a caller writes, where the function's own differs
    injected: Mapping[str, type]
    returns: TypeAdapter[Any]

    def convert(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Turn validated JSON into the types the function declares (dates, enums, models).

        Raises:
            Invalid: the schema admitted what the type refuses, for example 30 February.
        """
        converted = dict(arguments)
        for name in self.adapters.keys() & converted.keys():
            try:
                converted[name] = self.adapters[name].validate_python(converted[name])
            except ValidationError as problem:
                first = problem.errors(include_url=False, include_context=False, include_input=False)[0]
                place = ".".join([name, *map(str, first["loc"])])
                raise Invalid(f"{place}: {first['msg']}.", details={"field": place}) from None
        return {self.parameters.get(name, name): value for name, value in converted.items()}


@cache
def bind(path: str) -> Binding:
    """Import `package.module:name` and read its signature."""
    module, _, name = path.partition(":")
    function = getattr(importlib.import_module(module), name)
    signature = read_signature(function)
    adapters = {one.name: TypeAdapter(one.annotation) for one in signature.sent if _base(one.annotation) not in _PLAIN}
    parameters = {one.name: one.parameter for one in signature.sent if one.name != one.parameter}
    return Binding(function, adapters, parameters, signature.injected, TypeAdapter(signature.returns))


def _base(annotation: Any) -> Any:
    """`Annotated[int, ...]` is as plain as `int`."""
    return getattr(annotation, "__origin__", annotation) if hasattr(annotation, "__metadata__") else annotation
