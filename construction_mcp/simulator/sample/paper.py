"""RFIs with their replies, submittals with their approvers and revisions."""

from collections.abc import Iterator
from typing import Any

from construction_mcp.simulator.instants import parse_instant
from construction_mcp.simulator.kinds import first_id
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.sample import words
from construction_mcp.simulator.sample.plot import Maker, Plot, Row

IMPACTS = ("yes_known", "yes_unknown", "no_impact", "tbd", "n_a")


def rfis(plot: Plot) -> Iterator[Row]:
    """Three in ten open, some of them overdue and some without a due date; a few drafts and recycled ones."""
    count = plot.scale.rfis
    for number in range(1, count + 1):
        age = 200 * (count - number) / count + plot.dice.random()
        status = "open" if plot.maybe(0.8 if age < 14 else 0.35 if age < 45 else 0.03) else "closed"
        if number % 31 == 0:
            status = "draft"
        yield _rfi(plot, number, age, status), None


def _rfi(plot: Plot, number: int, age: float, status: str) -> dict[str, Any]:
    place = plot.pick(plot.ids("location"))
    place_name = plot.get("location", place)["node_name"]
    subject, question = plot.pick(words.RFI_TOPICS)
    sheet = f"{plot.pick('ASMEP')}{plot.between(1, 3)}0{plot.between(1, 6)}"
    assignees = plot.some(plot.designers, 2) if plot.designers else [plot.employees[0]]
    manager = plot.pick(plot.employees)
    author = plot.pick(plot.trade_people or plot.employees)
    answered = status == "closed" or (status == "open" and plot.maybe(0.25))
    holders, role = _holders(status, answered, assignees, manager, author)
    due = None if plot.maybe(0.12) or status == "draft" else plot.days(round(-age) + plot.pick((7, 10, 14)))
    closed_after = min(age * 0.9, plot.between(3, 21))
    return {
        "number": str(number),
        "prefix": "",
        "subject": subject.format(place=place_name),
        "question_body": question.format(place=place_name, sheet=sheet),
        "status": status,
        "draft": status == "draft",
        "accepted": status == "closed",
        "private": number % 37 == 0,
        "reference": sheet,
        "drawing_number": sheet,
        "assignee_ids": assignees,
        "rfi_manager_id": manager,
        "created_by_id": author,
        "received_from_id": author,
        "responsible_contractor_id": plot.vendor_of[author],
        "distribution_ids": plot.some(plot.employees, 3),
        "ball_in_court_ids": holders,
        "ball_in_court_role": role,
        "has_answer": answered,
        "due_date": due,
        "initiated_at": None if status == "draft" else plot.moment(-age),
        "time_resolved": plot.moment(closed_after - age) if status == "closed" else None,
        "location_id": place,
        "cost_code_id": plot.pick(plot.ids("cost_code")),
        "specification_section_id": plot.pick(plot.ids("specification_section")),
        "cost_impact": {"status": plot.pick(IMPACTS), "value": None},
        "schedule_impact": {"status": plot.pick(IMPACTS), "value": None},
        **plot.stamps(-age, (closed_after if answered else 0.5) - age),
    }


def _holders(
    status: str, answered: bool, assignees: list[int], manager: int, author: int
) -> tuple[list[int], str | None]:
    """Who has the ball: the assignees until there is an answer, then the manager, nobody once it is closed."""
    if status == "closed":
        return [], None
    if status == "draft":
        return [author], "creator"
    return ([manager], "rfi_manager") if answered else (assignees, "assignees")


def rfi_replies(plot: Plot) -> Iterator[Row]:
    for rfi in plot.records("rfi"):
        if rfi["status"] == "draft":
            continue
        opened = parse_instant(rfi["created_at"])
        assert opened is not None
        days = (opened - plot.born_at).total_seconds() / 86400
        if plot.maybe(0.4):
            yield _reply(plot, rfi, days * 0.98, official=False), rfi.id
        if rfi["has_answer"]:
            yield _reply(plot, rfi, days * 0.9, official=True), rfi.id


def _reply(plot: Plot, rfi: Record, days: float, *, official: bool) -> dict[str, Any]:
    text = plot.pick(words.RFI_ANSWERS if official else words.RFI_COMMENTS)
    return {
        "official": official,
        "plain_text_body": text,
        "rich_text_body": f"<p>{text}</p>",
        "created_by_id": plot.pick(rfi["assignee_ids"]),
        "answer_date": plot.moment(days),
        **plot.stamps(days),
    }


