"""Punch items, observations, inspections, incidents and meetings."""

from collections.abc import Iterator
from typing import Any

from construction_mcp.simulator.sample import words
from construction_mcp.simulator.sample.plot import Maker, Plot, Row

_PUNCH_STEPS = ("draft", "initiated", "initiated", "work_required", "ready_for_review", "ready_to_close", "closed")


def punch_items(plot: Plot) -> Iterator[Row]:
    for position in range(1, plot.scale.punch_items + 1):
        age = plot.between(1, 60)
        step = plot.pick(_PUNCH_STEPS)
        author = plot.pick(plot.employees)
        yield (
            {
                "name": plot.pick(words.PUNCH_ITEMS),
                "description": "See photo; correct before turnover.",
                "position": position,
                "priority": plot.pick(("low", "medium", "high")),
                "private": False,
                "workflow_status": step,
                "due": None if plot.maybe(0.15) else plot.days(14 - age),
                "date_initiated": plot.days(-age),
                "schedule_impact": "n_a",
                "cost_impact": "n_a",
                "punch_item_type_id": plot.pick(plot.ids("punch_item_type")),
                "trade_id": plot.pick(plot.ids("trade", in_company=True)),
                "location_id": plot.pick(plot.ids("location")),
                "assignee_ids": [plot.pick(plot.trade_people or plot.employees)],
                "punch_item_manager_id": author,
                "final_approver_id": plot.pick(plot.employees),
                "created_by_id": author,
                "closed_at": plot.moment(-age / 3) if step == "closed" else None,
                "closed_by_id": author if step == "closed" else None,
                **plot.stamps(-age, -age / 3),
            },
            None,
        )


def observation_types(_plot: Plot) -> Iterator[Row]:
    categories = list(dict.fromkeys(category for _, category in words.OBSERVATION_TYPES))
    for name, category in words.OBSERVATION_TYPES:
        key = category.lower().replace(" ", "_")
        place = categories.index(category) + 1
        yield {"name": name, "category": category, "category_key": key, "category_id": place}, None


def observations(plot: Plot) -> Iterator[Row]:
    for number in range(1, plot.scale.observations + 1):
        age = plot.between(1, 55)
        status = plot.pick(("initiated", "initiated", "ready_for_review", "not_accepted", "closed", "closed"))
        yield (
            {
                "number": str(number),
                "name": plot.pick(words.OBSERVATIONS),
                "description": "Seen on the daily walk. Correct and answer here.",
                "status": status,
                "priority": plot.pick(("Low", "Medium", "High", "Urgent")),
                "personal": False,
                "date_notified": plot.days(-age),
                "due_date": None if plot.maybe(0.15) else plot.days(7 - age),
                "closed_at": plot.moment(-age / 2) if status == "closed" else None,
                "type_id": plot.pick(plot.ids("observation_type", in_company=True)),
                "trade_id": plot.pick(plot.ids("trade", in_company=True)),
                "location_id": plot.pick(plot.ids("location")),
                "assignee_id": plot.pick(plot.trade_people or plot.employees),
                "created_by_id": plot.pick(plot.employees),
                "distribution_member_ids": [],
                **plot.stamps(-age, -age / 2),
            },
            None,
        )


def observation_responses(plot: Plot) -> Iterator[Row]:
    for observation in plot.records("observation"):
        if observation["status"] != "initiated":
            yield (
                {
                    "status": observation["status"],
                    "comment": "Corrected, please check.",
                    "created_by_id": observation["assignee_id"],
                    "created_at": observation["updated_at"],
                    "updated_at": observation["updated_at"],
                },
                observation.id,
            )


def templates(plot: Plot) -> Iterator[Row]:
    for number, (name, items) in enumerate(words.CHECKLISTS.items(), start=1):
        description = f"{name} checklist of the company."
        body = {"name": name, "number": str(number), "description": description, "items": list(items)}
        yield {**body, "trade_id": plot.pick(plot.ids("trade", in_company=True)), **plot.stamps(-300)}, None


