"""The morning briefing, and the page on practice."""

import re

import pytest

from tests.toolsets.desk import Desk

pytestmark = pytest.mark.anyio

PAGE = "construction://best-practices"


async def test_the_briefing_counts_each_active_project_and_reads_since_the_last_working_day(desk: Desk) -> None:
    overdue = await desk.call("list_procore_rfis", project_ids=desk.projects[:1], overdue=True)
    desk.clock.advance(60)

    text = await desk.prompt("morning_briefing")

    active = [one.id for one in desk.world.table("project", desk.company) if one["active"]]
    assert all(f"- project {project} on 2026-03-02:" in text for project in active)
    assert f"{overdue['total']} overdue" in next(line for line in text.splitlines() if f"{desk.projects[0]} on" in line)
    assert "since 2026-02-27" in text, "the second of March is a Monday"
    assert "A person must check" in text


async def test_the_briefing_takes_the_projects_it_is_given(desk: Desk) -> None:
    text = await desk.prompt("morning_briefing", projects=f"{desk.projects[1]}, mill street")

    assert f"- project {desk.projects[1]} on" in text
    assert f"- project {desk.projects[2]} on" in text
    assert f"- project {desk.projects[0]} on" not in text


async def test_every_statement_of_the_page_has_a_source_or_is_marked_as_practice(desk: Desk) -> None:
    page = str((await desk.client.read_resource(PAGE)).contents[0].text)  # type: ignore[union-attr]  # it is text

    body, _, sources = page.partition("## Sources")
    statements = re.findall(r"^(?:- |\d+\. )(.+?)(?=^- |^\d+\. |^#|^\||\n\n|\Z)", body, re.MULTILINE | re.DOTALL)
    known = set(re.findall(r"^- \[([^\]]+)\]", sources, re.MULTILINE))
    assert len(statements) > 25
    for statement in statements:
        assert re.search(r"\(practice\)\s*$|\[[A-Z0-9][^\]]*\](?: \(practice\))?\s*$", statement.strip()), statement
    for mark in re.findall(r"\[([A-Z][^\]]*)\]", body):
        assert any(mark.startswith(name.partition(" ")[0]) for name in known), mark


async def test_numbers_on_the_page_stand_beside_a_source(desk: Desk) -> None:
    """No invented statistics: a paragraph with a share or a rate names where it is from."""
    page = str((await desk.client.read_resource(PAGE)).contents[0].text)  # type: ignore[union-attr]  # it is text

    body = page.partition("## Sources")[0]
    for paragraph in re.split(r"\n\n|\n(?=- )", body):
        if re.search(r"\d+(?:\.\d+)? ?%|\d[\d,.]*\s+(?:RFIs|projects|days on average)", paragraph):
            assert "[" in paragraph, paragraph
