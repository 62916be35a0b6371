"""Working on values that earlier steps gave. What is known about the items stays known about what comes out."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from construction_mcp.actions.action import ActionType, Cel, Config, Expression
from construction_mcp.actions.performing import Context, Output
from construction_mcp.actions.shapes import array_of, closed, element, one_for_each, or_null
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Invalid
from construction_mcp.core.json import write_json
from construction_mcp.expressions.failures import FAILED
from construction_mcp.expressions.port import ANYTHING, Schema

Items = Annotated[
    list[Any],
    Field(max_length=Limits().transform_items_max, description="The list, as {{ steps.open_rfis.output.items }}"),
]
Inputs = Mapping[str, Schema]
_NULL: Any = object()  # the expression met null where it needs a value


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


@one_for_each
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
    return _of_value(inputs.get("value", ANYTHING))


@one_for_each
def _of_value(value: Schema) -> Schema:
    return closed(value=value)


async def _filter(config: FilterConfig, context: Context) -> Output:
    kept = [(item, value) for item, value in await _computed(config.items, config.where, context) if value is not _NULL]
    return {"items": [item for item, value in kept if _truth(value)], "skipped": len(config.items) - len(kept)}


async def _map(config: MapConfig, context: Context) -> Output:
    if isinstance(config.to, str):
        values = [value for _, value in await _computed(config.items, config.to, context)]
    else:
        columns = [[value for _, value in await _computed(config.items, each, context)] for each in config.to.values()]
        rows = zip(*columns, strict=True) if columns else [()] * len(config.items)
        values = [_NULL if _NULL in row else dict(zip(config.to, row, strict=True)) for row in rows]
    known = [value for value in values if value is not _NULL]
    return {"items": known, "skipped": len(values) - len(known)}


async def _sort(config: SortConfig, context: Context) -> Output:
    computed = await _computed(config.items, config.by, context)
    known = [(item, value) for item, value in computed if value is not _NULL and value is not None]
    try:
        known.sort(key=lambda one: one[1], reverse=config.order == "desc")
    except TypeError:
        raise Invalid("The values to sort by cannot be put in one order.", code=FAILED) from None
    return {"items": [item for item, _ in known], "skipped": len(computed) - len(known)}


async def _group(config: GroupConfig, context: Context) -> Output:
    groups: dict[str, dict[str, Any]] = {}
    computed = await _computed(config.items, config.by, context)
    known = [(item, value) for item, value in computed if value is not _NULL]
    for item, value in known:
        groups.setdefault(write_json(value), {"key": value, "items": []})["items"].append(item)
    items = [{**group, "count": len(group["items"])} for group in groups.values()]
    return {"items": items, "skipped": len(computed) - len(known)}


async def _aggregate(config: AggregateConfig, context: Context) -> Output:
    values = config.items
    if config.of is not None:
        values = [value for _, value in await _computed(config.items, config.of, context) if value is not _NULL]
    known = [value for value in values if value is not None]
    if config.op == "count":
        return {"value": len(known)}
    if config.op in ("sum", "avg"):
        if any(isinstance(value, bool) or not isinstance(value, int | float) for value in known):
            raise Invalid(f"{config.op} met something that is no number.", code=FAILED, hint="Write number(item.x).")
        total = sum(known)
        return {"value": total if config.op == "sum" else total / len(known) if known else None}
    try:
        best = (min if config.op == "min" else max)(known, default=None)
    except TypeError:
        raise Invalid(f"{config.op} met values that cannot be compared.", code=FAILED) from None
    return {"value": best}


async def _put_together(config: SetConfig, _context: Context) -> Output:
    return {"value": config.value}


async def _computed(items: Sequence[Any], text: str, context: Context) -> list[tuple[Any, Any]]:
    """Each item with what the expression gives for it, `_NULL` where it met null.

    Raises:
        Invalid: any other failure; a list with a gap would look whole.
    """
    computed = []
    for item, value in zip(items, await context.each(text, items), strict=True):
        if isinstance(value, Invalid) and value.code != "EXECUTION_EXPRESSION_NULL":
            raise value
        computed.append((item, _NULL if isinstance(value, Invalid) else value))
    return computed


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise Invalid("The condition of a filter gave something other than true or false.", code=FAILED)


TYPES = (
    ActionType(
        name="transform.filter",
        config=FilterConfig,
        effect="pure",
        doc="Keep the items for which an expression is true; skipped counts those where it met null.",
        output=_kept,
        perform=_filter,
    ),
    ActionType(
        name="transform.map",
        config=MapConfig,
        effect="pure",
        doc="Turn each item into something else, in the same order; skipped counts those where the expression met"
        " null.",
        output=_mapped,
        perform=_map,
    ),
    ActionType(
        name="transform.sort",
        config=SortConfig,
        effect="pure",
        doc="Order items by an expression, equal ones as they came; skipped counts those left out because it met null.",
        output=_kept,
        perform=_sort,
    ),
    ActionType(
        name="transform.group",
        config=GroupConfig,
        effect="pure",
        doc="Gather items with equal values of an expression into groups of key, items and count, in the order in which"
        " keys first appear.",
        output=_grouped,
        perform=_group,
    ),
    ActionType(
        name="transform.aggregate",
        config=AggregateConfig,
        effect="pure",
        doc="Work out one value from a list: its sum, average, least, greatest or count; avg, min and max of nothing"
        " are null.",
        output=_aggregated,
        perform=_aggregate,
    ),
    ActionType(
        name="transform.set",
        config=SetConfig,
        effect="pure",
        doc="Put a value together once, for other actions to use.",
        output=_set,
        perform=_put_together,
    ),
)
