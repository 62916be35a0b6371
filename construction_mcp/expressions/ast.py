"""Reads what CEL's checker made of an expression: its tree and the type of each node.

`Expression.serialize()` gives a google.protobuf.Any that holds a cel.expr.CheckedExpr. Its few message types are read
straight from the wire: a protobuf runtime would cost more to import than all expressions of a workflow to read.
Source: cel-spec proto/cel/expr/checked.proto and syntax.proto (field numbers below), "Protocol Buffers Encoding".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from construction_mcp.expressions.shapes import DYN, NULL, Shape, list_of, map_of, message, nullable, scalar

_VARINT, _I64, _LEN, _I32 = 0, 1, 2, 5
_PRIMITIVES = {1: "bool", 2: "int", 3: "uint", 4: "double", 5: "string", 6: "bytes"}  # checked.proto, PrimitiveType
_WELL_KNOWN = {1: "any", 2: "timestamp", 3: "duration"}
_SIGN_BIT, _TWO_64 = 1 << 63, 1 << 64


@dataclass(frozen=True, slots=True)
class Constant:
    id: int
    value: Any


@dataclass(frozen=True, slots=True)
class Name:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Select:
    id: int
    operand: "Node"
    field: str


@dataclass(frozen=True, slots=True)
class Call:
    """`target` is the thing before the dot, in `target.function(arguments)`."""

    id: int
    function: str
    target: "Node | None"
    arguments: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Literal:
    """A list, a map, or (with `message`) the construction of a typed object."""

    id: int
    parts: "tuple[Node, ...]"
    message: str = ""


@dataclass(frozen=True, slots=True)
class Loop:
    """What `map`, `filter`, `exists`, `exists_one` and `all` become."""

    id: int
    names: tuple[str, ...]
    items: "Node"
    parts: "tuple[Node, ...]"


Node = Constant | Name | Select | Call | Literal | Loop
_NOTHING = Constant(0, None)


@dataclass(frozen=True, slots=True)
class Tree:
    """A checked expression. Types and positions stay on the wire until somebody asks."""

    root: Node
    types: tuple[bytes, ...]
    source: bytes

    def type_of(self, node: Node) -> Shape:
        """What the checker says the node gives."""
        for entry in self.types:
            found = dict(_fields(entry))
            if found.get(1) == node.id:
                return _type(found[2])
        return DYN

    def position_of(self, node: Node) -> int:
        """Where the node stands, in characters from 0: its operator, dot or bracket. SourceInfo: positions 4."""
        for number, entry in _fields(self.source):
            if number == 4 and dict(entry_fields := _fields(entry)).get(1) == node.id:
                return int(dict(entry_fields).get(2, 0))
        return 0


def read(serialized: bytes) -> Tree:
    """The tree in what `Expression.serialize()` gave."""
    checked = dict(_fields(serialized))[2]
    types = []
    source = b""
    root: Node = _NOTHING
    for number, value in _fields(checked):
        if number == 3:
            types.append(value)
        elif number == 4:
            root = _expression(value)
        elif number == 5:
            source = value
    return Tree(root, tuple(types), source)


def _fields(raw: bytes) -> list[tuple[int, Any]]:
    """Field numbers with an int for a varint, bytes for anything longer."""
    found = []
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


def _expression(raw: bytes) -> Node:
    """syntax.proto, Expr: id 2, const 3, ident 4, select 5, call 6, list 7, struct 8, comprehension 9."""
    node_id = 0
    kind, body = 0, b""
    for number, value in _fields(raw):
        if number == 2:
            node_id = value
        else:
            kind, body = number, value
    if kind == 4:
        return Name(node_id, _text(body))
    if kind == 5:
        return _select(node_id, body)
    if kind == 6:
        return _call(node_id, body)
    if kind == 3:
        return _constant(node_id, body)
    if kind == 7:
        return Literal(node_id, tuple(_expression(value) for number, value in _fields(body) if number == 1))
    if kind == 8:
        return _struct(node_id, body)
    return _loop(node_id, body) if kind == 9 else Constant(node_id, None)


def _text(body: bytes) -> str:
    """The one text of an Ident."""
    return str(dict(_fields(body)).get(1, b""), "utf-8")


def _select(node_id: int, body: bytes) -> Node:
    """Expr.Select: operand 1, field 2; test_only (`has`) reads the same path."""
    found = dict(_fields(body))
    return Select(node_id, _expression(found[1]), found[2].decode())


def _call(node_id: int, body: bytes) -> Node:
    """Expr.Call: target 1, function 2, args 3."""
    target, function, arguments = None, "", []
    for number, value in _fields(body):
        if number == 3:
            arguments.append(_expression(value))
        elif number == 2:
            function = value.decode()
        elif number == 1:
            target = _expression(value)
    return Call(node_id, function, target, tuple(arguments))


def _constant(node_id: int, body: bytes) -> Node:
    """Constant: int64 3, string 6; other kinds are never part of a path and stay None."""
    for number, value in _fields(body):
        if number == 6:
            return Constant(node_id, value.decode())
        if number == 3:
            return Constant(node_id, value - _TWO_64 if value & _SIGN_BIT else value)
    return Constant(node_id, None)


def _struct(node_id: int, body: bytes) -> Node:
    """Expr.CreateStruct: message_name 1, entries 2; in an Entry: map_key 3, value 4."""
    message_name, parts = "", []
    for number, value in _fields(body):
        if number == 1:
            message_name = value.decode()
        elif number == 2:
            parts += [_expression(part) for kind, part in _fields(value) if kind in (3, 4)]
    return Literal(node_id, tuple(parts), message_name)


def _loop(node_id: int, body: bytes) -> Node:
    """Expr.Comprehension: iter_var 1, iter_var2 8, iter_range 2, accu_var 3, accu_init 4 to result 7."""
    names, parts = [], []
    items: Node = _NOTHING
    for number, value in _fields(body):
        if number in (1, 3, 8):
            names.append(value.decode())
        elif number == 2:
            items = _expression(value)
        else:
            parts.append(_expression(value))
    return Loop(node_id, tuple(names), items, tuple(parts))


def _type(raw: bytes) -> Shape:
    """checked.proto, Type: null 2, primitive 3, wrapper 4, well_known 5, list 6, map 7, message 9, type 11."""
    number, value = (_fields(raw) or [(1, b"")])[0]
    if number == 3:
        return scalar(_PRIMITIVES[value])
    if number == 4:
        return nullable(scalar(_PRIMITIVES[value]))
    if number == 5:
        return scalar(_WELL_KNOWN[value])
    if number == 6:
        return list_of(_part(value, 1))
    if number == 7:
        return map_of(_part(value, 2))
    if number == 9:
        return message(value.decode())
    if number == 2:
        return NULL
    return scalar("type") if number == 11 else DYN


def _part(raw: bytes, number: int) -> Shape:
    inner = dict(_fields(raw)).get(number)
    return DYN if inner is None else _type(inner)


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
