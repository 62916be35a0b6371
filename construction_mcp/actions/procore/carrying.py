"""Carries Procore actions out through this server's own tools: a workflow does what a person may ask for by hand.

Lists are read to their end, over several projects at once. A change is the tool's own preview, performed by the engine;
`looks` tells how an earlier try is found whose reply never came.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeAlias

from pydantic import TypeAdapter

from construction_mcp.actions.action import Config
from construction_mcp.actions.performing import Act, Context, Match, Output, Perform
from construction_mcp.actions.places import ALL_ACTIVE
from construction_mcp.actions.schemas import schema_of
from construction_mcp.core.effects import Effect
from construction_mcp.core.errors import Conflict, Invalid
from construction_mcp.procore.together import together

_PAGE = 100  # the most a list tool gives at once
_IDS_MAX = 50  # the most a get tool reads at once
_TEXT_MAX = 100  # of the words a list is searched for
_SEVERAL_MAX = 10  # projects that one call of a list tool takes, whichever tool

_ADAPTERS: dict[type, TypeAdapter[Any]] = {}  # one per kind of record

Look: TypeAlias = Callable[[Mapping[str, Any], Context, datetime], Awaitable[Sequence[Any]]]
"""Records that an earlier try may have made since that moment, given the tool's arguments."""


def listing(
    tool: str, *, at_once: bool = False, in_project: bool = False, options: Mapping[str, Any] | None = None
) -> Perform:
    """`<kind>.list`: everything there is, up to `limit`.

    at_once: the tool takes several projects; options: arguments that the action does not leave open.
    """

    async def perform(config: Any, context: Context) -> Output:
        given = _arguments(config, {"projects", "limit"})
        most: int | None = config.limit
        projects = await _projects(config.projects, context)
        groups = [projects[at : at + _SEVERAL_MAX] for at in range(0, len(projects), _SEVERAL_MAX)]
        places = [_place(group) for group in groups] if at_once else [{"project_id": one} for one in projects]
        parts = await together(*(_read(tool, {**given, **(options or {}), **place}, most, context) for place in places))
        items = [
            {**item, "project_id": place["project_id"]} if in_project else item
            for place, part in zip(places, parts, strict=True)
            for item in part.items
        ]
        if len(parts) > 1:
            items.sort(key=_due)  # of each list this is the order already
        kept = items if most is None else items[:most]
        total = sum(part.total for part in parts)
        return {"items": kept, "total": total, "truncated": len(kept) < total or any(part.truncated for part in parts)}

    return perform


def reading(tool: str, *, in_project: bool = False) -> Perform:
    """`<kind>.get`."""

    async def perform(config: Any, context: Context) -> Output:
        project_id = one_project(config.project_id, context)
        arguments = {**_arguments(config, {"project_id"}), "project_id": project_id}
        return {"item": _item(plain((await context.call(tool, arguments)).item), project_id if in_project else None)}

    return perform


def changing(
    tool: str,
    record: type,
    target: str,
    *,
    looks: Look | None = None,
    is_repeatable: bool = False,
    in_project: bool = False,
) -> Perform:
    """A change in one project, as the tool previews it. target: as its consent names it, without the place."""

    async def perform(config: Any, context: Context) -> Act:
        project_id = one_project(config.project_id, context)
        arguments = {**_arguments(config, {"project_id"}), "project_id": project_id}
        effect = await _described(tool, arguments, context, can_look=looks is not None)
        place = project_id if in_project else None

        async def make() -> Output:
            return {"item": _item(plain(await effect.perform()), place)}

        async def look(since: datetime) -> Sequence[Match]:
            assert looks is not None
            found = [_item(plain(one), place) for one in await looks(arguments, context, since)]
            return [Match(str(one["id"]), {"item": one}) for one in found]

        return Act(
            summary=effect.summary,
            shown=json.loads(json.dumps(dict(effect.shown), default=str)),
            perform=make,
            preview={"item": _item(dict.fromkeys(schema_of(record)["properties"]), place)},
            targets=effect.targets,
            touches=(("procore", f"{target} in project {project_id}"),),
            is_repeatable=is_repeatable,
            look=None if looks is None else look,
        )

    return perform


