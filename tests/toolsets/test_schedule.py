"""The schedule: look-aheads, slippage and milestones, by the simulated Procore's own tasks."""

from datetime import date, timedelta

import pytest

from tests.toolsets.desk import DEFAULT_CHARS_MAX, size

pytestmark = pytest.mark.anyio


def tasks(desk):
    return list(desk.world.table("schedule_task", desk.projects[0]))


async def listed(desk, **arguments):
    answer = await desk.call("list_procore_schedule_tasks", project_id=desk.projects[0], limit=100, **arguments)
    return answer["items"]


async def test_tasks_come_earliest_start_first_in_a_compact_page(desk):
    await desk.call("list_procore_projects")
    answer = await desk.call("list_procore_schedule_tasks", project_id=desk.projects[0])

    starts = [one["start_date"] for one in answer["items"]]
    assert starts == sorted(starts)
    assert answer["total"] == len(tasks(desk))
    assert desk.trace["upstream_requests"] == 1
    assert size(answer) <= DEFAULT_CHARS_MAX


async def test_a_look_ahead_is_every_task_that_touches_its_days(desk):
    first = date(2026, 3, 2)
    last = first + timedelta(days=21)

    found = await listed(desk, from_date=first.isoformat(), to_date=last.isoformat())

    wanted = {
        one.id
        for one in tasks(desk)
        if one["start_datetime"][:10] <= last.isoformat() and one["finish_datetime"][:10] >= first.isoformat()
    }
    assert {one["id"] for one in found} == wanted
    assert 0 < len(found) < len(tasks(desk))


async def test_a_task_unfinished_past_its_finish_is_overdue(desk):
    slipped = next(one for one in tasks(desk) if one["percentage"] == 100)
    desk.world.change(slipped, {"percentage": 60})

    found = await listed(desk, overdue=True)

    assert [one["id"] for one in found] == [slipped.id]
    assert found[0]["days_overdue"] == (date(2026, 3, 2) - date.fromisoformat(slipped["finish_datetime"][:10])).days


@pytest.mark.parametrize(("argument", "field"), [("critical", "critical_path"), ("milestones", "milestone")])
async def test_critical_tasks_and_milestones_are_told_apart(desk, argument, field):
    found = await listed(desk, **{argument: True})

    assert {one["id"] for one in found} == {one.id for one in tasks(desk) if one[field]}


async def test_days_the_wrong_way_round_are_refused(desk):
    answer = await desk.call(
        "list_procore_schedule_tasks", project_id=desk.projects[0], from_date="2026-03-02", to_date="2026-03-01"
    )

    assert answer["error"]["details"]["field"] == "from_date"
