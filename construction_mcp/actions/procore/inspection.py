"""Inspections, which the API calls checklists. Performed by `procore/records/inspections.py`."""

from datetime import date
from typing import Annotated

from pydantic import Field

from construction_mcp.actions.procore.kinds import Kind, ListConfig, OneConfig, RecordId, Text
from construction_mcp.procore.records.inspections import Inspection, Status


class InspectionList(ListConfig):
    """Which inspections."""

    status: Annotated[Status, Field(description="Only this status")] = "any"
    deficient: Annotated[bool, Field(description="Only those with failed items")] = False
    text: Text = None
    inspected_since: Annotated[date | None, Field(description="Only inspected on or after this day")] = None


class InspectionGet(OneConfig):
    """Which inspection."""

    inspection_id: Annotated[RecordId, Field(description="Inspection id, not its number")]


_INSPECTIONS = Kind(
    "procore.inspection",
    "an inspection",
    "inspections",
    "Inspections",
    Inspection,
    "list_procore_inspections",
    "get_procore_inspection",
)

TYPES = (
    _INSPECTIONS.list(InspectionList, "List inspections, latest first, with counts of inspected and failed items."),
    _INSPECTIONS.get(InspectionGet, "Read one inspection in full: template, inspectors, contractor and item counts."),
)