async def _described(tool: str, arguments: Mapping[str, Any], context: Context, *, can_look: bool) -> Effect[Any]:
    """The change as the tool describes it. After an earlier try the tool may refuse because that one has made it: then
    the engine looks before it believes the refusal."""
    try:
        effect: Effect[Any] = await context.call(tool, arguments)
    except (Conflict, Invalid) as refusal:
        if context.run.attempt == 1 or not can_look:
            raise
        said = refusal

        async def refuse() -> Any:
            raise said

        return Effect(f"{tool} {arguments}"[:200], {}, refuse)
    return effect


def made_by_list(tool: str, text: str, *same: str) -> Look:
    """Look for a new record in the list: created since, with the same text and the same further fields.

    text: the argument whose words the list is searched for; same: fields that are called alike in argument and record.
    """

    async def look(arguments: Mapping[str, Any], context: Context, since: datetime) -> Sequence[Any]:
        place = {"project_id": arguments["project_id"]}
        listed = await context.call(
            tool, {**place, "text": arguments[text][:_TEXT_MAX], "status": "any", "limit": _PAGE}
        )
        ids = [item.id for item in listed.items][:_IDS_MAX]
        if not ids:
            return []
        full = await context.call(tool.replace("list_", "get_").removesuffix("s"), {**place, "ids": ids})
        fields = (text, *same)
        alike = [
            one for one in full.items or () if all(_same(arguments.get(name), getattr(one, name)) for name in fields)
        ]
        return [one for one in alike if one.created_at is None or one.created_at >= since]

    return look


async def everything(tool: str, arguments: Mapping[str, Any], context: Context) -> Output:
    """All that a list tool gives."""
    part = await _read(tool, arguments, None, context)
    return {"items": part.items, "total": part.total, "truncated": part.truncated}


def plain(record: Any) -> Any:
    """A record as JSON, its nulls kept so that every field can be named."""
    kind: type[Any] = type(record)
    adapter = _ADAPTERS.get(kind)
    if adapter is None:
        adapter = _ADAPTERS[kind] = TypeAdapter(kind)
    return adapter.dump_python(record, mode="json")


def consented(config: Config) -> Mapping[str, Any]:
    """What of a config a tool takes as arguments."""
    return _arguments(config, set())


class _Part:
    """What one list gave."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self.total = 0
        self.truncated = False


async def _read(tool: str, arguments: Mapping[str, Any], most: int | None, context: Context) -> _Part:
    """Page after page, as far as is wanted. What one page of the tool holds is what Procore's own page does."""
    part, cursor = _Part(), None
    while True:
        left = _PAGE if most is None else min(_PAGE, most - len(part.items))
        page = await context.call(tool, {**arguments, "limit": left, **({"cursor": cursor} if cursor else {})})
        part.items += [plain(item) for item in page.items]
        part.total = max(part.total, page.total or 0, len(part.items))
        part.truncated = part.truncated or bool(page.truncated)
        cursor = page.next_cursor
        if cursor is None or (most is not None and len(part.items) >= most):
            part.total += cursor is not None and part.total == len(part.items)
            return part


async def _projects(given: Any, context: Context) -> list[int]:
    if given == ALL_ACTIVE:
        part = await _read("list_procore_projects", {"status": "active"}, None, context)
        return [item["id"] for item in part.items]
    if isinstance(given, list):
        return list(dict.fromkeys(given))
    return [one_project(given, context)]


def one_project(given: int | None, context: Context) -> int:
    """The project meant: the action's, else its workflow's.

    Raises:
        Invalid: there is none.
    """
    project_id = given or context.run.project_id
    if project_id is None:
        raise Invalid("The action names no project and its workflow has none.", details={"field": "project_id"})
    return project_id


def _place(group: Sequence[int]) -> dict[str, Any]:
    return {"project_id": group[0]} if len(group) == 1 else {"project_ids": list(group)}


def _arguments(config: Config, without: set[str]) -> dict[str, Any]:
    return config.model_dump(mode="json", exclude_none=True, exclude=without)


def _item(item: dict[str, Any], project_id: int | None) -> dict[str, Any]:
    return item if project_id is None else {**item, "project_id": project_id}


def _due(item: Mapping[str, Any]) -> tuple[bool, str]:
    """Earliest due date first, those without one last."""
    due = item.get("due_date")
    return (due is None, str(due or ""))


def _same(asked: Any, got: Any) -> bool:
    """Whether a field holds what was sent, as far as Procore keeps it to the letter."""
    if isinstance(got, date) and not isinstance(got, datetime):
        got = got.isoformat()
    return asked is None or str(asked).split() == str(got or "").split()
