"""What happens to an execution under way when the world around it changes: nothing is written twice or to the wrong
company, and the owner is told.

Each begins as a run that waits two hours and then writes to Procore; the change comes while it waits.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from construction_mcp.bootstrap import House
from construction_mcp.commands import take_over, users_revoke
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Settings
from construction_mcp.core.destinations import MailFrom, MailServer
from construction_mcp.core.errors import ConstructionError, Unavailable
from construction_mcp.core.types import Principal, Role
from construction_mcp.deployment.deploy import Deployments
from construction_mcp.engine.embedded import EmbeddedEngine
from construction_mcp.engine.starter import new_execution, trigger_value
from construction_mcp.procore.sign_in import SignIn
from construction_mcp.simulator.app import Simulator
from construction_mcp.store.backup import back_up, restore
from construction_mcp.store.database import Database
from construction_mcp.store.executions import status_of
from construction_mcp.store.starts import startable
from construction_mcp.store.users import Users
from construction_mcp.store.workflows import Draft, Workflows
from tests.deployment.site import sandbox, site_at
from tests.notify.sinks import MailSink, mail_sink
from tests.procore.signing import copied_code, person_of_one_company, unconnected

pytestmark = pytest.mark.anyio

OPERATOR = "operator@builder.com"
WAIT_H = 2
MANUAL = {"type": "manual"}
STEPS = [
    {"key": "wait", "type": "wait.for", "config": {"duration": f"{WAIT_H} hours"}},
    {"key": "write", "type": "procore.punch_item.create", "config": {"name": "Mend it"}, "depends_on": ["wait"]},
]
LOCAL = Principal("local:0", Role.ADMIN, "Operator")


@dataclass
class Place:
    """A data directory, the clock, and where the operator's mail arrives."""

    folder: Path
    clock: ManualClock
    mail: MailSink
    execution_id: str = ""
    company: int = 0

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "alert_to": OPERATOR,
            "mail_server": MailServer("127.0.0.1", self.mail.port, "none"),
            "mail_from": MailFrom("automation@builder.com", "Riverside"),
        }

    @property
    def database(self) -> Path:
        return self.folder / "data" / "construction.db"

    def rows(self, text: str) -> list[Any]:
        with closing(sqlite3.connect(self.database, isolation_level=None)) as connection:
            return connection.execute(text).fetchall()

    def told(self) -> list[str]:
        """The operator's mail, as it reads."""
        return [str(letter.get_body(("plain",)).get_content()) for _, letter in self.mail.letters]  # type: ignore[union-attr]  # ours is text


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """With an execution that waits."""
    async with mail_sink() as mail:
        made = Place(tmp_path, ManualClock(), mail)
        async with site_at(tmp_path, made.clock, **made.settings) as site:
            await begin(made, site.house, LOCAL, site.project)
            made.company = site.company
        yield made


async def begin(place: Place, house: House, who: Principal, project: int) -> None:
    """Deploy, start, and leave it waiting."""
    workflows, deployments = await house.services.get(Workflows), await house.services.get(Deployments)
    draft = Draft("Mender", house.settings.environment, who.id, project_id=project, run_as=who.id, trigger=MANUAL)
    workflow = await workflows.create(draft, STEPS)
    done = await deployments.deploy(workflow.id, who)
    assert done.status == "deployed", done.problems
    engine, database = await house.services.get(EmbeddedEngine), await house.services.get(Database)
    active = await database.read(lambda tx: startable(tx, workflow.id))
    assert active is not None
    value = trigger_value(active.trigger, "manual", house.clock.now())
    place.execution_id = (await engine.start(new_execution(active, value, requested_by=who.id, key=None))).id

    async def waits() -> bool:
        return await status(house, place) == "waiting"

    await working(house, place, waits)


async def status(house: House, place: Place) -> str | None:
    return await (await house.services.get(Database)).read(lambda tx: status_of(tx, place.execution_id))


async def working(house: House, place: Place, until: Callable[[], Awaitable[bool]]) -> None:
    """Let the engine and the alerts work until that is so."""
    engine, alerts = await house.services.get(EmbeddedEngine), await house._alerts()
    tasks = [asyncio.create_task(engine.run()), asyncio.create_task(_hurry(place.clock))]
    try:
        async with asyncio.timeout(30):
            while not await until():  # noqa: ASYNC110 - the store has no event for what others wrote
                await asyncio.sleep(0.005)
        await alerts.look()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _hurry(clock: ManualClock) -> None:
    while True:
        await asyncio.sleep(0.001)
        wait = clock.next_wake_s
        if wait is not None and wait <= 60:
            clock.advance(wait)


async def goes_on(house: House, place: Place) -> str | None:
    """Past the end of its wait: how it ended, or where it still stands once the engine has looked several times."""
    place.clock.advance(WAIT_H * 3600 + 60)
    looks = 0

    async def is_settled() -> bool:
        nonlocal looks
        looks += 1
        return await status(house, place) in ("completed", "failed", "needs_review") or looks > 40

    await working(house, place, is_settled)
    return await status(house, place)


def written(simulator: Simulator) -> list[str]:
    """The paths of what was written there."""
    entries = simulator.ledger.since(0)
    return [one["path"] for one in entries if one["write"] and one["path"].endswith("/punch_items")]


