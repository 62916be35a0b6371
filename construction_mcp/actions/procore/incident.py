"""Safety incidents. Performed by `procore/records/incidents.py`."""

from datetime import date
from typing import Annotated

from pydantic import Field

from construction_mcp.actions.procore.kinds import Kind, ListConfig, OneConfig, RecordId, Text
from construction_mcp.procore.records.incidents import Incident, Status


class IncidentList(ListConfig):
    """Which incidents."""

    status: Annotated[Status, Field(description="Only this status")] = "any"
    recordable: Annotated[bool | None, Field(description="Only recordable ones, or only others")] = None
    text: Text = None
    happened_since: Annotated[date | None, Field(description="Only on or after this day")] = None


class IncidentGet(OneConfig):
    """Which incident."""

    incident_id: Annotated[RecordId, Field(description="Incident id, not its number")]


_INCIDENTS = Kind(
    "procore.incident",
    "an incident",
    "incidents",
    "Incidents",
    Incident,
    "list_procore_incidents",
    "get_procore_incident",
)

TYPES = (
    _INCIDENTS.list(IncidentList, "List safety incidents, latest first, with status and whether they are recordable."),
    _INCIDENTS.get(
        IncidentGet, "Read one incident in full: description, who reported it, counts of injuries and actions."
    ),
)
