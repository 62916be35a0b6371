"""Schedule tasks. Performed by `procore/records/schedule.py`."""

from datetime import date
from typing import Annotated

from pydantic import Field

from construction_mcp.actions.procore.kinds import DaysConfig, Kind, Text, UpdatedSince
from construction_mcp.procore.records.schedule import Task


class ScheduleList(DaysConfig):
    """Which tasks."""

    from_date: Annotated[date | None, Field(description="Only tasks taking place on or after this day")] = None
    to_date: Annotated[date | None, Field(description="Only tasks taking place on or before this day")] = None
    overdue: Annotated[bool, Field(description="Only unfinished ones past their finish date")] = False
    critical: Annotated[bool, Field(description="Only those on the critical path")] = False
    milestones: Annotated[bool, Field(description="Only milestones")] = False
    text: Text = None
    updated_since: UpdatedSince = None


_TASKS = Kind(
    "procore.schedule",
    "a schedule task",
    "schedule tasks",
    "Schedule",
    Task,
    "list_procore_schedule_tasks",
    detailed=True,
)

TYPES = (_TASKS.list(ScheduleList, "List schedule tasks, earliest start first, with percent complete and days late."),)
