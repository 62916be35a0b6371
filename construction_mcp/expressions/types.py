"""JSON Schemas as CEL types: what lets the checker know that `steps.open_rfis.output.items` has no `subjct`.

An object whose fields are all known becomes a protobuf message in a descriptor pool of our own, since a message is the
only type whose fields CEL checks; everything else becomes CEL's list, map, scalar or `dyn`.

| schema | type |
|---|---|
| object with `additionalProperties: false` | message |
| other objects | map(string, dyn), or of what `additionalProperties` says |
| `anyOf` with null, `type: [x, "null"]` | scalar: its wrapper, so that `== null` is allowed; list, map: dyn |
| number | dyn: CEL's checker would refuse `cost > 3`; evaluation compares int and double |
| recursion, anything else | dyn |

Source: cel-spec "Language Definition", section Protocol Buffer Data Conversion.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from construction_mcp.expressions.port import ANYTHING, Schema
from construction_mcp.expressions.shapes import DYN, NULL, Shape, list_of, map_of, message, nullable, scalar

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool

_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SCALARS = {"string": scalar("string"), "integer": scalar("int"), "boolean": scalar("bool"), "null": NULL}
WRAPPERS = {"string": "StringValue", "int": "Int64Value", "bool": "BoolValue", "double": "DoubleValue"}
_JSON_SCHEMAS: Mapping[str, Schema] = {
    "string": {"type": "string"},
    "int": {"type": "integer"},
    "uint": {"type": "integer"},
    "bool": {"type": "boolean"},
    "double": {"type": "number"},
    "null": {"type": "null"},
    "timestamp": {"type": "string", "format": "date-time"},
    "duration": {"type": "string", "format": "duration"},
}
_KNOWN_MAX = 20_000  # schemas remembered by identity: those of some ten large workflows


@dataclass(frozen=True, slots=True)
class Typed:
    """A schema with its references resolved, and its type. Equal types have equal numbers, different ones do not."""

    schema: Schema
    shape: Shape
    number: int


class Types:
    """The types of this process. Schemas are taken as unchanging; each is described to CEL once.

    Workflows are full of schemas that say the same, so each is looked up by what it says, part by part: a part that is
    known is one lookup, however large it is. What is found is one object for all that are equal.
    """

    def __init__(self, messages_max: int) -> None:
        self._messages_max = messages_max
        self.generation = 0
        self._start_over()

    def _start_over(self) -> None:
        self.generation += 1
        self._pool: DescriptorPool | None = None
        self._known: dict[int, tuple[Schema, Typed]] = {}
        self._equal: dict[Any, Schema] = {}
        self._first: dict[int, Schema] = {}
        self._typed: dict[int, Typed] = {}
        self._numbers: dict[Shape, int] = {}
        self._schemas: dict[str, Schema] = {}

    def tidy(self) -> bool:
        """Forget everything once there is too much of it, since a pool only grows; whether it did.

        Call it between two checks: what was typed before is unknown after.
        """
        if len(self._known) > _KNOWN_MAX:
            self._known.clear()
        too_much = len(self._schemas) > self._messages_max or len(self._first) > _KNOWN_MAX
        if too_much:
            self._start_over()
        return too_much

    @property
    def pool(self) -> "DescriptorPool | None":
        """Holds the messages; None while there are none."""
        return self._pool

    def of(self, schema: Schema) -> Typed:
        """The type of a value that the schema describes."""
        known = self._known.get(id(schema))
        if known is None:
            first = self._first_equal(flattened(schema) if "$defs" in schema else schema)
            known = (schema, self._typed_as(first))  # holding the schema keeps its id from being reused
            self._known[id(schema)] = known
        return known[1]

    def _typed_as(self, first: Schema) -> Typed:
        typed = self._typed.get(id(first))
        if typed is None:
            shape = self._shape_of(first)
            typed = self._typed[id(first)] = Typed(first, shape, self.number_of(shape))
        return typed

    def number_of(self, shape: Shape) -> int:
        """What stands for the type in names and keys."""
        return self._numbers.setdefault(shape, len(self._numbers))

    def _first_equal(self, schema: Schema) -> Schema:
        """The first schema that said the same; kept, so that its id stands for what it says."""
        if id(schema) in self._first:
            return schema
        first = self._equal.setdefault(frozenset([(name, self._key(part)) for name, part in schema.items()]), schema)
        self._first[id(first)] = first
        return first

    def _key(self, part: Any) -> Any:
        if isinstance(part, dict):
            return id(self._first_equal(part))
        if isinstance(part, list | tuple):
            return tuple(self._key(one) for one in part)
        return (type(part), part)  # 1, 1.0 and True are equal and not the same

    def schema_of(self, shape: Shape) -> Schema:
        """The schema of a type that CEL arrived at."""
        if shape.kind == "list":
            return {"type": "array", "items": self.schema_of(shape.of or DYN)}
        if shape.kind == "map":
            inner = self.schema_of(shape.of or DYN)
            return {"type": "object", "additionalProperties": inner} if inner else {"type": "object"}
        if shape.kind == "message":
            return self._schemas.get(shape.name, ANYTHING)
        schema = _JSON_SCHEMAS.get(shape.kind, ANYTHING)
        return {**schema, "type": [schema["type"], "null"]} if shape.is_nullable else schema

    def fields_of(self, name: str) -> Sequence[str]:
        """The fields of a message."""
        return tuple(self._schemas.get(name, {}).get("properties", ()))

    def certain(self, schema: Schema, path: Sequence[str]) -> Schema | None:
        """What stands at a path that certainly exists below a schema; None where only CEL knows whether it does."""
        below = self.of(schema).schema
        for at, step in enumerate(path):
            kind = self.of(below).shape.kind
            if kind == "dyn":
                return at_path(below, path[at:])
            if kind != "map" and step not in (_without_null(below).get("properties") or ()):
                return None
            below = at_path(below, (step,))
        return below

    def _shape(self, schema: Schema) -> Shape:
        return self._typed_as(self._first_equal(schema)).shape

    def _shape_of(self, schema: Schema) -> Shape:
        options = schema.get("anyOf") or schema.get("oneOf")
        if options:
            return _union(self._shape(option) for option in options)
        kind = schema.get("type")
        if isinstance(kind, list):
            return _union(self._shape({**schema, "type": one, "enum": None}) for one in kind)
        if kind is None:
            return _union(_of_value(value) for value in _listed(schema))
        if kind == "array":
            return list_of(self._shape(schema.get("items") or {}))
        return self._object(schema) if kind == "object" else _SCALARS.get(kind, DYN)

    def _object(self, schema: Schema) -> Shape:
        fields = schema.get("properties") or {}
        more = schema.get("additionalProperties")
        if fields and more is False and all(_FIELD.fullmatch(name) for name in fields):
            return self._message(schema)
        return map_of(self._shape(more) if isinstance(more, Mapping) and not fields else DYN)

    def _message(self, schema: Schema) -> Shape:
        """Asked for once of all equal schemas."""
        fields = [(field, self._shape(inner)) for field, inner in schema["properties"].items()]
        name = f"Object{len(self._schemas)}"
        self._schemas[name] = schema
        self._describe(name, fields)
        return message(name)

    def _describe(self, name: str, fields: Sequence[tuple[str, Shape]]) -> None:
        """Add a message to the pool, in a file of its own that imports those it refers to."""
        from google.protobuf import descriptor_pb2, struct_pb2, wrappers_pb2
        from google.protobuf.descriptor_pool import DescriptorPool

        if self._pool is None:
            self._pool = DescriptorPool()
            for known in (wrappers_pb2, struct_pb2):
                self._pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
        # By default a_b and aB have the same JSON name: Python's pool takes them with names of their own (json_name),
        # CEL's only in proto2.
        file = descriptor_pb2.FileDescriptorProto(name=f"{name}.proto", syntax="proto2")
        described = file.message_type.add(name=name)
        for number, (field, shape) in enumerate(fields, start=1):
            _add_field(described, field, number, shape)
        referred = {inner.name for _, shape in fields for inner in _within(shape) if inner.kind == "message"}
        file.dependency.extend(["google/protobuf/wrappers.proto", "google/protobuf/struct.proto"])
        file.dependency.extend(f"{other}.proto" for other in sorted(referred))
        self._pool.AddSerializedFile(file.SerializeToString())


def flattened(schema: Any) -> Schema:
    """The schema with every `$ref` into its `$defs` replaced by what it means; a recursive one by "anything"."""
    definitions = schema.get("$defs", {}) if isinstance(schema, Mapping) else {}
    return _flat(schema, definitions, ())


def _flat(schema: Any, definitions: Mapping[str, Any], open_refs: tuple[str, ...]) -> Schema:
    if not isinstance(schema, Mapping):
        return ANYTHING
    if "$ref" in schema:
        name = str(schema["$ref"]).removeprefix("#/$defs/")
        return ANYTHING if name in open_refs else _flat(definitions.get(name), definitions, (*open_refs, name))
    every = schema.get("allOf")
    if every and len(every) == 1:
        return _flat(every[0], definitions, open_refs)

    def flat(inner: Any) -> Schema:
        return _flat(inner, definitions, open_refs)

    result = {key: value for key, value in schema.items() if key != "$defs"}
    if "properties" in schema:
        result["properties"] = {name: flat(inner) for name, inner in schema["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), Mapping):
            result[key] = flat(schema[key])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            result[key] = [flat(option) for option in schema[key]]
    return result


def at_path(schema: Schema, path: Sequence[str]) -> Schema:
    """The schema of what stands at the path below a flattened schema; ANYTHING where it does not say."""
    for step in path:
        schema = _without_null(schema)
        if schema.get("type") == "array":
            schema = schema.get("items") or ANYTHING
        else:
            more = schema.get("additionalProperties")
            below = more if isinstance(more, Mapping) else ANYTHING
            schema = (schema.get("properties") or {}).get(step, below)
    return schema


def _without_null(schema: Schema) -> Schema:
    options = schema.get("anyOf") or schema.get("oneOf")
    if not options:
        return schema
    others = [one for one in options if one.get("type") != "null"]
    return others[0] if len(others) == 1 else schema


def _union(shapes: Iterable[Shape]) -> Shape:
    distinct = dict.fromkeys(shapes)
    others = [shape for shape in distinct if shape != NULL]
    if len(others) != 1:
        return DYN
    return nullable(others[0]) if NULL in distinct else others[0]


def _listed(schema: Schema) -> Sequence[Any]:
    return schema.get("enum") or ([schema["const"]] if "const" in schema else [])


def _of_value(value: Any) -> Shape:
    if value is None:
        return NULL
    return scalar("string") if isinstance(value, str) else DYN


def _within(shape: Shape) -> Iterable[Shape]:
    yield shape
    if shape.of is not None:
        yield from _within(shape.of)


def _add_field(described: "DescriptorProto", name: str, number: int, shape: Shape) -> None:
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field

    field = described.field.add(name=name, json_name=name, number=number, label=Field.LABEL_OPTIONAL)
    if shape.kind == "list" and shape.of is not None and _fits_repeated(shape.of):
        field.label = Field.LABEL_REPEATED
        _set_type(field, shape.of)
    else:
        _set_type(field, shape)


def _fits_repeated(element: Shape) -> bool:
    """protobuf has no list of lists, and of maps we use only Struct, whose values are anything."""
    return element.kind not in ("list", "dyn", "null") and not (element.kind == "map" and element.of != DYN)


def _set_type(field: "FieldDescriptorProto", shape: Shape) -> None:
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field

    plain = {"int": Field.TYPE_INT64, "bool": Field.TYPE_BOOL, "string": Field.TYPE_STRING}.get(shape.kind)
    if plain is not None and not shape.is_nullable:
        field.type = plain
        return
    field.type = Field.TYPE_MESSAGE
    if shape.kind == "message":
        field.type_name = f".{shape.name}"
    elif shape.is_nullable:
        field.type_name = f".google.protobuf.{WRAPPERS[shape.kind]}"
    else:
        special = {"map": "Struct", "list": "ListValue"}.get(shape.kind, "Value")
        field.type_name = f".google.protobuf.{special}"
