"""Reads what CEL's checker made of an expression: its tree and the type of each node.

`Expression.serialize()` gives a google.protobuf.Any that holds a cel.expr.CheckedExpr. Its few message types are read
straight from the wire: a protobuf runtime would cost more to import than all expressions of a workflow to read.
Source: cel-spec proto/cel/expr/checked.proto and syntax.proto (field numbers below), "Protocol Buffers Encoding".
"""

from collections.abc import Callable, Iterator, Mapping, Set
from typing import Any, NamedTuple

from construction_mcp.expressions.shapes import DYN, NULL, Shape, list_of, map_of, message, nullable, scalar

_VARINT, _I64, _LEN, _I32 = 0, 1, 2, 5
_ID = 2 << 3 | _VARINT
_PRIMITIVES = {1: "bool", 2: "int", 3: "uint", 4: "double", 5: "string", 6: "bytes"}  # checked.proto, PrimitiveType
_WELL_KNOWN = {1: "any", 2: "timestamp", 3: "duration"}
TYPE_NAMES = frozenset({"bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type", "type", "dyn"})
_SIGN_BIT, _TWO_64 = 1 << 63, 1 << 64


class Constant(NamedTuple):
    id: int
    value: Any


class Name(NamedTuple):
    id: int
    name: str


class Select(NamedTuple):
    id: int
    operand: "Node"
    field: str


class Call(NamedTuple):
    """`target` is the thing before the dot, in `target.function(arguments)`."""

    id: int
    function: str
    target: "Node | None"
    arguments: "tuple[Node, ...]"


class Literal(NamedTuple):
    """A list, a map, or (with `message`) the construction of a typed object."""

    id: int
    parts: "tuple[Node, ...]"
    message: str = ""


class Loop(NamedTuple):
    """What `map`, `filter`, `exists`, `exists_one` and `all` become."""

    id: int
    names: tuple[str, ...]
    items: "Node"
    parts: "tuple[Node, ...]"


Node = Constant | Name | Select | Call | Literal | Loop
_NOTHING: Node = Constant(0, None)


class Tree(NamedTuple):
    """An expression as CEL read it. Types and positions stay on the wire until somebody asks.

    names, functions, messages: all that occur in it; loops: whether a list is walked.
    """

    root: Node
    names: Set[str]
    functions: Set[str]
    messages: Set[str]
    loops: bool
    raw: bytes

    def type_of(self, node: Node) -> Shape:
        """What the checker says the node gives. CheckedExpr: type_map 3, of entries with key 1 and value 2."""
        for start, end in _all(self.raw, 3):
            if _varint(self.raw, start + 1)[0] == node.id:
                return _type(dict(_fields(self.raw[start:end]))[2])
        return DYN

    def position_of(self, node: Node) -> int:
        """Where the node stands, in characters from 0: its operator, dot or bracket. SourceInfo: positions 4."""
        for start, end in _all(self.raw, 5):
            for number, entry in _fields(self.raw[start:end]):
                place = dict(_fields(entry)) if number == 4 else {}
                if place.get(1) == node.id:
                    return int(place.get(2, 0))
        return 0


def read(serialized: bytes) -> Tree:
    """The tree in what `Expression.serialize()` gave: Any (value 2) of a CheckedExpr (expr 4).

    Of an expression that was compiled without checking it is a ParsedExpr (expr 2): no types, no positions.
    """
    found = dict(_fields(serialized))
    raw = found[2]
    is_checked = found[1].endswith(b"CheckedExpr")
    reader = _Reader(raw)
    root = next(reader.expression(start, end) for start, end in _all(raw, 4 if is_checked else 2))
    return Tree(root, reader.names, reader.functions, reader.messages, reader.loops, raw)


def _all(raw: bytes, wanted: int) -> Iterator[tuple[int, int]]:
    """Where each field of that number begins and ends, among fields that all have a length, below number 16."""
    at, end = 0, len(raw)
    while at < end:
        key = raw[at]
        size = raw[at + 1]
        at += 2
        if size & 0x80:
            size, at = _varint(raw, at - 1)
        if key >> 3 == wanted:
            yield at, at + size
        at += size


def _fields(raw: bytes) -> list[tuple[int, Any]]:
    """Field numbers with an int for a varint, bytes for anything longer."""
    found: list[tuple[int, Any]] = []
    at, end = 0, len(raw)
    while at < end:
        key = raw[at]
        at += 1
        if key & 0x80:
            key, at = _varint(raw, at - 1)
        kind = key & 7
        if kind == _LEN:
            size = raw[at]
            at += 1
            if size & 0x80:
                size, at = _varint(raw, at - 1)
            found.append((key >> 3, raw[at : at + size]))
            at += size
        elif kind == _VARINT:
            value, at = _varint(raw, at)
            found.append((key >> 3, value))
        else:
            assert kind in (_I64, _I32), "not the wire format"
            size = 8 if kind == _I64 else 4
            found.append((key >> 3, raw[at : at + size]))
            at += size
    return found


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


