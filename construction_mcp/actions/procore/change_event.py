"""Change events. Performed by `procore/records/change_events.py`."""

from typing import Annotated

from pydantic import Field

from construction_mcp.actions.procore.kinds import Kind, ListConfig, Text, UpdatedSince
from construction_mcp.procore.records.change_events import ChangeEvent, Scope


class ChangeEventList(ListConfig):
    """Which change events."""

    status: Annotated[str | None, Field(min_length=1, max_length=50, description="Only with this status")] = None
    scope: Annotated[Scope, Field(description="Only this scope")] = "any"
    text: Text = None
    updated_since: UpdatedSince = None


_CHANGE_EVENTS = Kind(
    "procore.change_event",
    "a change event",
    "change events",
    "Change Events",
    ChangeEvent,
    "list_procore_change_events",
    detailed=True,
)

TYPES = (
    _CHANGE_EVENTS.list(
        ChangeEventList, "List change events, highest number first, with status, scope and latest cost."
    ),
)
