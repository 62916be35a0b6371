"""Routes as Procore's reference writes them, and finding the one for a request."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from construction_mcp.simulator.call import Handler

Level = Literal["none", "read", "standard", "admin"]
LEVELS: tuple[Level, ...] = ("none", "read", "standard", "admin")


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. `level` is what the caller needs on the project's tool (FACTS 10.4: None, Read Only, ...)."""

    method: str
    path: str
    handler: Handler
    level: Level = "read"

    @property
    def segments(self) -> tuple[str, ...]:
        return tuple(self.path.strip("/").split("/"))


class Router:
    """Looks by method and number of segments; a literal segment outranks a parameter."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes: dict[tuple[str, int], list[Route]] = {}
        for route in routes:
            self._routes.setdefault((route.method, len(route.segments)), []).append(route)
        for same_shape in self._routes.values():
            same_shape.sort(key=lambda route: tuple(segment.startswith("{") for segment in route.segments))

    def __iter__(self) -> Iterator[Route]:
        return (route for same_shape in self._routes.values() for route in same_shape)

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
        segments = tuple(path.strip("/").split("/"))
        for route in self._routes.get((method, len(segments)), ()):
            params = _match(route.segments, segments)
            if params is not None:
                return route, params
        return None


def _match(template: tuple[str, ...], segments: tuple[str, ...]) -> dict[str, str] | None:
    params = {}
    for expected, actual in zip(template, segments, strict=True):
        if expected.startswith("{"):
            params[expected[1:-1]] = actual
        elif expected != actual:
            return None
    return params
