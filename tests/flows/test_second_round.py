"""2026-07-28: deploying asks by a second round of the same call; what was shown travels sealed with the question.

The houses here say that they perform everything (see `office`); deploying is refused otherwise.
"""

import mcp_types as types
import pytest
from mcp.shared.exceptions import MCPError

from tests.deployment.site import EVERY_MORNING, NOTE
from tests.flows.office import Office, Person, client_on, office_at

pytestmark = pytest.mark.anyio

YES = types.ElicitResult(action="accept", content={"deploy": True})


async def asked(office: Office, workflow_id: str) -> types.InputRequiredResult:
    """The first round: what is to be put to the person."""
    arguments = {"workflow_id": workflow_id}
    result = await office.client.session.call_tool("deploy_workflow", arguments, allow_input_required=True)
    assert isinstance(result, types.InputRequiredResult), result
    return result


async def answered(office: Office, workflow_id: str, state: str | None, key: str = "deploy") -> types.CallToolResult:
    """The second round, with a yes."""
    result = await office.client.session.call_tool(
        "deploy_workflow", {"workflow_id": workflow_id}, input_responses={key: YES}, request_state=state
    )
    assert isinstance(result, types.CallToolResult)
    return result


@pytest.fixture
async def asking(tmp_path, clock):
    async with office_at(tmp_path, clock, person=Person()) as office:
        yield office


async def test_the_first_round_asks_and_changes_nothing_and_the_second_deploys(asking):
    workflow_id = await asking.made(NOTE, trigger=EVERY_MORNING)
    question = await asked(asking, workflow_id)
    between = asking.site.rows("SELECT status, active_version FROM workflows")
    done = (await answered(asking, workflow_id, question.request_state)).structured_content

    ((key, request),) = (question.input_requests or {}).items()
    assert (key, between) == ("deploy", [("draft", None)])
    assert "Deploy Overdue RFIs?" in request.params.message
    assert (done["status"], done["version"]) == ("deployed", 1)


async def test_the_hash_of_the_plan_cannot_be_read_in_the_state(asking):
    workflow_id = await asking.made(NOTE, trigger=EVERY_MORNING)
    looked = await asking.call("deploy_workflow", workflow_id=workflow_id, dry_run=True)
    question = await asked(asking, workflow_id)

    assert question.request_state
    assert looked["plan_hash"] not in question.request_state


async def test_a_draft_that_changed_between_question_and_answer_is_not_deployed(asking):
    workflow_id = await asking.made(NOTE, trigger=EVERY_MORNING)
    question = await asked(asking, workflow_id)
    await asking.call("add_workflow_actions", workflow_id=workflow_id, actions=[{**NOTE, "key": "another"}])
    refused = (await answered(asking, workflow_id, question.request_state)).structured_content

    assert (refused["status"], [one["code"] for one in refused["problems"]]) == ("declined", ["PLAN_CHANGED"])
    assert asking.site.rows("SELECT status, active_version FROM workflows") == [("draft", None)]
    assert asking.site.rows("SELECT count(*) FROM audit") == [(0,)]  # nobody said no


async def test_an_edit_that_changes_nothing_of_what_runs_is_no_change(asking):
    """A description is not part of the plan: the yes was to the same thing."""
    workflow_id = await asking.made(NOTE, trigger=EVERY_MORNING)
    question = await asked(asking, workflow_id)
    update = {"workflow_id": workflow_id, "description": "Tells who is late."}
    await asking.call("use_tool", name="update_workflow", arguments=update)
    done = (await answered(asking, workflow_id, question.request_state)).structured_content

    assert (done["status"], done["version"]) == ("deployed", 1)


async def test_a_yes_without_the_question_is_none(asking):
    """Whoever sends an answer to a question that was never asked is asked."""
    workflow_id = await asking.made(NOTE, trigger=EVERY_MORNING)
    result = await asking.client.session.call_tool(
        "deploy_workflow",
        {"workflow_id": workflow_id},
        input_responses={"deploy": YES},
        allow_input_required=True,
    )

    assert isinstance(result, types.InputRequiredResult)
    assert asking.site.rows("SELECT status FROM workflows") == [("draft",)]


@pytest.mark.parametrize("spoil", [lambda state: state[:-4] + "AAAA", lambda state: state[: len(state) // 2]])
async def test_a_state_that_is_not_ours_is_refused(asking, spoil):
    workflow_id = await asking.made(NOTE, trigger=EVERY_MORNING)
    question = await asked(asking, workflow_id)

    with pytest.raises(MCPError):
        await answered(asking, workflow_id, spoil(question.request_state))

    assert asking.site.rows("SELECT status FROM workflows") == [("draft",)]


async def test_the_question_to_one_workflow_does_not_answer_for_another(asking):
    shown = await asking.made(NOTE, trigger=EVERY_MORNING)
    other = await asking.made({**NOTE, "key": "worse"}, trigger=EVERY_MORNING, name="Another")
    question = await asked(asking, shown)

    with pytest.raises(MCPError):
        await answered(asking, other, question.request_state)

    assert asking.site.rows("SELECT DISTINCT status FROM workflows") == [("draft",)]


async def test_a_no_is_in_the_audit_log(tmp_path, clock):
    no = Person(lambda _: types.ElicitResult(action="decline"))
    async with office_at(tmp_path, clock) as office, client_on(office.site, person=no) as asking:
        workflow_id = await asking.made(NOTE, trigger=EVERY_MORNING)
        answer = await asking.call("deploy_workflow", workflow_id=workflow_id)

        assert answer["status"] == "declined"
        assert office.site.rows("SELECT principal, action, outcome, summary, targets FROM audit") == [
            ("user:ana", "deploy_workflow", "declined", "Deploy Overdue RFIs", f'["workflow:{workflow_id}"]')
        ]
