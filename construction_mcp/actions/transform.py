"""Working on values that earlier steps gave. What is known about the items stays known about what comes out."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from construction_mcp.actions.action import ActionType, Cel, Config, Expression
from construction_mcp.actions.shapes import array_of, closed, element, or_null
from construction_mcp.core.config import Limits
from construction_mcp.expressions.port import ANYTHING, Schema

Items = Annotated[
    list[Any],
    Field(max_length=Limits().transform_items_max, description="The list, as {{ steps.open_rfis.output.items }}"),
]
Inputs = Mapping[str, Schema]


class FilterConfig(Config):
    """Which items stay."""

    items: Items
    where: Annotated[
        Expression,
        Cel(item_of="items", gives="boolean"),
        Field(description="CEL over item; items for which it is true stay, those where it reads null are skipped"),
    ]


class MapConfig(Config):
    """What each item becomes."""

    items: Items
    to: Annotated[
        Expression | dict[str, Expression],
        Cel(item_of="items"),
        Field(description="CEL over item, or an object of them: {number: item.number, who: item.ball_in_court}"),
    ]


class SortConfig(Config):
    """In which order."""

    items: Items
    by: Annotated[Expression, Cel(item_of="items"), Field(description="CEL over item: a number, text or date")]
    order: Annotated[Literal["asc", "desc"], Field(description="asc puts the smallest first, desc the largest")] = "asc"


class GroupConfig(Config):
    """What belongs together."""

    items: Items
    by: Annotated[
        Expression, Cel(item_of="items"), Field(description="CEL over item; items with equal values form a group")
    ]


class AggregateConfig(Config):
    """One value of many."""

    items: Items
    op: Annotated[Literal["sum", "avg", "min", "max", "count"], Field(description="What is worked out")]
    of: Annotated[
        Expression | None,
        Cel(item_of="items"),
        Field(description="CEL over item; null values are left out. The item itself unless given"),
    ] = None


class SetConfig(Config):
    """A value under a name."""

    value: Annotated[Any, Field(description="Any value; with {{ }} it is put together from others")]


def _of_items(items: Schema) -> Schema:
    return closed(items=array_of(items), skipped={"type": "integer"})


def _kept(inputs: Inputs) -> Schema:
    """Filtering and sorting change no item."""
    return _of_items(element(inputs.get("items", ANYTHING)))


def _mapped(inputs: Inputs) -> Schema:
    return _of_items(inputs.get("to", ANYTHING))


def _grouped(inputs: Inputs) -> Schema:
    items = array_of(element(inputs.get("items", ANYTHING)))
    return _of_items(closed(key=inputs.get("by", ANYTHING), items=items, count={"type": "integer"}))


def _aggregated(inputs: Inputs) -> Schema:
    op = inputs.get("op", ANYTHING).get("const")
    if op in ("count", "sum"):
        return closed(value={"type": "integer" if op == "count" else "number"})
    if op == "avg":
        return closed(value=or_null({"type": "number"}))
    return closed(value=or_null(inputs.get("of") or element(inputs.get("items", ANYTHING))) if op else ANYTHING)


def _set(inputs: Inputs) -> Schema:
    return closed(value=inputs.get("value", ANYTHING))


TYPES = (
    ActionType(
        name="transform.filter",
        config=FilterConfig,
        effect="pure",
        doc="Keep the items for which an expression is true; skipped counts those where it met null.",
        output=_kept,
    ),
    ActionType(
        name="transform.map",
        config=MapConfig,
        effect="pure",
        doc="Turn each item into something else, in the same order; skipped counts those where the expression met"
        " null.",
        output=_mapped,
    ),
    ActionType(
        name="transform.sort",
        config=SortConfig,
        effect="pure",
        doc="Order items by an expression, equal ones as they came; skipped counts those left out because it met null.",
        output=_kept,
    ),
    ActionType(
        name="transform.group",
        config=GroupConfig,
        effect="pure",
        doc="Gather items with equal values of an expression into groups of key, items and count, in the order in which"
        " keys first appear.",
        output=_grouped,
    ),
    ActionType(
        name="transform.aggregate",
        config=AggregateConfig,
        effect="pure",
        doc="Work out one value from a list: its sum, average, least, greatest or count; avg, min and max of nothing"
        " are null.",
        output=_aggregated,
    ),
    ActionType(
        name="transform.set",
        config=SetConfig,
        effect="pure",
        doc="Put a value together once, for other actions to use.",
        output=_set,
    ),
)
