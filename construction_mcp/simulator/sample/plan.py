"""Schedule activities, task items, coordination issues and correspondence."""

from collections.abc import Iterator
from typing import Any

from construction_mcp.simulator.kinds import first_id
from construction_mcp.simulator.sample import words
from construction_mcp.simulator.sample.plot import Maker, Plot, Row


def schedule_tasks(plot: Plot) -> Iterator[Row]:
    """Phases with their activities, one after the other; what is past is done, one in eight runs late."""
    before = first_id("schedule_task", plot.index)
    rows, phase = 0, 0
    start = -260.0
    while rows < plot.scale.schedule_tasks:
        name, activities = words.ACTIVITIES[phase % len(words.ACTIVITIES)]
        area = f" {phase // len(words.ACTIVITIES) + 1}" if phase >= len(words.ACTIVITIES) else ""
        phase += 1
        rows += 1
        parent = before + rows
        end = start + 12.0 * len(activities)
        yield _task(plot, rows, f"{name}{area}", (start, end), wbs=f"{phase}", parent_id=None), None
        for number, activity in enumerate(activities, start=1):
            rows += 1
            begins = start + 12.0 * (number - 1)
            wbs = f"{phase}.{number}"
            yield _task(plot, rows, f"{activity}{area}", (begins, begins + 12), wbs=wbs, parent_id=parent), None
        start = end - 20


def _task(
    plot: Plot, row: int, name: str, days: tuple[float, float], *, wbs: str, parent_id: int | None
) -> dict[str, Any]:
    begins, ends = days
    late = plot.between(2, 9) if plot.maybe(0.12) else 0
    done = 100 if ends + late < 0 else 0 if begins > 0 else int(100 * -begins / (ends - begins + late))
    return {
        "name": name,
        "key": f"A{1000 + row * 10}",
        "start_datetime": plot.moment(begins),
        "finish_datetime": plot.moment(ends + late),
        "baseline_start": plot.moment(begins),
        "baseline_finish": plot.moment(ends),
        "start_variance": 0.0,
        "finish_variance": float(late),
        "schedule_duration": round(ends - begins + late, 1),
        "actual_start": plot.moment(begins) if begins < 0 else None,
        "actual_finish": plot.moment(ends + late) if done == 100 else None,
        "percentage": min(100, done),
        "parent_id": parent_id,
        "row_number": row,
        "wbs": wbs,
        "critical_path": plot.maybe(0.3),
        "milestone": False,
        "has_children": parent_id is None,
        "full_outline_path": wbs,
        "resource_name": "",
        "notes": "",
        "created_by_id": plot.employees[0],
        **plot.stamps(-260, -plot.between(1, 20)),
    }


def task_items(plot: Plot) -> Iterator[Row]:
    for number in range(1, max(4, plot.scale.punch_items // 4) + 1):
        age = plot.between(1, 40)
        assigned = plot.pick(plot.employees)
        yield (
            {
                "number": str(number),
                "title": plot.pick(
                    ("Order signage", "Confirm crane date", "Update logistics plan", "Collect warranties")
                ),
                "description": "",
                "status": plot.pick(("initiated", "in_progress", "ready_for_review", "closed")),
                "due_date": None if plot.maybe(0.2) else plot.moment(10 - age),
                "private": False,
                "assigned_id": assigned,
                "assignee_ids": [assigned],
                "created_by_id": plot.pick(plot.employees),
                "task_item_category_id": plot.pick(plot.ids("task_item_category")),
                **plot.stamps(-age),
            },
            None,
        )


def coordination_issues(plot: Plot) -> Iterator[Row]:
    for number in range(1, max(3, plot.scale.observations // 3) + 1):
        age = plot.between(1, 80)
        yield (
            {
                "title": f"Clash {number}: duct and beam",
                "description": "Found in the weekly model review.",
                "status": plot.pick(("open", "in_progress", "ready_for_review", "closed")),
                "issue_type": "clash",
                "priority": plot.pick(("low", "medium", "high", "critical")),
                "due_date": plot.days(14 - age),
                "creation_source": "web",
                "assignee_id": plot.pick(plot.trade_people or plot.employees),
                "created_by_id": plot.pick(plot.employees),
                "location_id": plot.pick(plot.ids("location")),
                "trade_id": plot.pick(plot.ids("trade", in_company=True)),
                **plot.stamps(-age),
            },
            None,
        )


def generic_tools(_plot: Plot) -> Iterator[Row]:
    for title, short in (("Notice of Delay", "NOD"), ("Owner Letter", "OL"), ("Transmittal", "TR")):
        yield {"title": title, "abbreviation": short, "private_by_default": False, "domain": 1}, None


def generic_tool_items(plot: Plot) -> Iterator[Row]:
    tools = plot.records("generic_tool", in_company=True)
    for position in range(1, max(3, plot.scale.change_events) + 1):
        age, status = plot.between(1, 90), plot.pick(("Open", "Closed", "Draft"))
        tool = plot.pick(tools)
        yield (
            {
                "generic_tool_id": tool.id,
                "position": str(position),
                "title": f"{tool['title']} {position}",
                "description": "Sent for the record.",
                "status": status,
                "status_type": status,
                "due_date": plot.days(10 - age),
                "issued_at": plot.moment(-age),
                "closed_at": plot.moment(-age / 2) if status == "Closed" else None,
                "private": False,
                "schedule_impact": {"status": "tbd", "value": None},
                "cost_impact": {"status": "tbd", "value": None},
                "created_by_id": plot.pick(plot.employees),
                "received_from_id": plot.pick(plot.employees),
                "assignee_ids": [plot.pick(plot.employees)],
                "distribution_member_ids": [],
                **plot.stamps(-age),
            },
            None,
        )


MAKERS: dict[str, Maker] = {
    "schedule_task": schedule_tasks,
    "task_item": task_items,
    "coordination_issue": coordination_issues,
    "generic_tool": generic_tools,
    "generic_tool_item": generic_tool_items,
}
