"""The people of a project. Performed by `procore/records/people.py`."""

from typing import Annotated

from pydantic import Field

from construction_mcp.actions.procore.kinds import Kind, ListConfig
from construction_mcp.procore.records.people import Person

Part = Annotated[str | None, Field(min_length=1, max_length=200)]


class DirectoryList(ListConfig):
    """Which people."""

    role: Annotated[Part, Field(description="Words of the job title: superintendent")] = None
    name: Annotated[Part, Field(description="Part of the name or e-mail address")] = None
    company: Annotated[Part, Field(description="Part of the employer's name")] = None


_PEOPLE = Kind("procore.directory", "a person", "people", "Directory", Person, "find_project_people")

TYPES = (
    _PEOPLE.list(
        DirectoryList, "List people by role, name and employer, active ones first, then by name, with contact data."
    ),
)
