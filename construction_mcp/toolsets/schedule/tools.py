"""The schedule as a list of tasks. What Procore knows of them is in `procore/records/schedule.py`."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from construction_mcp.core.clock import Clock
from construction_mcp.core.cursor import Cursors
from construction_mcp.core.errors import Invalid
from construction_mcp.core.toolset import tool
from construction_mcp.core.types import Page
from construction_mcp.procore.access import Procore
from construction_mcp.procore.records import schedule
from construction_mcp.procore.records.families import Wanted, reading_of
from construction_mcp.procore.records.schedule import TASKS, Task


@tool(effect="read", open_world=True, fields=True)
async def list_procore_schedule_tasks(
    project_id: Annotated[int, Field(ge=1), "Procore project id"],
    from_date: Annotated[date | None, "Only tasks taking place on or after this day"] = None,
    to_date: Annotated[date | None, "Only tasks taking place on or before this day"] = None,
    overdue: Annotated[bool, "Only unfinished ones past their finish date"] = False,
    critical: Annotated[bool, "Only those on the critical path"] = False,
    milestones: Annotated[bool, "Only milestones"] = False,
    text: Annotated[str | None, Field(min_length=1, max_length=100), "Only with these words in the name"] = None,
    updated_since: Annotated[date | None, "Only changed on or after this day"] = None,
    detail: Annotated[Literal["summary", "full"], "full adds baseline, actual dates, variance, notes"] = "summary",
    limit: Annotated[int, Field(ge=1, le=100), "Most items to return"] = 25,
    cursor: Annotated[str | None, Field(max_length=1000), "next_cursor of the page before"] = None,
    *,
    procore: Procore,
    cursors: Cursors,
    clock: Clock,
) -> Page[Task]:
    """List schedule tasks of a project, earliest start first, with percent complete and days late, at most limit.

    Use it for look-aheads (from_date, to_date) and slippage (overdue); for meetings use list_procore_meetings.
    """
    if from_date and to_date and from_date > to_date:
        raise Invalid("from_date is after to_date.", details={"field": "from_date"})

    def keep(task: Task) -> bool:
        return (
            schedule.is_within(task, from_date, to_date)
            and (not overdue or bool(task.is_overdue))
            and (not critical or task.is_critical)
            and (not milestones or task.is_milestone)
        )

    return await TASKS.page(
        await reading_of(procore, project_id, clock.now(), full=detail == "full"),
        Wanted(cursors, limit, cursor),
        schedule.list_query(search=text, updated_since=updated_since),
        keep=keep,
        keep_name=f"{from_date}:{to_date}:{overdue}:{critical}:{milestones}:{detail}",
        order=schedule.start_first,
    )
