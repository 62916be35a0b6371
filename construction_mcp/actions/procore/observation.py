"""Safety and quality observations. Performed by `procore/records/observations.py`."""

from typing import Annotated, Literal

from pydantic import Field

from construction_mcp.actions.procore.carrying import made_by_list
from construction_mcp.actions.procore.kinds import (
    Kind,
    ListConfig,
    NewDescription,
    NewDue,
    NewName,
    NewPlace,
    OneConfig,
    Overdue,
    PersonName,
    RecordId,
    Text,
    UpdatedSince,
    Who,
)
from construction_mcp.procore.records.observations import Observation, Priority, Status


class ObservationList(ListConfig):
    """Which observations."""

    status: Annotated[Status, Field(description="Only this status; open is everything not closed")] = "open"
    overdue: Overdue = False
    assigned_to: Who = None
    text: Text = None
    updated_since: UpdatedSince = None


class ObservationGet(OneConfig):
    """Which observation."""

    observation_id: Annotated[RecordId, Field(description="Observation id, not its number")]


class ObservationCreate(OneConfig):
    """A new observation."""

    name: NewName
    type: Annotated[str, Field(min_length=1, max_length=100, description="Observation type by name or id")]
    description: NewDescription = None
    priority: Annotated[Priority | Literal["none"], Field(description="Low, Medium, High, Urgent or none")] = "none"
    assignee: Annotated[PersonName | None, Field(description="Name, login or id of who must act")] = None
    due_date: NewDue = None
    location: NewPlace = None


_OBSERVATIONS = Kind(
    "procore.observation",
    "an observation",
    "observations",
    "Observations",
    Observation,
    "list_procore_observations",
    "get_procore_observation",
)

TYPES = (
    _OBSERVATIONS.list(
        ObservationList,
        "List safety and quality observations, earliest due date first, with assignee, priority and days overdue.",
    ),
    _OBSERVATIONS.get(ObservationGet, "Read one observation in full: description, category, people and times."),
    _OBSERVATIONS.write(
        "create",
        ObservationCreate,
        "Create an observation and give it with its number; Procore tells nobody of it.",
        "create an observation",
        by="create_procore_observation",
        looks=made_by_list("list_procore_observations", "name"),
        looks_up=("type", "assignee", "location"),
    ),
)
