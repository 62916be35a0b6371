"""The main job: from what a person says to an alert that runs, by a model that knows only the tool listing."""

import pytest
from mcp.types import ElicitResult

from tests.flows.model import Model
from tests.flows.office import ERAS, Person, office_at

pytestmark = pytest.mark.anyio

WORDS = "Every weekday at 9 Central tell pm@builder.example which RFIs are overdue and who holds the ball, on all jobs"
CALLS_MAX = 3  # issue 4, "It is done when"


@pytest.mark.parametrize("era", ERAS)
async def test_a_model_that_knows_only_the_listing_needs_three_calls_and_one_yes(tmp_path, clock, era):
    """In a house that says it performs everything; as long as there is no engine the real one says it performs none."""
    person = Person()
    async with office_at(tmp_path, clock, era=era, person=person) as office:
        answer = await Model(office).automate(WORDS)

        assert (answer["status"], answer["version"], answer["problems"]) == ("deployed", 1, [])
        assert office.calls <= CALLS_MAX
        assert answer["next_run_at"] == "2026-03-03T15:00:00Z"  # Tuesday at 9 in Chicago
        (shown,) = person.shown
        assert "mail: pm@builder.example" in shown
        assert office.site.rows("SELECT status FROM workflows") == [("active",)]
        assert office.site.rows("SELECT count(*) FROM schedules") == [(1,)]


@pytest.mark.parametrize("era", ERAS)
async def test_where_no_form_can_be_shown_it_is_three_calls_all_the_same(tmp_path, clock, era):
    """PRODUCT.md 4.2: elsewhere it deploys, `dry_run` being the preview."""
    async with office_at(tmp_path, clock, era=era) as office:
        answer = await Model(office).automate(WORDS)

        assert (answer["status"], answer["version"]) == ("deployed", 1)
        assert office.calls <= CALLS_MAX


@pytest.mark.parametrize("era", ERAS)
async def test_a_no_leaves_a_draft(tmp_path, clock, era):
    person = Person(lambda _: ElicitResult(action="decline"))
    async with office_at(tmp_path, clock, era=era, person=person) as office:
        answer = await Model(office).automate(WORDS)

        assert (answer["status"], answer.get("version")) == ("declined", None)
        assert office.site.rows("SELECT status, active_version FROM workflows") == [("draft", None)]
        assert office.site.rows("SELECT count(*) FROM schedules") == [(0,)]


@pytest.mark.parametrize("era", ERAS)
async def test_what_nothing_here_can_carry_out_is_told_by_name_and_nobody_is_asked(tmp_path, clock, era):
    """A house as it is before there is an engine: it performs nothing, so a workflow stays a draft, with a reason."""
    person = Person()
    async with office_at(tmp_path, clock, era=era, person=person, performs=frozenset()) as office:
        model = Model(office)
        answer = await model.automate(WORDS)

        assert (answer["status"], "plan_hash" in answer) == ("invalid", False)
        refused = [one for one in answer["problems"] if one["severity"] == "error"]
        kept = office.site.rows("SELECT type FROM workflow_actions ORDER BY sequence")
        assert [one["code"] for one in refused] == ["ACTION_NOT_PERFORMED"] * len(kept)
        for problem, (kind,) in zip(refused, kept, strict=True):
            assert f"carries out {kind}" in problem["message"]
            assert problem["fix"] == "Keep it as a draft until an update can."
        assert answer["effects"]  # what it would do is told all the same
        assert person.shown == []
        assert office.site.rows("SELECT status FROM workflows") == [("draft",)]