def submittals(plot: Plot) -> Iterator[Row]:
    """About one in six has an earlier revision, which is a record of its own (FACTS 10.2)."""
    count = plot.scale.submittals
    before = first_id("submittal", plot.index)
    row = 0
    for number in range(1, count + 1):
        age = 190 * (count - number) / count + plot.between(1, 9)
        section, title = words.SPEC_SECTIONS[number % len(words.SPEC_SECTIONS)]
        status = plot.pick(("Draft", "Open", "Open", "Closed", "Closed", "Distributed"))
        base = {
            "number": str(number),
            "title": f"{title} {plot.pick(words.SUBMITTAL_TYPES)}",
            "section": section,
            "type": plot.pick(words.SUBMITTAL_TYPES),
        }
        row += 1
        if number % 6 == 0:
            first_row = before + row
            yield _submittal(plot, base, age + 20, "Closed", revision=0, current=False, source_id=None), None
            row += 1
            yield _submittal(plot, base, age, status, revision=1, current=True, source_id=first_row), None
        else:
            yield _submittal(plot, base, age, status, revision=0, current=True, source_id=None), None


def _submittal(
    plot: Plot, base: dict[str, Any], age: float, status: str, *, revision: int, current: bool, source_id: int | None
) -> dict[str, Any]:
    sections = {record["number"]: record.id for record in plot.records("specification_section")}
    statuses = {record["name"]: record.id for record in plot.records("submittal_status", in_company=True)}
    manager, author = plot.pick(plot.employees), plot.pick(plot.employees)
    reviewers = plot.some(plot.designers, 2) if plot.designers else [manager]
    sender = plot.pick(plot.trade_people or plot.employees)
    is_open = status == "Open"
    return {
        "number": base["number"],
        "title": base["title"],
        "type": base["type"],
        "description": f"{base['title']} for section {base['section']}.",
        "revision": str(revision),
        "current_revision": current,
        "source_submittal_log_id": source_id,
        "status_id": statuses[status],
        "specification_section_id": sections[base["section"]],
        "private": False,
        "created_by_id": author,
        "submittal_manager_id": manager,
        "received_from_id": sender,
        "responsible_contractor_id": plot.vendor_of[sender],
        "reviewer_ids": reviewers,
        "ball_in_court_ids": reviewers[:1] if is_open else [author] if status == "Draft" else [],
        "distribution_member_ids": plot.some(plot.employees, 2),
        "due_date": None if plot.maybe(0.1) else plot.days(round(-age) + 21),
        "issue_date": plot.days(round(-age)),
        "received_date": plot.days(round(-age) + 2),
        "submit_by": plot.days(round(-age) - 3),
        "required_on_site_date": plot.days(round(-age) + 60),
        "lead_time": plot.between(10, 90),
        "location_id": plot.pick(plot.ids("location")),
        "cost_code_id": plot.pick(plot.ids("cost_code")),
        "distributed_at": plot.moment(-age / 2) if status == "Distributed" else None,
        "closed_at": plot.moment(-age / 2) if status in ("Closed", "Distributed") else None,
        **plot.stamps(-age, -age / 2),
    }


def submittal_approvers(plot: Plot) -> Iterator[Row]:
    """Submitter first, then the reviewers, in numbered groups; open ones still wait for an answer."""
    responses = {record["considered"]: record.id for record in plot.records("submittal_response")}
    open_id = next(each.id for each in plot.records("submittal_status", in_company=True) if each["name"] == "Open")
    for submittal in plot.records("submittal"):
        people = [submittal["received_from_id"], *submittal["reviewer_ids"]]
        for group, user_id in enumerate(people, start=1):
            waiting = submittal["status_id"] == open_id and group > 1
            answer = (
                "pending" if waiting else "submitted" if group == 1 else plot.pick(("approved", "approved_as_noted"))
            )
            if not submittal["current_revision"] and group > 1:
                answer = "revise_and_resubmit"
            yield (
                {
                    "approver_type": "submitter" if group == 1 else "approver",
                    "user_id": user_id,
                    "workflow_group_number": group,
                    "response_required": True,
                    "response_id": responses[answer],
                    "comment": None if waiting else "Reviewed.",
                    "sent_date": submittal["issue_date"],
                    "due_date": submittal["due_date"],
                    "returned_date": None if waiting else submittal["received_date"],
                    "days_to_respond": 10,
                    **plot.stamps(-20),
                },
                submittal.id,
            )


def statuses(plot: Plot) -> Iterator[Row]:
    for name, base in words.SUBMITTAL_STATUSES:
        yield {"name": name, "status": base, **plot.stamps(-600)}, None


def types(plot: Plot) -> Iterator[Row]:
    for name in words.SUBMITTAL_TYPES:
        yield {"name": name, **plot.stamps(-600)}, None


def responses(plot: Plot) -> Iterator[Row]:
    for name, considered in words.SUBMITTAL_RESPONSES:
        yield {"name": name, "considered": considered, **plot.stamps(-600)}, None


MAKERS: dict[str, Maker] = {
    "rfi": rfis,
    "rfi_reply": rfi_replies,
    "submittal": submittals,
    "submittal_approver": submittal_approvers,
    "submittal_status": statuses,
    "submittal_type": types,
    "submittal_response": responses,
}
