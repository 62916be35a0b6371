"""Kinds of records that are listed and shown alike: what tells them apart is a `Family`.

A list sends the filters Procore knows and takes Procore's page; a filter or order of our own runs over capped pages
(`listing.py`). A record of one is its own page; several are one filtered list.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, TypeVar

from construction_mcp.core.cursor import Cursors
from construction_mcp.core.errors import Invalid
from construction_mcp.core.types import Page
from construction_mcp.procore.access import Procore
from construction_mcp.procore.records.listing import KEPT_S, read_page
from construction_mcp.procore.records.persons import any_named, read_me
from construction_mcp.procore.records.sites import site_of, today_at

Record = TypeVar("Record")
Rows = Callable[[Sequence[Any]], list[Mapping[str, Any]]]

_FOREVER = "2100-01-01"  # Procore's ranges need an end


@dataclass(frozen=True, slots=True)
class Reading:
    """How rows become records: whose connection, which project, what day it is there, and how much is wanted."""

    procore: Procore
    project_id: int
    today: date
    full: bool = False

    def web_url(self, *parts: object) -> str:
        """Where a person opens a record of the project."""
        return self.procore.web_url(self.project_id, "project", *parts)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of a list: `limit` records from `cursor` on."""

    cursors: Cursors
    limit: int
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Found(Generic[Record]):
    """One record in full, or several; `missing` are ids that name nothing the connection may see."""

    item: Record | None = None
    items: list[Record] | None = None
    missing: list[int] | None = None


@dataclass(frozen=True, slots=True)
class Family(Generic[Record]):
    """One kind of record. `path` may hold `{project_id}`; where it does not, the project goes into the query.

    rows: how the answer of the list becomes rows, where it is not a plain list of them.
    """

    path: str
    shape: Callable[[Reading, Mapping[str, Any]], Record]
    rows: Rows | None = None

    def at(self, project_id: int) -> tuple[str, dict[str, Any]]:
        """The path and query of the project's list."""
        if "{project_id}" in self.path:
            return self.path.format(project_id=project_id), {}
        return self.path, {"project_id": project_id}

    async def page(
        self,
        reading: Reading,
        wanted: Wanted,
        query: Mapping[str, Any],
        *,
        keep: Callable[[Record], bool] | None = None,
        keep_name: str = "",
        order: Callable[[Record], Any] | None = None,
    ) -> Page[Record]:
        """One page of the list. Raises: as `read_page`."""
        path, place = self.at(reading.project_id)
        return await read_page(
            reading.procore,
            wanted.cursors,
            path,
            {**place, **query},
            lambda row: self.shape(reading, row),
            limit=wanted.limit,
            cursor=wanted.cursor,
            keep=keep,
            keep_name=keep_name,
            order=order,
            rows=self.rows,
        )

    async def find(self, reading: Reading, one_id: int | None, ids: Sequence[int] | None) -> Found[Record]:
        """One record from its own page, or several from one filtered list, in the order asked for.

        Raises:
            Invalid: neither `one_id` nor `ids`, or both. ConstructionError: as `ProcoreClient.get`.
        """
        path, place = self.at(reading.project_id)

        async def read_one(wanted: int) -> Record:
            return self.shape(reading, await reading.procore.get(f"{path}/{wanted}", place, ttl_s=KEPT_S))

        async def read_several(wanted: Sequence[int]) -> dict[int, Record]:
            listing = await reading.procore.list(path, {**place, "filters": {"id": wanted}}, ttl_s=KEPT_S)
            rows = self.rows(listing.items) if self.rows else listing.items
            return {row["id"]: self.shape(reading, row) for row in rows if isinstance(row, Mapping) and "id" in row}

        return await one_or_several(one_id, ids, read_one, read_several)


async def one_or_several(
    one_id: int | None,
    ids: Sequence[int] | None,
    read_one: Callable[[int], Awaitable[Record]],
    read_several: Callable[[Sequence[int]], Awaitable[Mapping[int, Record]]],
) -> Found[Record]:
    """What a tool that takes an id or `ids` answers: several in the order asked for, each once.

    Raises:
        Invalid: neither `one_id` nor `ids`, or both. Whatever the readers raise.
    """
    if (one_id is None) == (ids is None):
        raise Invalid("Give either one id or ids.", details={"field": "ids"})
    if one_id is not None:
        return Found(await read_one(one_id))
    wanted = list(dict.fromkeys(ids or []))
    found = await read_several(wanted)
    return Found(
        items=[found[one] for one in wanted if one in found], missing=[one for one in wanted if one not in found]
    )


async def reading_of(procore: Procore, project_id: int, now: datetime, *, full: bool = False) -> Reading:
    """A reading with the project's own day. The list of projects it comes from is kept, so it rarely costs a request.

    Raises:
        NotFound: PROCORE_NOT_FOUND; no such project, or the connection may not see it.
    """
    return Reading(procore, project_id, today_at(await site_of(procore, project_id), now), full)


def since(day: date | None) -> str | None:
    """The filter value for what changed on or after `day`."""
    return None if day is None else f"{day.isoformat()}...{_FOREVER}"


def filters_of(**values: Any) -> dict[str, Any]:
    """`filters[...]` of those that are set."""
    return {"filters": {name: value for name, value in values.items() if value is not None}}


async def names_filter(procore: Procore, words: str | None) -> Callable[[Sequence[str]], bool] | None:
    """Whether a record's people include the one meant: `me`, or part of a name; None when nobody was named.

    Raises:
        Invalid: `me` on a connection that is nobody's.
    """
    if words is None:
        return None
    if words.strip().lower() != "me":
        return any_named(words)
    me = await read_me(procore)
    return lambda names: me.name in names
