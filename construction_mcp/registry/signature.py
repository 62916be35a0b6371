"""One reading of a tool's signature, shared by the manifest builder and the dispatcher so that they cannot disagree."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from construction_mcp.core.effects import Effect, Gated


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument a caller sends. `annotation` keeps its `Annotated` metadata.

    `name` is what the caller writes, `parameter` what the function calls it: `from_`, because Python keeps `from`.
    """

    name: str
    parameter: str
    annotation: Any
    required: bool
    default: Any

    @property
    def description(self) -> str:
        """The first string among the `Annotated` metadata."""
        metadata = get_args(self.annotation)[1:] if get_origin(self.annotation) is Annotated else ()
        return next((item for item in metadata if isinstance(item, str)), "")


@dataclass(frozen=True, slots=True)
class Signature:
    """Before the star: `sent`. After it: `injected`, by type."""

    sent: tuple[Parameter, ...]
    injected: Mapping[str, type]
    returns: Any


def read_signature(function: Callable[..., Any]) -> Signature:
    """Split a tool's parameters at the star.

    Raises:
        TypeError: a parameter has no annotation, or `*args`/`**kwargs` are used; the author's mistake.
    """
    hints = get_type_hints(function, include_extras=True)
    sent: list[Parameter] = []
    injected: dict[str, type] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in hints or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TypeError(f"{function.__qualname__}: parameter {name!r} needs an annotation and a name of its own")
        if parameter.kind is parameter.KEYWORD_ONLY:
            injected[name] = hints[name]
        else:
            required = parameter.default is parameter.empty
            sent.append(
                Parameter(name.rstrip("_"), name, hints[name], required, None if required else parameter.default)
            )
    return Signature(tuple(sent), injected, _answers_with(hints.get("return")))


def _answers_with(returns: Any) -> Any:
    """A tool that returns `Effect[T]` describes a change; what the caller gets from the gate is `Gated[T]`."""
    return Gated[get_args(returns)[0]] if get_origin(returns) is Effect else returns  # type: ignore[misc]  # at run time