async def test_it_goes_on_where_it_was_and_writes_once(place: Place):
    async with site_at(place.folder, place.clock, **place.settings) as site:
        assert await goes_on(site.house, place) == "completed"
        assert len(written(site.simulator)) == 1


async def test_in_another_environment_it_stands_still_and_its_owner_is_told(place: Place):
    elsewhere_settings = {**place.settings, **sandbox(place.clock), "public_url": "https://mcp.builder.example"}
    async with site_at(place.folder, place.clock, **elsewhere_settings) as elsewhere:
        there = await goes_on(elsewhere.house, place), elsewhere.requests()
    async with site_at(place.folder, place.clock, **place.settings) as back:
        at_home = await goes_on(back.house, place), len(written(back.simulator))

    assert there == ("waiting", [])
    assert at_home == ("completed", 1)
    assert any("Mender" in text and "environment" in text for text in place.told())


async def test_with_another_company_it_ends_and_writes_to_neither(place: Place):
    """`Loader.place`: it was deployed for the company that its plan names."""
    async with site_at(place.folder, place.clock, **place.settings, company_id=place.company + 1) as elsewhere:
        ended, sent = await goes_on(elsewhere.house, place), written(elsewhere.simulator)

    (error,) = place.rows("SELECT error ->> '$.code' FROM executions")
    assert (ended, sent) == ("failed", [])
    assert error == ("WORKFLOW_ENVIRONMENT_MISMATCH",)
    assert any(place.execution_id in text for text in place.told())


async def test_after_whom_it_runs_as_was_revoked_it_ends_and_writes_nothing(tmp_path: Path):
    async with mail_sink() as mail:
        place = Place(tmp_path, ManualClock(), mail)
        async with site_at(tmp_path, place.clock, **place.settings) as site:
            user, _ = await (await site.house.services.get(Users)).add("Ana", Role.BUILDER)
            await begin(place, site.house, Principal(user.id, Role.BUILDER, "Ana"), site.project)
            await users_revoke(site.house, {"user_id": user.id})
            ended, sent = await goes_on(site.house, place), written(site.simulator)

        assert (ended, sent) == ("failed", [])
        assert any("revoked" in text for text in place.told())


async def test_after_its_connection_was_revoked_it_ends_and_writes_nothing(tmp_path: Path):
    async with mail_sink() as mail:
        place = Place(tmp_path, ManualClock(), mail)
        settings = {**place.settings, "procore_grant": "authorization_code"}
        async with unconnected(tmp_path, place.clock, **settings) as (house, simulator):
            sign_in = await house.services.get(SignIn)
            url = sign_in.link(LOCAL, None, by_code=True)
            code = await copied_code(simulator, url, person_of_one_company(simulator))
            account = await sign_in.redeem(LOCAL, code, None)
            assert account.company is not None
            project = next(iter(simulator.world.table("project", account.company.id))).id
            await begin(place, house, LOCAL, project)
            await sign_in.disconnect(LOCAL)
            ended, sent = await goes_on(house, place), written(simulator)

        assert (ended, sent) == ("failed", [])
        assert any("Mender" in text for text in place.told())


async def test_a_restored_copy_does_nothing_before_it_is_taken_over_and_then_goes_on(place: Place):
    settings = Settings(place.folder / "copy" / "data", procore_grant="client_credentials", **place.settings)
    async with site_at(place.folder, place.clock, **place.settings) as site:
        database = await site.house.services.get(Database)
        await back_up(database, site.house.settings, place.folder / "backup", now=place.clock.now(), with_keys=True)
    restore(place.folder / "backup", settings, now=place.clock.now())
    copy = Place(place.folder / "copy", place.clock, place.mail, place.execution_id)
    async with House(settings, clock=place.clock) as house:
        place.clock.advance(WAIT_H * 3600 + 60)
        with pytest.raises(ConstructionError) as refused:
            await house.require_live()
        before = await status(house, copy), written(await house.services.get(Simulator))
        await take_over(house, {})
        await house.require_live()
        after = await goes_on(house, copy), len(written(await house.services.get(Simulator)))

    assert refused.value.code == "SYSTEM_STANDBY"
    assert before == ("waiting", [])
    assert after == ("completed", 1)


async def test_an_older_server_leaves_the_database_of_a_newer_one_alone(place: Place):
    """An upgrade that is taken back: the older one refuses to open it, and the newer one goes on where it was."""
    place.rows("INSERT INTO schema_migrations SELECT max(number) + 1, 'later', 'x', 'x' FROM schema_migrations")
    place.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    before = place.database.read_bytes()
    with pytest.raises(Unavailable) as refused:
        async with site_at(place.folder, place.clock, **place.settings):
            pass
    left = place.database.read_bytes()
    place.rows("DELETE FROM schema_migrations WHERE name = 'later'")
    async with site_at(place.folder, place.clock, **place.settings) as newer:
        ended = await goes_on(newer.house, place), len(written(newer.simulator))

    assert refused.value.code == "SYSTEM_STORAGE_NEWER"
    assert left == before
    assert ended == ("completed", 1)
