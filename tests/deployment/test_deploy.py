"""Deploying: all of it or nothing, here and at Procore."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Conflict, ConstructionError, NotFound, NotPermitted, Uncertain
from construction_mcp.core.ports import Answer
from construction_mcp.core.trace import Trace, current_trace
from construction_mcp.simulator.hooks import drop_hook
from construction_mcp.store.queries import Query
from tests.deployment.site import ANA, BETWEEN_CALLS_S, EVERY_MORNING, NOTE, RFI_WEBHOOK, Site, site_at

pytestmark = pytest.mark.anyio

READ = {"key": "open", "type": "procore.rfi.list", "config": {"overdue": True}}
MAIL = {
    "key": "alert",
    "type": "notify.email",
    "config": {"to": "ana@builder.example", "subject": "Overdue", "body": "Some RFIs are overdue."},
}
REQUESTS = 21  # at most, of one list of RFIs: its pages and who "me" is


class Asked:
    """The person behind a client that shows forms; `state` is what the answer of a second round brings back."""

    can_form = True
    can_url = False

    def __init__(self, answer: Answer, state: str | None = None) -> None:
        self.answer, self.state, self.shown = answer, state, []

    async def form(self, key: str, message: str, schema: Any, *, state: str | None = None) -> Answer:
        self.shown.append((key, message, state))
        return self.answer

    async def url(self, key: str, message: str, url: str, *, state: str | None = None) -> Answer:
        raise AssertionError("nobody opens links here")


YES = Answer("accept", {"deploy": True})


def codes(answer: Any) -> list[str]:
    return [problem.code for problem in answer.problems]


async def live(site: Site, workflow: Any) -> tuple[str, int | None]:
    standing = await site.versions.standing(workflow.id)
    return standing.status, standing.active_version


async def test_a_schedule_runs_from_its_next_time_on(site):
    made = await site.draft(EVERY_MORNING, READ)
    answer = await site.deploy(made)

    assert (answer.status, answer.version, answer.problems) == ("deployed", 1, [])
    assert answer.next_run_at == datetime(2026, 3, 3, 15, 0, tzinfo=UTC)  # Tuesday at 9 in Chicago
    assert answer.requests_per_hour == {"this": REQUESTS, "all_active": REQUESTS}
    assert site.rows("SELECT workflow_id FROM schedules") == [(made.id,)]
    assert await live(site, made) == ("active", 1)
    assert site.rows("SELECT company_id FROM workflows") == [(site.company,)]


async def test_a_dry_run_says_the_same_and_changes_nothing(site):
    made = await site.draft(RFI_WEBHOOK)
    answer = await site.deploy(made, dry_run=True)

    assert (answer.status, answer.version, answer.effects) == ("validated", None, ["note a line in its log"])
    assert answer.plan_hash is not None
    assert await live(site, made) == ("draft", None)
    assert [one for one in site.requests() if one[0] != "GET"] == []


async def test_a_dry_run_says_when_it_would_run_next(site):
    made = await site.draft(EVERY_MORNING)
    looked = await site.deploy(made, dry_run=True)
    before = site.rows("SELECT * FROM schedules")
    done = await site.deploy(made)

    assert looked.next_run_at == done.next_run_at
    assert looked.next_run_at is not None
    assert before == []


async def test_what_cannot_be_performed_is_not_deployed(tmp_path, clock):
    async with site_at(tmp_path, clock, performs=frozenset()) as site:
        made = await site.draft({"type": "manual"})
        answer = await site.deploy(made)

        assert (answer.status, answer.plan_hash, codes(answer)) == ("invalid", None, ["ACTION_NOT_PERFORMED"])
        assert await live(site, made) == ("draft", None)


async def test_a_webhook_is_made_at_procore_and_live_here(site):
    made = await site.draft(RFI_WEBHOOK)
    answer = await site.deploy(made)

    (hook,) = site.world.table("hook", 0)
    (trigger,) = site.world.table("hook_trigger", 0).children(hook.id)
    assert (trigger["resource_name"], trigger["event_type"]) == ("RFIs", "create")
    assert answer.webhook_url == hook["destination_url"]
    assert answer.webhook_secret is None
    assert site.rows("SELECT id, state, workflow_id FROM hooks") == [(site.hooks_at_procore[0], "live", made.id)]


@pytest.mark.parametrize("path", ["*/webhooks/hooks", "*/triggers/bulk"])
async def test_what_procore_refuses_leaves_nothing(site, path):
    made = await site.draft(RFI_WEBHOOK)
    site.fault("403", "POST", path)

    with pytest.raises(NotPermitted):
        await site.deploy(made)

    assert site.hooks_at_procore == []
    assert site.rows("SELECT * FROM hooks") == site.rows("SELECT * FROM workflow_versions") == []
    assert await live(site, made) == ("draft", None)


async def test_a_commit_that_fails_takes_the_hook_back(site):
    """The disk is full just when Procore has made the hook."""
    many = [{**NOTE, "key": f"note_{place}", "config": {"text": "x" * 200}} for place in range(900)]
    made = await site.draft(RFI_WEBHOOK, *many)
    database = site.versions._database
    size = Query("test.size", "value", "How far it got.", "PRAGMA page_count")
    count = await database.read(lambda tx: tx.value(size)) + 4
    limit = Query("test.limit", "value", "No further.", f"PRAGMA max_page_count = {count}")
    await database.read(lambda tx: tx.value(limit))

    with pytest.raises(ConstructionError) as full:
        await site.deploy(made)

    written = [method for method, path in site.requests() if method != "GET" and "webhooks" in path]
    assert full.value.code == "SYSTEM_STORAGE_FULL"
    assert written == ["POST", "POST", "DELETE"]
    assert site.hooks_at_procore == []
    assert await live(site, made) == ("draft", None)


async def test_a_lost_answer_leaves_what_the_next_deployment_clears(site):
    """Procore made the hook and nobody knows: it is never live, and gone once the next deployment is through."""
    made = await site.draft(RFI_WEBHOOK)
    site.fault("lost_response", "POST", "*/webhooks/hooks")
    with pytest.raises(Uncertain):
        await site.deploy(made)
    (lost,) = site.hooks_at_procore
    states = site.rows("SELECT state FROM hooks")
    answer = await site.deploy(made)

    assert states == [("pending",)]
    assert answer.status == "deployed"
    assert len(site.hooks_at_procore) == 1
    assert lost not in site.hooks_at_procore


async def test_a_crash_between_procore_and_the_commit_leaves_nothing_that_is_live(tmp_path, clock):
    async with site_at(tmp_path, clock) as site:
        made = await site.draft(RFI_WEBHOOK)
        reached = asyncio.Event()

        async def die(*_: Any, **__: Any) -> int:
            reached.set()
            await asyncio.Event().wait()
            return 0

        site.versions.activate = die
        deploying = asyncio.ensure_future(site.deploy(made))
        async with asyncio.timeout(5):
            await reached.wait()
        deploying.cancel()
        await asyncio.gather(deploying, return_exceptions=True)
        left = site.hooks_at_procore, site.rows("SELECT state FROM hooks")
    clock.advance(BETWEEN_CALLS_S)
    async with site_at(tmp_path, clock) as site:
        await site.deployments.reconcile()

        assert (len(left[0]), left[1]) == (1, [("pending",)])
        assert site.hooks_at_procore == []
        assert site.rows("SELECT * FROM hooks") == []


async def test_a_hook_that_no_table_knows_is_removed_at_the_start(site):
    """A restored copy of the data directory: Procore has hooks of ours that were made after it."""
    kept, lost = await site.draft(RFI_WEBHOOK, name="kept"), await site.draft(RFI_WEBHOOK, name="lost")
    await site.deploy(kept)
    await site.deploy(lost)
    (known,) = site.rows(f"SELECT id FROM hooks WHERE workflow_id = '{kept.id}'")[0]
    site.rows(f"DELETE FROM hooks WHERE workflow_id = '{lost.id}'")
    site.clock.advance(BETWEEN_CALLS_S)
    await site.deployments.reconcile()

    assert site.hooks_at_procore == [known]


async def test_the_same_trigger_again_keeps_the_hook(site):
    made = await site.draft(RFI_WEBHOOK)
    first = await site.deploy(made)
    await site.workflows.add_actions(made.id, [{**NOTE, "key": "another"}])
    before = len(site.requests())
    second = await site.deploy(made)

    assert second.version == 2
    assert second.webhook_url == first.webhook_url
    assert [method for method, _ in site.requests()[before:] if method != "GET"] == []


async def test_another_trigger_replaces_the_hook_after_it_is_live(site):
    made = await site.draft(RFI_WEBHOOK)
    first = await site.deploy(made)
    await site.retrigger(made, {**RFI_WEBHOOK, "resources": ["Submittals"]})
    second = await site.deploy(made)

    writes = [method for method, path in site.requests() if method != "GET"]
    assert writes == ["POST", "POST", "POST", "POST", "DELETE"]
    assert second.webhook_url != first.webhook_url
    assert site.rows("SELECT id, state FROM hooks") == [(site.hooks_at_procore[0], "live")]


async def test_a_replacement_that_procore_refuses_leaves_the_old_one_running(site):
    made = await site.draft(RFI_WEBHOOK)
    first = await site.deploy(made)
    await site.retrigger(made, {**RFI_WEBHOOK, "resources": ["Submittals"]})
    site.fault("403", "POST", "*/webhooks/hooks")

    with pytest.raises(NotPermitted):
        await site.deploy(made)

    assert [f"{first.webhook_url}".rpartition("/")[2]] == site.hooks_at_procore
    assert await live(site, made) == ("active", 1)
    assert site.rows("SELECT state FROM hooks") == [("live",)]


async def test_an_old_hook_that_stays_at_procore_is_told_and_removed_next_time(site):
    made = await site.draft(RFI_WEBHOOK)
    await site.deploy(made)
    await site.retrigger(made, EVERY_MORNING)
    site.fault("403", "DELETE", "*/webhooks/hooks/*")
    answer = await site.deploy(made)
    left = site.hooks_at_procore
    site.clock.advance(BETWEEN_CALLS_S)
    await site.deployments.reconcile()

    assert (answer.status, codes(answer), len(left)) == ("deployed", ["WEBHOOK_LEFT_OVER"], 1)
    assert site.hooks_at_procore == []


async def test_a_hook_that_somebody_removed_at_procore_is_made_again(site):
    made = await site.draft(RFI_WEBHOOK)
    await site.deploy(made)
    await site.workflows.add_actions(made.id, [{**NOTE, "key": "another"}])
    for hook in list(site.world.table("hook", 0)):
        drop_hook(site.world, hook)
    answer = await site.deploy(made)

    assert site.hooks_at_procore == [f"{answer.webhook_url}".rpartition("/")[2]]


async def test_where_procore_cannot_reach_us_it_is_asked_instead(tmp_path, clock):
    async with site_at(tmp_path, clock, public=False) as site:
        answer = await site.deploy(await site.draft(RFI_WEBHOOK))

        assert (answer.status, codes(answer)) == ("deployed", ["WEBHOOK_NO_PUBLIC_URL"])
        assert site.rows("SELECT every_s FROM polls") == [(Limits().poll_s,)]
        assert site.hooks_at_procore == []


async def test_a_webhook_of_others_has_a_secret_that_is_told_once(site):
    made = await site.draft({"type": "webhook", "source": "custom"})
    first = await site.deploy(made)
    await site.workflows.add_actions(made.id, [{**NOTE, "key": "another"}])
    second = await site.deploy(made)

    assert first.webhook_secret is not None
    assert first.webhook_secret.startswith("whsec_")
    assert (second.webhook_secret, second.webhook_url) == (None, first.webhook_url)
    assert [one for one in site.requests() if one[0] != "GET"] == []


async def test_a_resource_that_procore_does_not_offer_there_is_a_problem_before_anything_is_made(site):
    made = await site.draft({**RFI_WEBHOOK, "resources": ["Departments"]})
    answer = await site.deploy(made, dry_run=True)

    assert (answer.status, codes(answer)) == ("invalid", ["TRIGGER_RESOURCE_UNKNOWN"])


async def test_the_same_plan_again_is_the_same_version_and_asks_nobody(site):
    made = await site.draft(EVERY_MORNING)
    await site.deploy(made)
    person = Asked(Answer("decline"))
    again = await site.deploy(made, ask=person)

    assert (again.status, again.version, person.shown) == ("deployed", 1, [])
    assert site.rows("SELECT count(*) FROM audit") == [(1,)]


async def test_ten_deployments_at_once_are_one_version_and_one_hook(site):
    made = await site.draft(RFI_WEBHOOK)
    answers = await asyncio.gather(*(site.deployments.deploy(made.id, ANA) for _ in range(10)))

    assert [answer.version for answer in answers] == [1] * 10
    assert len(site.hooks_at_procore) == 1
    assert site.rows("SELECT state FROM hooks") == [("live",)]


async def test_ten_workflows_created_and_deployed_at_once_all_run(site):
    made = await asyncio.gather(*(site.draft(EVERY_MORNING, name=f"workflow {place}") for place in range(10)))
    answers = await asyncio.gather(*(site.deployments.deploy(one.id, ANA) for one in made))

    assert [(answer.status, answer.version) for answer in answers] == [("deployed", 1)] * 10
    assert site.rows("SELECT count(*) FROM schedules") == [(10,)]
    assert site.rows("SELECT count(DISTINCT name) FROM workflows WHERE status = 'active'") == [(10,)]


async def test_a_draft_that_changed_is_not_deployed(site):
    made = await site.draft(RFI_WEBHOOK)
    await site.workflows.update(made.id, {"name": "New"})

    with pytest.raises(Conflict) as refused:
        await site.deploy(made, expected_version=1)

    assert refused.value.code == "WORKFLOW_VERSION_CONFLICT"
    assert site.requests() == []


async def test_an_edit_while_the_person_is_asked_refuses_before_anything_is_made(site):
    made = await site.draft(RFI_WEBHOOK)

    class Editing(Asked):
        async def form(self, *args: Any, **options: Any) -> Answer:
            await site.workflows.update(made.id, {"name": "Changed meanwhile"})
            return await super().form(*args, **options)

    with pytest.raises(Conflict):
        await site.deploy(made, ask=Editing(YES))

    assert [one for one in site.requests() if one[0] != "GET"] == []


async def test_the_person_reads_what_it_does_and_to_whom(site):
    made = await site.draft(EVERY_MORNING, READ, MAIL)
    person = Asked(YES)
    answer = await site.deploy(made, ask=person)

    ((key, message, state),) = person.shown
    assert (answer.status, key, state) == ("deployed", "deploy", answer.plan_hash)
    for words in (
        "Overdue RFIs",
        "read the open overdue RFIs",
        "mail: ana@builder.example",
        f"at most {REQUESTS} per run",
    ):
        assert words in message


@pytest.mark.parametrize("said", [Answer("decline"), Answer("cancel"), Answer("accept", {"deploy": False})])
async def test_a_no_changes_nothing(site, said):
    made = await site.draft(RFI_WEBHOOK)
    answer = await site.deploy(made, ask=Asked(said))

    assert answer.status == "declined"
    assert await live(site, made) == ("draft", None)
    assert site.hooks_at_procore == []


async def test_a_yes_to_another_plan_is_no_yes(site):
    """2026-07-28: the answer comes with a second call, and what would run is not what was shown."""
    made = await site.draft(EVERY_MORNING)
    answer = await site.deploy(made, ask=Asked(YES, state="the hash of another plan"))

    assert (answer.status, codes(answer)) == ("declined", ["PLAN_CHANGED"])
    assert await live(site, made) == ("draft", None)


async def test_what_changes_is_said_in_words(site):
    made = await site.draft(EVERY_MORNING, READ)
    await site.deploy(made)
    await site.workflows.add_actions(made.id, [MAIL])
    answer = await site.deploy(made, dry_run=True)

    assert list(answer.changes) == [
        "mails 1 more address: ana@builder.example (at most 1 per run)",
        "adds action alert (notify.email)",
    ]


async def test_the_hour_counts_what_runs_already(site):
    """600 an hour are admitted, and 60 % of that is heavy."""
    often = {**EVERY_MORNING, "cron": "0,10,20,30,40,50 * * * *"}
    answers = [await site.deploy(await site.draft(often, READ, name=f"number {place}")) for place in range(3)]

    each = 6 * REQUESTS
    assert [answer.requests_per_hour for answer in answers] == [
        {"this": each, "all_active": each * place} for place in (1, 2, 3)
    ]
    assert [codes(answer) for answer in answers] == [[], [], ["QUOTA_HEAVY"]]


async def test_deploying_runs_as_many_statements_for_a_thousand_actions_as_for_one(site):
    counts = []
    for size in (1, 1000):
        made = await site.draft(EVERY_MORNING, *({**NOTE, "key": f"note_{place}"} for place in range(size)))
        trace = Trace()
        token = current_trace.set(trace)
        answer = await site.deploy(made)
        current_trace.reset(token)
        counts.append(trace.db_queries)
        assert answer.status == "deployed"

    assert counts[0] == counts[1] <= 20


async def test_nobody_deploys_through_anothers_account(tmp_path, clock):
    async with site_at(tmp_path, clock, procore_grant="authorization_code") as site:
        made = await site.draft(EVERY_MORNING, run_as="user:ben")

        with pytest.raises(NotPermitted) as refused:
            await site.deploy(made)

        assert refused.value.code == "WORKFLOW_RUNS_AS_ANOTHER"


async def test_deleting_takes_the_hook_at_procore_with_it(site):
    made = await site.draft(RFI_WEBHOOK)
    await site.deploy(made)
    left = await site.deployments.delete(made.id, ANA)

    assert left == []
    assert site.hooks_at_procore == []
    assert site.rows("SELECT * FROM hooks") == site.rows("SELECT * FROM workflow_versions") == []


async def test_deleting_tells_what_procore_kept_and_takes_no_delivery_for_it(site):
    made = await site.draft(RFI_WEBHOOK)
    answer = await site.deploy(made)
    hook_id = f"{answer.webhook_url}".rpartition("/")[2]
    site.fault("403", "DELETE", "*/webhooks/hooks/*")
    left = await site.deployments.delete(made.id, ANA)

    assert [problem.code for problem in left] == ["WEBHOOK_LEFT_OVER"]
    with pytest.raises(NotFound):
        await site.hooks.authenticate(hook_id, "whatever")