class _Reader:
    """Reads syntax.proto's Expr, and notes what occurs in it."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self.names: set[str] = set()
        self.functions: set[str] = set()
        self.messages: set[str] = set()
        self.loops = False
        self._kinds = {
            3: self._constant,
            4: self._name,
            5: self._select,
            6: self._call,
            7: self._list,
            8: self._struct,
            9: self._loop,
        }

    def expression(self, at: int, end: int) -> Node:
        """Expr: id 2, then one of const 3, ident 4, select 5, call 6, list 7, struct 8, comprehension 9."""
        raw = self._raw
        node_id = kind = start = stop = 0
        while at < end:
            key = raw[at]
            size = raw[at + 1]
            at += 2
            if size & 0x80:
                size, at = _varint(raw, at - 1)
            if key == _ID:
                node_id = size
                continue
            kind, start, stop = key >> 3, at, at + size
            at = stop
        return self._kinds[kind](node_id, start, stop) if kind in self._kinds else Constant(node_id, None)

    def _parts(self, at: int, end: int) -> Iterator[tuple[int, int, int]]:
        """Number, start and end of each field that has a length; others are passed over."""
        raw = self._raw
        while at < end:
            key = raw[at]
            size = raw[at + 1]
            at += 2
            if size & 0x80:
                size, at = _varint(raw, at - 1)
            if key & 7 == _LEN:
                yield key >> 3, at, at + size
                at += size

    def _text(self, start: int, end: int) -> str:
        return str(self._raw[start:end], "utf-8")

    def _name(self, node_id: int, at: int, end: int) -> Node:
        """Expr.Ident: name 1."""
        name = next((self._text(start, stop) for _, start, stop in self._parts(at, end)), "")
        self.names.add(name)
        return Name(node_id, name)

    def _select(self, node_id: int, at: int, end: int) -> Node:
        """Expr.Select: operand 1, field 2; test_only 3 (`has`) reads the same path."""
        operand, field = _NOTHING, ""
        for number, start, stop in self._parts(at, end):
            if number == 1:
                operand = self.expression(start, stop)
            else:
                field = self._text(start, stop)
        return Select(node_id, operand, field)

    def _call(self, node_id: int, at: int, end: int) -> Node:
        """Expr.Call: target 1, function 2, args 3."""
        target, function, arguments = None, "", []
        for number, start, stop in self._parts(at, end):
            if number == 3:
                arguments.append(self.expression(start, stop))
            elif number == 2:
                function = self._text(start, stop)
            else:
                target = self.expression(start, stop)
        self.functions.add(function)
        return Call(node_id, function, target, tuple(arguments))

    def _constant(self, node_id: int, at: int, end: int) -> Node:
        """Constant: int64 3, string 6; other kinds are never part of a path and stay None."""
        found = dict(_fields(self._raw[at:end]))
        if 6 in found:
            return Constant(node_id, found[6].decode())
        value = found.get(3)
        return Constant(node_id, value - _TWO_64 if value is not None and value & _SIGN_BIT else value)

    def _list(self, node_id: int, at: int, end: int) -> Node:
        """Expr.CreateList: elements 1."""
        parts = [self.expression(start, stop) for number, start, stop in self._parts(at, end) if number == 1]
        return Literal(node_id, tuple(parts))

    def _struct(self, node_id: int, at: int, end: int) -> Node:
        """Expr.CreateStruct: message_name 1, entries 2; in an Entry: map_key 3, value 4."""
        message_name, parts = "", []
        for number, start, stop in self._parts(at, end):
            if number == 1:
                message_name = self._text(start, stop)
                self.messages.add(message_name)
            else:
                entry = self._parts(start, stop)
                parts += [self.expression(first, last) for kind, first, last in entry if kind in (3, 4)]
        return Literal(node_id, tuple(parts), message_name)

    def _loop(self, node_id: int, at: int, end: int) -> Node:
        """Expr.Comprehension: iter_var 1, iter_var2 8, iter_range 2, accu_var 3, accu_init 4 to result 7."""
        self.loops = True
        names, parts = [], []
        items: Node = _NOTHING
        for number, start, stop in self._parts(at, end):
            if number in (1, 3, 8):
                names.append(self._text(start, stop))
            elif number == 2:
                items = self.expression(start, stop)
            else:
                parts.append(self.expression(start, stop))
        return Loop(node_id, tuple(names), items, tuple(parts))


def _type(raw: bytes) -> Shape:
    """checked.proto, Type: null 2, primitive 3, wrapper 4, well_known 5, list 6, map 7, message 9, type 11."""
    number, value = (_fields(raw) or [(1, b"")])[0]
    reader = _TYPES.get(number)
    return DYN if reader is None else reader(value)


def _part(raw: bytes, number: int) -> Shape:
    inner = dict(_fields(raw)).get(number)
    return DYN if inner is None else _type(inner)


_TYPES: Mapping[int, Callable[[Any], Shape]] = {
    2: lambda _: NULL,
    3: lambda value: scalar(_PRIMITIVES[value]),
    4: lambda value: nullable(scalar(_PRIMITIVES[value])),
    5: lambda value: scalar(_WELL_KNOWN[value]),
    6: lambda value: list_of(_part(value, 1)),
    7: lambda value: map_of(_part(value, 2)),
    9: lambda value: message(value.decode()),
    11: lambda _: scalar("type"),
}


def parts_of(node: Node) -> Iterator[Node]:
    """The nodes directly below."""
    if isinstance(node, Select):
        yield node.operand
    elif isinstance(node, Call):
        if node.target is not None:
            yield node.target
        yield from node.arguments
    elif isinstance(node, Literal):
        yield from node.parts
    elif isinstance(node, Loop):
        yield node.items
        yield from node.parts
