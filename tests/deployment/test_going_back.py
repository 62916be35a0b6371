"""Pausing, resuming, going back, and what a switch to another environment does."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from construction_mcp.core.errors import Conflict, NotFound, NotPermitted
from tests.deployment.site import ANA, EVERY_MORNING, NOTE, RFI_WEBHOOK, sandbox, site_at

pytestmark = pytest.mark.anyio

CUSTOM = {"type": "webhook", "source": "custom"}


async def deployed(site, *triggers):
    """A workflow with one version per trigger."""
    made = await site.draft(triggers[0])
    await site.deploy(made)
    for trigger in triggers[1:]:
        await site.retrigger(made, trigger)
        await site.deploy(made)
    site.clock.advance(11)
    return made


async def test_going_back_brings_the_schedule_of_then(site, clock):
    made = await deployed(site, EVERY_MORNING, {"type": "manual"})
    clock.advance(86_400)
    answer = await site.deployments.rollback(made.id, 1, ANA)

    (stored,) = await site.workflows.get([made.id])
    assert (answer.status, answer.version) == ("active", 1)
    assert answer.next_run_at == datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
    assert list(answer.changes) == ["starts every weekday at 09:00 in America/Chicago instead of when somebody runs it"]
    assert (stored.trigger, stored.active_version) == ({"type": "manual"}, 1)
    assert len(await site.versions.history(made.id, 9)) == 2


async def test_going_back_to_a_webhook_makes_it_at_procore_again(site):
    made = await deployed(site, RFI_WEBHOOK, EVERY_MORNING)
    before = site.hooks_at_procore
    answer = await site.deployments.rollback(made.id, 1, ANA)

    assert before == []
    assert [f"{answer.webhook_url}".rpartition("/")[2]] == site.hooks_at_procore
    assert site.rows("SELECT state FROM hooks") == [("live",)]
    assert site.rows("SELECT * FROM schedules") == []


async def test_going_back_that_procore_refuses_changes_nothing(site):
    made = await deployed(site, RFI_WEBHOOK, EVERY_MORNING)
    site.fault("403", "POST", "*/webhooks/hooks")

    with pytest.raises(NotPermitted):
        await site.deployments.rollback(made.id, 1, ANA)

    standing = await site.versions.standing(made.id)
    assert (standing.active_version, standing.due_at is not None) == (2, True)
    assert site.rows("SELECT * FROM hooks") == []


async def test_going_back_to_a_webhook_of_others_tells_its_new_secret(site):
    made = await deployed(site, CUSTOM, EVERY_MORNING)
    answer = await site.deployments.rollback(made.id, 1, ANA)

    assert f"{answer.webhook_secret}".startswith("whsec_")


async def test_a_pause_keeps_the_hook_and_a_resumption_starts_from_now(site, clock):
    made = await deployed(site, RFI_WEBHOOK)
    paused = await site.deployments.pause(made.id, ANA)
    hooks, requests = site.hooks_at_procore, len(site.requests())
    clock.advance(11)
    resumed = await site.deployments.resume(made.id, ANA)

    assert (paused.status, paused.version, resumed.status, resumed.version) == ("paused", 1, "active", 1)
    assert site.hooks_at_procore == hooks
    assert [method for method, _ in site.requests()[requests:]] == ["GET"]


async def test_what_fell_due_during_a_pause_is_not_made_up_for(site, clock):
    made = await deployed(site, EVERY_MORNING)
    await site.deployments.pause(made.id, ANA)
    clock.advance(timedelta(days=7).total_seconds())
    resumed = await site.deployments.resume(made.id, ANA)

    assert resumed.next_run_at is not None
    assert resumed.next_run_at > clock.now()
    assert (await site.versions.standing(made.id)).due_at == resumed.next_run_at


async def test_resuming_what_runs_changes_nothing(site):
    made = await deployed(site, EVERY_MORNING)
    before = site.rows("SELECT * FROM audit"), site.rows("SELECT * FROM workflows")
    answer = await site.deployments.resume(made.id, ANA)

    assert (answer.status, answer.version) == ("active", 1)
    assert (site.rows("SELECT * FROM audit"), site.rows("SELECT * FROM workflows")) == before


async def test_what_was_never_deployed_cannot_be_paused_resumed_or_gone_back_to(site):
    made = await site.draft(EVERY_MORNING)

    for attempt in (
        site.deployments.pause(made.id, ANA),
        site.deployments.resume(made.id, ANA),
        site.deployments.rollback(made.id, 1, ANA),
    ):
        with pytest.raises(Conflict) as refused:
            await attempt
        assert refused.value.code == "WORKFLOW_NOT_DEPLOYED"


async def test_a_version_that_never_was_is_not_found(site):
    made = await deployed(site, EVERY_MORNING)

    with pytest.raises(NotFound) as refused:
        await site.deployments.rollback(made.id, 7, ANA)

    assert refused.value.code == "WORKFLOW_VERSION_NOT_FOUND"


PUBLIC = "https://mcp.builder.example"


async def test_another_environment_pauses_what_belongs_to_the_first_and_sends_nothing(tmp_path, clock):
    async with site_at(tmp_path, clock) as site:
        made = await deployed(site, RFI_WEBHOOK)
    async with site_at(tmp_path, clock, public_url=PUBLIC, **sandbox(clock)) as elsewhere:
        (found,) = await elsewhere.workflows.get([made.id])
        with pytest.raises(Conflict) as refused:
            await elsewhere.deployments.resume(made.id, ANA)
        with pytest.raises(Conflict):
            await elsewhere.deployments.rollback(made.id, 1, ANA)
        await elsewhere.deployments.reconcile()

        assert (found.status, found.status_reason) == ("paused", "WORKFLOW_ENVIRONMENT_MISMATCH")
        assert refused.value.code == "WORKFLOW_ENVIRONMENT_MISMATCH"
        assert elsewhere.requests() == []
        assert elsewhere.rows("SELECT action, targets FROM audit ORDER BY sequence DESC LIMIT 1") == [
            ("pause_foreign_workflows", f'["workflow:{made.id}"]')
        ]


async def test_deployed_again_it_belongs_there(tmp_path, clock):
    async with site_at(tmp_path, clock) as site:
        made = await deployed(site, RFI_WEBHOOK)
    async with site_at(tmp_path, clock, public_url=PUBLIC, **sandbox(clock)) as elsewhere:
        answer = await elsewhere.deploy(made)
        (found,) = await elsewhere.workflows.get([made.id])

        assert (answer.status, answer.version) == ("deployed", 2)
        assert (found.status, found.status_reason, found.environment) == ("active", None, "sandbox")
        assert [f"{answer.webhook_url}".rpartition("/")[2]] == elsewhere.hooks_at_procore
    async with site_at(tmp_path, clock) as back:
        (found,) = await back.workflows.get([made.id])
        await back.deployments.reconcile()

        assert (found.status, found.status_reason) == ("paused", "WORKFLOW_ENVIRONMENT_MISMATCH")
        assert back.hooks_at_procore == []  # the one of the first deployment, ended when it moved away


async def test_another_company_pauses_too(tmp_path, clock):
    async with site_at(tmp_path, clock) as site:
        made = await deployed(site, EVERY_MORNING)
        before = site.requests()
    async with site_at(tmp_path, clock, company_id=site.company + 1) as elsewhere:
        (found,) = await elsewhere.workflows.get([made.id])

        assert (found.status, found.status_reason) == ("paused", "WORKFLOW_ENVIRONMENT_MISMATCH")
        assert elsewhere.requests() == before


async def test_the_first_environment_again_resumes_by_hand(tmp_path, clock):
    async with site_at(tmp_path, clock) as site:
        made = await deployed(site, EVERY_MORNING)
    async with site_at(tmp_path, clock, public_url=PUBLIC, **sandbox(clock)):
        pass
    async with site_at(tmp_path, clock) as back:
        paused = await back.versions.standing(made.id)
        answer = await back.deployments.resume(made.id, ANA)

        assert (paused.status, answer.status) == ("paused", "active")
        assert (await back.versions.standing(made.id)).status_reason is None


async def test_changes_at_the_same_time_end_in_one_state(site):
    """Whatever the order, the status, the version and what starts it agree."""
    made = await deployed(site, RFI_WEBHOOK)
    await site.workflows.add_actions(made.id, [{**NOTE, "key": "another"}])
    await asyncio.gather(
        site.deployments.deploy(made.id, ANA),
        site.deployments.pause(made.id, ANA),
        site.deployments.rollback(made.id, 1, ANA),
        site.deployments.resume(made.id, ANA),
    )

    standing = await site.versions.standing(made.id)
    assert standing.hook_id in site.hooks_at_procore
    assert len(site.hooks_at_procore) == 1
    assert site.rows("SELECT count(*) FROM hooks") == [(1,)]