def checklists(plot: Plot) -> Iterator[Row]:
    templates = plot.records("checklist_template")
    for number in range(1, plot.scale.checklists + 1):
        template, age = plot.pick(templates), plot.between(0, 50)
        status = plot.pick(("Open", "In Review", "Closed", "Closed"))
        author = plot.pick(plot.employees)
        yield (
            {
                "number": number,
                "name": template["name"],
                "list_template_id": template.id,
                "list_template_name": template["name"],
                "status": status,
                "description": template["description"],
                "inspection_date": plot.days(-age),
                "due_at": None if plot.maybe(0.2) else plot.moment(3 - age),
                "closed_at": plot.moment(-age / 2) if status == "Closed" else None,
                "closed_by_id": author if status == "Closed" else None,
                "private": False,
                "location_id": plot.pick(plot.ids("location")),
                "trade_id": template["trade_id"],
                "created_by_id": author,
                "point_of_contact_id": author,
                "inspector_ids": [plot.pick(plot.employees)],
                "distribution_member_ids": [],
                **plot.stamps(-age, -age / 2),
            },
            None,
        )


def checklist_items(plot: Plot) -> Iterator[Row]:
    items = {template.id: template["items"] for template in plot.records("checklist_template")}
    for checklist in plot.records("checklist"):
        for position, name in enumerate(items[checklist["list_template_id"]], start=1):
            open_item = checklist["status"] == "Open" and plot.maybe(0.5)
            status = "none" if open_item else plot.pick(("yes", "yes", "yes", "no", "n/a"))
            yield {"name": name, "position": position, "status": status, **plot.stamps(-1)}, checklist.id


def incidents(plot: Plot) -> Iterator[Row]:
    for number in range(1, plot.scale.incidents + 1):
        title, description, recordable = plot.pick(words.INCIDENTS)
        age = plot.between(2, 120)
        yield (
            {
                "number": number,
                "title": title,
                "description": description,
                "event_date": plot.moment(-age),
                "time_unknown": plot.maybe(0.2),
                "status": "open" if age < 30 else "closed",
                "private": False,
                "recordable": recordable,
                "location_id": plot.pick(plot.ids("location")),
                "created_by_id": plot.pick(plot.employees),
                "distribution_member_ids": plot.some(plot.employees, 2),
                **plot.stamps(-age + 0.2, -age / 2),
            },
            None,
        )


def meetings(plot: Plot) -> Iterator[Row]:
    """Each series meets weekly: past ones have minutes, the next ones an agenda."""
    series: dict[str, int] = {}
    for number in range(plot.scale.meetings):
        title = words.MEETINGS[number % len(words.MEETINGS)]
        series[title] = series.get(title, 0) + 1
        week = plot.scale.meetings // len(words.MEETINGS) - number // len(words.MEETINGS)
        starts = -7.0 * week + 8 + number % 3
        yield (
            {
                "title": title,
                "position": series[title],
                "location": "Job trailer",
                "description": f"{title} number {series[title]}.",
                "conclusion": None,
                "starts_at": plot.moment(starts),
                "ends_at": plot.moment(starts + 1 / 24),
                "time_zone": plot.project["time_zone"],
                "occurred": starts < 0,
                "is_private": False,
                "is_draft": False,
                "created_by_id": plot.pick(plot.employees),
                "attendee_ids": plot.some([user.id for user in plot.members], 5),
                **plot.stamps(min(starts, 0) - 6, min(starts, 0)),
            },
            None,
        )


def meeting_categories(_plot: Plot) -> Iterator[Row]:
    for position, title in enumerate(words.MEETING_CATEGORIES, start=1):
        yield {"title": title, "position": position}, None


def meeting_topics(plot: Plot) -> Iterator[Row]:
    for meeting in plot.records("meeting"):
        topics: list[dict[str, Any]] = []
        for title, description in plot.dice.sample(words.MEETING_TOPICS, 3):
            topics.append({"title": title, "description": description})
        for number, topic in enumerate(topics, start=1):
            yield (
                {
                    **topic,
                    "number": f"{meeting['position']}.{number}",
                    "position": number,
                    "created_on": meeting["starts_at"][:10],
                    "due_date": None if plot.maybe(0.4) else plot.days(plot.between(-10, 14)),
                    "priority": plot.pick(("High", "Medium", "Low", None)),
                    "status": plot.pick(("Open", "Open", "On Hold", "Closed")),
                    "minutes": "Discussed." if meeting["occurred"] else None,
                    "meeting_category_id": plot.pick(plot.ids("meeting_category")),
                    "assignment_ids": [plot.pick(plot.employees)],
                    **plot.stamps(-3),
                },
                meeting.id,
            )


MAKERS: dict[str, Maker] = {
    "punch_item": punch_items,
    "observation_type": observation_types,
    "observation": observations,
    "observation_response": observation_responses,
    "checklist_template": templates,
    "checklist": checklists,
    "checklist_item": checklist_items,
    "incident": incidents,
    "meeting": meetings,
    "meeting_category": meeting_categories,
    "meeting_topic": meeting_topics,
}
