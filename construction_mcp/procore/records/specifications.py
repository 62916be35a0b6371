"""Specification sections by number. Source: endpoint `GET /rest/v1.0/specification_sections` (one page, no filter)."""

from collections.abc import Mapping
from dataclasses import dataclass

from construction_mcp.core.errors import Invalid
from construction_mcp.core.nearest import nearest
from construction_mcp.procore.access import Procore
from construction_mcp.procore.records.fields import text
from construction_mcp.procore.responses import number_or_none


@dataclass(frozen=True, slots=True)
class Section:
    """`number` as the project writes it, such as `08 11 13`."""

    id: int
    number: str
    description: str | None

    @property
    def title(self) -> str:
        return " ".join(filter(None, [self.number, self.description]))


async def read_sections(procore: Procore, project_id: int) -> list[Section]:
    """All sections of the project; one request, kept as long as other lists of names."""
    path, query = "/rest/v1.0/specification_sections", {"project_id": project_id}
    listing = await procore.list(path, query, ttl_s=procore.limits.record_cache_s)
    rows = (row for row in listing.items if isinstance(row, Mapping))
    return [
        Section(one, number, text(row.get("description")))
        for row in rows
        if (one := number_or_none(row.get("id"))) and (number := text(row.get("number")))
    ]


def section_in(sections: list[Section], number: str) -> Section | None:
    """The section of that number, spaces, dots and dashes aside (`081113` is `08 11 13`)."""
    asked = _digits(number)
    return next((one for one in sections if asked and _digits(one.number) == asked), None)


async def section_numbered(procore: Procore, project_id: int, number: str) -> Section:
    """As `section_in`, on the project's own list.

    Raises:
        Invalid: there is none, with the nearest numbers.
    """
    sections = await read_sections(procore, project_id)
    found = section_in(sections, number)
    if found is None:
        near = nearest(number, [one.number for one in sections])
        raise Invalid(
            f"The project has no specification section {number[:50]!r}.",
            details={"field": "spec_section", "nearest": [one.title for one in sections if one.number in near]},
        )
    return found


def _digits(number: str) -> str:
    return "".join(letter for letter in number.lower() if letter.isalnum())
