"""Entries of a project's own lists, chosen by the name people use: a location, an observation type."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from construction_mcp.core.errors import Invalid
from construction_mcp.core.nearest import nearest
from construction_mcp.procore.access import Procore
from construction_mcp.procore.records.fields import text
from construction_mcp.procore.records.persons import Person, person_of
from construction_mcp.procore.responses import number_or_none

_CANDIDATES_MAX = 20


@dataclass(frozen=True, slots=True)
class Choice:
    """One entry of a list."""

    id: int
    name: str


async def read_locations(procore: Procore, project_id: int) -> list[Choice]:
    """The project's locations, named by their whole path. Source: endpoint `GET .../locations`."""
    listing = await procore.list(f"/rest/v1.0/projects/{project_id}/locations", ttl_s=procore.limits.record_cache_s)
    return choices_in(listing.items)


async def read_members(procore: Procore, project_id: int) -> list[Person]:
    """Who is in the project's directory. Source: endpoint `GET .../users`."""
    listing = await procore.list(f"/rest/v1.0/projects/{project_id}/users", ttl_s=procore.limits.record_cache_s)
    return [found for row in listing.items if isinstance(row, Mapping) and (found := person_of(row))]


def choices_in(rows: Sequence[Any]) -> list[Choice]:
    """Every row that has an id and a name."""
    return [
        Choice(one, name)
        for row in rows
        if isinstance(row, Mapping) and (one := number_or_none(row.get("id"))) and (name := text(row.get("name")))
    ]


def chosen(words: str, choices: Sequence[Choice], field: str) -> Choice:
    """The one that `words` means: an id, a name, the last part of a path, or a part of a name that no other shares.

    Raises:
        Invalid: none or several, with what could be meant.
    """
    asked = words.strip().lower()
    exact = [one for one in choices if asked in (str(one.id), one.name.lower())]
    last = [one for one in choices if asked == one.name.rpartition(">")[2].strip().lower()]
    found = exact or last or [one for one in choices if asked and asked in one.name.lower()]
    if len(found) == 1:
        return found[0]
    near = nearest(words, [one.name for one in choices])
    named = [one.name for one in found] or near or [one.name for one in choices]
    raise Invalid(
        f"{field}: {'several fit' if found else 'nothing here fits'} {words[:100]!r}.",
        details={"field": field, "candidates": named[:_CANDIDATES_MAX]},
    )
