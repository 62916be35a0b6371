"""The types an expression can have, as far as its checker tells them apart. Hashable: they key the caches."""

from typing import NamedTuple


class Shape(NamedTuple):
    """kind: dyn, null, a scalar's name, list, map, or message; `of` is what a list or map holds.

    name: of a message. is_nullable: a scalar that may be null.
    """

    kind: str
    of: "Shape | None" = None
    name: str = ""
    is_nullable: bool = False


DYN = Shape("dyn")
NULL = Shape("null")
_SCALARS = {name: Shape(name) for name in ("bool", "int", "uint", "double", "string", "bytes", "type")}


def scalar(kind: str) -> Shape:
    """One of CEL's simple types: bool, int, uint, double, string, bytes, timestamp, duration, type."""
    return _SCALARS.get(kind) or Shape(kind)


def nullable(shape: Shape) -> Shape:
    """The same, or null. Only scalars and messages can be: CEL compares no list or map with null, so these are dyn."""
    if shape.kind in ("bool", "int", "double", "string"):
        return shape._replace(is_nullable=True)
    return shape if shape.kind in ("dyn", "null", "message", "timestamp", "duration") else DYN


def list_of(element: Shape) -> Shape:
    return Shape("list", element)


def map_of(value: Shape) -> Shape:
    """Keys are text, as in JSON."""
    return Shape("map", value)


def message(name: str) -> Shape:
    return Shape("message", None, name)
