"""The only place that constructs the object graph.

It decides nothing: choices are in `Settings`, behaviour is in the rooms. Rooms are imported when first asked for, by
the name of the type that a tool's annotation wants, so that a call that needs no database never loads one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, Self

from construction_mcp.core.background import Background
from construction_mcp.core.changes import ChangeHub
from construction_mcp.core.clock import Clock, SystemClock
from construction_mcp.core.config import Settings
from construction_mcp.core.errors import NotPermitted
from construction_mcp.core.meters import Caches
from construction_mcp.core.reach import Reach
from construction_mcp.core.services import Services
from construction_mcp.core.types import Principal
from construction_mcp.core.waking import Arrivals, Bell
from construction_mcp.registry.catalog import Catalog, load_catalog
from construction_mcp.registry.dispatch import Dispatcher

if TYPE_CHECKING:
    from construction_mcp.actions.catalogue import Catalogue
    from construction_mcp.cache import Cache
    from construction_mcp.core.cursor import Cursors
    from construction_mcp.core.keys import KeyRing
    from construction_mcp.deployment.checks import Checks
    from construction_mcp.deployment.deploy import Deployments
    from construction_mcp.deployment.facts import FactFinder
    from construction_mcp.deployment.starting import Starting
    from construction_mcp.deployment.writing import Drafts
    from construction_mcp.engine.admission import Admission
    from construction_mcp.engine.alerts import Alerts
    from construction_mcp.engine.approval_watch import ApprovalWatch
    from construction_mcp.engine.approvals import Approvals
    from construction_mcp.engine.body import Tools as EngineTools
    from construction_mcp.engine.embedded import EmbeddedEngine
    from construction_mcp.engine.heartbeat import Heartbeat
    from construction_mcp.engine.holds import Holds
    from construction_mcp.engine.inbox import Inbox
    from construction_mcp.engine.janitor import Janitor
    from construction_mcp.engine.poller import Poller
    from construction_mcp.engine.port import EnginePort
    from construction_mcp.engine.records import ReadAgain
    from construction_mcp.engine.scheduler import Scheduler
    from construction_mcp.expressions.cel import CelEngine
    from construction_mcp.insight.matching import TemplateSearch
    from construction_mcp.net.egress import Policy
    from construction_mcp.net.outbound import Outbound
    from construction_mcp.notify.mailer import Mailer
    from construction_mcp.notify.notifier import Notifier
    from construction_mcp.notify.posts import Posts, Way
    from construction_mcp.notify.wording import Wording
    from construction_mcp.procore.access import Accounts, Procore
    from construction_mcp.procore.authorize import Authorizations
    from construction_mcp.procore.budget import Usage
    from construction_mcp.procore.client import ProcoreClient
    from construction_mcp.procore.connection import App
    from construction_mcp.procore.limiter import Limiters
    from construction_mcp.procore.oauth import OAuth
    from construction_mcp.procore.sign_in import SignIn
    from construction_mcp.procore.tokens import Tokens
    from construction_mcp.registry.gate import Gate
    from construction_mcp.simulator.app import Simulator
    from construction_mcp.store.connections import Connections
    from construction_mcp.store.database import Database
    from construction_mcp.store.deliveries import Deliveries
    from construction_mcp.store.execution_reads import ExecutionReads
    from construction_mcp.store.hooks import Hooks
    from construction_mcp.store.intents import Intents
    from construction_mcp.store.notifications import Notifications
    from construction_mcp.store.statistics import Statistics
    from construction_mcp.store.users import Users
    from construction_mcp.store.versions import Versions
    from construction_mcp.store.workflows import Workflows
    from construction_mcp.workflow.template import Templates


class Service(Protocol):
    """Something that works beside the calls until it is cancelled."""

    async def run(self) -> None: ...


class House:
    """Everything one process shares: made once by whoever holds the data directory's lock.

    performs: the action types that can be carried out here, None for all.
    channels: where notifications can go, for the compiler to judge by; those of the settings unless given.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        catalog: Catalog | None = None,
        performs: frozenset[str] | None = None,
        channels: frozenset[str] | None = None,
    ) -> None:
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self.catalog = catalog or load_catalog()
        self.changes = ChangeHub()
        self.due_changed = Bell(self.clock)
        self.arrivals = Arrivals(self.clock)
        self.caches = Caches()
        self.reach = Reach(settings.public_url, is_simulated=settings.is_simulated)
        self.performs = performs
        self.channels = settings.channels if channels is None else channels
        self.services = Services(self._factories(), self._personal_factories())
        self.dispatcher = Dispatcher(self.catalog, self.services, settings.limits, before_change=self.require_live)
        self.engine_wanted = asyncio.Event()
        self._closing = AsyncExitStack()
        self._is_live = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def require_live(self) -> None:
        """Refuse to change anything in a restored copy that nobody has declared the original.

        Raises:
            NotPermitted: SYSTEM_STANDBY.
        """
        if self._is_live:
            return
        from construction_mcp.store.database import Database
        from construction_mcp.store.meta import standby_since

        since = await standby_since(await self.services.get(Database))
        if since is not None:
            raise NotPermitted(
                "This data directory is a restored copy in standby.",
                code="SYSTEM_STANDBY",
                hint="Run `construction-mcp take-over` once the original is off.",
                details={"standby_since": since},
            )
        self._is_live = True  # a live directory never goes back to standby

    async def has_work(self) -> bool:
        """Whether something is deployed or under way here, or somebody has to be told that this process lives."""
        from construction_mcp.store.database import Database
        from construction_mcp.store.executions import has_work

        if self.settings.heartbeat_url is not None:
            return True
        if not self.settings.database_file.exists():
            return False
        return await (await self.services.get(Database)).read(has_work)

    async def load_engine(self) -> None:
        """Make what carries workflows out, and load what that needs; it does nothing yet."""
        from construction_mcp.engine.embedded import EmbeddedEngine

        await self.services.get(EmbeddedEngine)

    async def run_services(self) -> None:
        """Carry workflows out until cancelled: the engine, and what starts and watches executions beside it."""
        from construction_mcp.engine.approvals import Approvals
        from construction_mcp.engine.embedded import EmbeddedEngine

        engine = await self.services.get(EmbeddedEngine)
        services: list[Service] = [
            engine,
            await self._scheduler(engine),
            await self._inbox(engine),
            await self._poller(engine),
            await self._approval_watch(),
            await self._alerts(),
            await self._heartbeat(),
            await self._janitor(),
        ]
        approvals = await self.services.get(Approvals)
        approvals.nudge, engine.parked = engine.nudge, approvals.wake
        async with asyncio.TaskGroup() as tasks:
            for service in services:
                tasks.create_task(service.run(), name=type(service).__name__)

    async def aclose(self) -> None:
        """Close what was opened, newest first; what was never asked for was never opened."""
        await self._closing.aclose()

    def _factories(self) -> dict[str, Callable[[], Awaitable[Any]]]:
        """`module:type` -> how to make it."""
        room = "construction_mcp"
        return {
            f"{room}.core.clock:Clock": self._just(self.clock),
            f"{room}.core.config:Settings": self._just(self.settings),
            f"{room}.core.config:Limits": self._just(self.settings.limits),
            f"{room}.registry.catalog:Catalog": self._just(self.catalog),
            f"{room}.core.ports:Changes": self._just(self.changes),
            f"{room}.core.meters:Caches": self._just(self.caches),
            f"{room}.core.reach:Reach": self._just(self.reach),
            f"{room}.core.keys:KeyRing": self._keys,
            f"{room}.core.cursor:Cursors": self._cursors,
            f"{room}.store.database:Database": self._database,
            f"{room}.store.workflows:Workflows": self._workflows,
            f"{room}.store.versions:Versions": self._versions,
            f"{room}.store.execution_reads:ExecutionReads": self._execution_reads,
            f"{room}.store.statistics:Statistics": self._statistics,
            f"{room}.expressions.cel:CelEngine": self._expressions,
            f"{room}.deployment.checks:Checks": self._checks,
            f"{room}.deployment.writing:Drafts": self._drafts,
            f"{room}.deployment.deploy:Deployments": self._deployments,
            f"{room}.workflow.template:Templates": self._templates,
            f"{room}.insight.matching:TemplateSearch": self._template_search,
            f"{room}.deployment.facts:FactFinder": self._fact_finder,
            f"{room}.deployment.starting:Starting": self._starting,
            f"{room}.store.users:Users": self._users,
            f"{room}.store.intents:Intents": self._intents,
            f"{room}.store.hooks:Hooks": self._hooks,
            f"{room}.store.deliveries:Deliveries": self._deliveries,
            f"{room}.engine.admission:Admission": self._admission,
            f"{room}.engine.holds:Holds": self._holds,
            f"{room}.core.waking:Arrivals": self._just(self.arrivals),
            f"{room}.store.connections:Connections": self._connections,
            f"{room}.registry.gate:Gate": self._gate,
            f"{room}.actions.catalogue:Catalogue": self._action_types,
            f"{room}.simulator.app:Simulator": self._simulator,
            f"{room}.net.outbound:Outbound": self._outbound,
            f"{room}.procore.oauth:OAuth": self._oauth,
            f"{room}.procore.tokens:Tokens": self._tokens,
            f"{room}.procore.authorize:Authorizations": self._authorizations,
            f"{room}.cache:Cache": self._cache,
            f"{room}.procore.limiter:Limiters": self._limiters,
            f"{room}.procore.budget:Usage": self._usage,
            f"{room}.procore.client:ProcoreClient": self._procore_client,
            f"{room}.procore.access:Accounts": self._accounts,
            f"{room}.procore.sign_in:SignIn": self._sign_in,
            f"{room}.store.notifications:Notifications": self._notifications,
            f"{room}.notify.wording:Wording": self._wording,
            f"{room}.notify.notifier:Notifier": self._notifier,
            f"{room}.engine.embedded:EmbeddedEngine": self._engine,
            f"{room}.engine.port:EnginePort": self._engine_port,
            f"{room}.engine.approvals:Approvals": self._approvals,
            f"{room}.engine.approval_watch:ApprovalWatch": self._approval_watch,
        }

    def _personal_factories(self) -> dict[str, Callable[[Principal], Awaitable[Any]]]:
        return {"construction_mcp.procore.access:Procore": self._procore}

    @staticmethod
    def _just(value: Any) -> Callable[[], Awaitable[Any]]:
        async def give() -> Any:
            return value

        return give

    async def _keys(self) -> "KeyRing":
        from construction_mcp.store.database import Database
        from construction_mcp.store.meta import open_key_ring

        return await open_key_ring(await self.services.get(Database), self.settings)

    async def _cursors(self) -> "Cursors":
        from construction_mcp.core.cursor import Cursors
        from construction_mcp.core.keys import KeyRing

        return Cursors((await self.services.get(KeyRing)).derive("cursors"))

    async def _database(self) -> "Database":
        from construction_mcp.store.database import Database
        from construction_mcp.store.idempotency import forget_before

        self.settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        database = await Database.open(
            self.settings.database_file, limits=self.settings.limits, log_all=self.settings.db_log_all
        )
        self._closing.push_async_callback(database.close)
        kept_since = self.clock.now() - timedelta(days=self.settings.limits.idempotency_kept_days)
        await database.write(lambda tx: forget_before(tx, kept_since))
        return database

    async def _templates(self) -> "Templates":
        from construction_mcp.workflow.template import Templates

        return Templates(self.settings.limits)

    async def _template_search(self) -> "TemplateSearch":
        from construction_mcp.insight.matching import TemplateSearch
        from construction_mcp.workflow.template import Templates

        return TemplateSearch((await self.services.get(Templates)).all())

    async def _workflows(self) -> "Workflows":
        """Whoever asks for workflows first finds those of another environment or company paused."""
        from construction_mcp.store.database import Database
        from construction_mcp.store.versions import Versions
        from construction_mcp.store.workflows import Workflows

        settings, database = self.settings, await self.services.get(Database)
        workflows = Workflows(database, self.clock, settings.limits)
        is_service = settings.procore_grant == "client_credentials"
        versions = Versions(database, workflows, self.clock, settings.limits)
        await versions.pause_foreign(settings.environment, settings.company_id, is_service=is_service)
        self.caches.add("workflows", workflows.cache_counts, lambda: workflows.kept)
        return workflows

    async def _versions(self) -> "Versions":
        from construction_mcp.store.database import Database
        from construction_mcp.store.versions import Versions
        from construction_mcp.store.workflows import Workflows

        database, workflows = await self.services.get(Database), await self.services.get(Workflows)
        return Versions(database, workflows, self.clock, self.settings.limits, started=self.due_changed.ring)

    async def _execution_reads(self) -> "ExecutionReads":
        from construction_mcp.store.database import Database
        from construction_mcp.store.execution_reads import ExecutionReads

        return ExecutionReads(await self.services.get(Database))

    async def _statistics(self) -> "Statistics":
        from construction_mcp.store.database import Database
        from construction_mcp.store.statistics import Statistics

        return Statistics(await self.services.get(Database))

    async def _action_types(self) -> "Catalogue":
        from construction_mcp.actions.catalogue import Catalogue

        return Catalogue()

    async def _expressions(self) -> "CelEngine":
        from construction_mcp.expressions.cel import CelEngine
        from construction_mcp.expressions.confined import Confined

        confined = Confined(self.settings.limits)  # starts its process with the first evaluation; checking needs none
        self._closing.push_async_callback(confined.aclose)
        return CelEngine(self.settings.limits, confined)

    async def _checks(self) -> "Checks":
        from construction_mcp.actions.catalogue import Catalogue
        from construction_mcp.deployment.checks import Checks
        from construction_mcp.expressions.cel import CelEngine

        types, engine = await self.services.get(Catalogue), await self.services.get(CelEngine)
        return Checks(types, engine, self.settings.limits, self.settings.environment, self.settings.company_id)

    async def _drafts(self) -> "Drafts":
        from construction_mcp.deployment.checks import Checks
        from construction_mcp.deployment.writing import Drafts
        from construction_mcp.store.workflows import Workflows

        workflows, checks = await self.services.get(Workflows), await self.services.get(Checks)
        return Drafts(workflows, checks, self.changes, self.settings)

    async def _deployments(self) -> "Deployments":
        from construction_mcp.deployment.checks import Checks
        from construction_mcp.deployment.deploy import Deployments
        from construction_mcp.deployment.facts import FactFinder
        from construction_mcp.deployment.starting import Starting
        from construction_mcp.engine.approvals import Approvals
        from construction_mcp.procore.access import Accounts
        from construction_mcp.store.deliveries import Deliveries
        from construction_mcp.store.hooks import Hooks
        from construction_mcp.store.versions import Versions
        from construction_mcp.store.workflows import Workflows

        self.engine_wanted.set()
        return Deployments(
            await self.services.get(Workflows),
            await self.services.get(Versions),
            await self.services.get(Hooks),
            await self.services.get(Deliveries),
            await self.services.get(Accounts),
            await self.services.get(FactFinder),
            await self.services.get(Starting),
            (await self.services.get(Checks)).compile,
            await self.services.get(Approvals),
            self.settings,
            self.clock,
        )

    async def _fact_finder(self) -> "FactFinder":
        from construction_mcp.deployment.facts import FactFinder
        from construction_mcp.procore.access import Accounts
        from construction_mcp.procore.limiter import Limiters
        from construction_mcp.store.users import Users
        from construction_mcp.store.versions import Versions

        return FactFinder(
            await self.services.get(Accounts),
            await self.services.get(Versions),
            await self.services.get(Users),
            await self.services.get(Limiters),
            self.reach,
            self.settings,
            performs=self.performs,
            channels=self.channels,
        )

    async def _starting(self) -> "Starting":
        from construction_mcp.core.keys import KeyRing
        from construction_mcp.deployment.starting import Starting
        from construction_mcp.procore.access import Accounts
        from construction_mcp.store.hooks import Hooks

        return Starting(
            await self.services.get(Hooks),
            await self.services.get(Accounts),
            self.reach,
            await self.services.get(KeyRing),
            self.settings,
            self.clock,
        )

    async def _scheduler(self, engine: "EnginePort") -> "Scheduler":
        from construction_mcp.engine.scheduler import Scheduler
        from construction_mcp.store.database import Database

        return Scheduler(await self.services.get(Database), engine, self.due_changed, self.settings, self.clock)

    async def _holds(self) -> "Holds":
        from construction_mcp.engine.holds import Holds
        from construction_mcp.store.database import Database

        database = await self.services.get(Database)
        return Holds(database, self.arrivals, self.due_changed, self.clock)

    async def _alerts(self) -> "Alerts":
        from construction_mcp.engine.alerts import Alerts
        from construction_mcp.notify.notifier import Notifier
        from construction_mcp.store.connections import Connections
        from construction_mcp.store.database import Database

        database, notifier = await self.services.get(Database), await self.services.get(Notifier)
        return Alerts(database, notifier, await self.services.get(Connections), self.settings, self.clock)

    async def _heartbeat(self) -> "Heartbeat":
        """The host of the setting and no other; apart from the ways that arguments go."""
        from construction_mcp.engine.heartbeat import Heartbeat
        from construction_mcp.net.egress import Only, chosen_by_operator

        url = self.settings.heartbeat_url
        way = self._way(Only([chosen_by_operator(url)] if url else []))
        return Heartbeat(url, way.outbound, self.settings.limits, self.clock)

    async def _janitor(self) -> "Janitor":
        from construction_mcp.engine.janitor import Janitor
        from construction_mcp.store.database import Database
        from construction_mcp.store.deliveries import Deliveries

        database, deliveries = await self.services.get(Database), await self.services.get(Deliveries)
        return Janitor(database, deliveries, self.settings, self.clock)

    async def _users(self) -> "Users":
        from construction_mcp.store.database import Database
        from construction_mcp.store.users import Users

        return Users(await self.services.get(Database), self.clock)

    async def _intents(self) -> "Intents":
        from construction_mcp.store.database import Database
        from construction_mcp.store.intents import Intents

        return Intents(await self.services.get(Database), self.clock)

    async def _hooks(self) -> "Hooks":
        from construction_mcp.store.database import Database
        from construction_mcp.store.hooks import Hooks

        return Hooks(await self.services.get(Database), self.clock, self.settings.limits)

    async def _deliveries(self) -> "Deliveries":
        from construction_mcp.store.database import Database
        from construction_mcp.store.deliveries import Deliveries

        deliveries = Deliveries(await self.services.get(Database), self.clock, self.settings.limits)
        await deliveries.forget(self.clock.now() - timedelta(days=self.settings.limits.deliveries_kept_days))
        return deliveries

    async def _read_again(self) -> "ReadAgain":
        from construction_mcp.actions.catalogue import Catalogue
        from construction_mcp.engine.records import ReadAgain
        from construction_mcp.procore.access import Accounts

        accounts, types = await self.services.get(Accounts), await self.services.get(Catalogue)
        return ReadAgain(accounts, self.dispatcher.made_by, types, self.clock, self.settings.limits)

    async def _poller(self, engine: "EnginePort") -> "Poller":
        from construction_mcp.engine.admission import Admission
        from construction_mcp.engine.poller import Poller
        from construction_mcp.store.database import Database

        database, admission = await self.services.get(Database), await self.services.get(Admission)
        return Poller(database, await self._read_again(), admission, engine, self.settings, self.clock)

    async def _admission(self) -> "Admission":
        from construction_mcp.engine.admission import Admission
        from construction_mcp.expressions.cel import CelEngine
        from construction_mcp.store.connections import Connections

        expressions, limits = await self.services.get(CelEngine), self.settings.limits
        records = await self._read_again()
        return Admission(records, expressions, await self.services.get(Connections), self.clock, limits)

    async def _inbox(self, engine: "EnginePort") -> "Inbox":
        from construction_mcp.engine.admission import Admission
        from construction_mcp.engine.inbox import Inbox
        from construction_mcp.store.database import Database
        from construction_mcp.store.deliveries import Deliveries

        database, deliveries = await self.services.get(Database), await self.services.get(Deliveries)
        admission = await self.services.get(Admission)
        return Inbox(database, deliveries, admission, engine, self.arrivals, self.settings, self.clock)

    async def _connections(self) -> "Connections":
        from construction_mcp.store.connections import Connections
        from construction_mcp.store.database import Database

        return Connections(await self.services.get(Database), self.clock)

    async def _gate(self) -> "Gate":
        from construction_mcp.core.cursor import Cursors
        from construction_mcp.core.keys import KeyRing
        from construction_mcp.engine.approvals import Approvals
        from construction_mcp.registry.gate import Gate
        from construction_mcp.store.intents import Intents

        signer = Cursors((await self.services.get(KeyRing)).derive("confirmations"))
        approvals = await self.services.get(Approvals)
        return Gate(await self.services.get(Intents), signer, self.settings, self.clock, approvals)

    async def _simulator(self) -> "Simulator":
        """Procore pretended inside this process, its state under the data directory."""
        from construction_mcp.simulator.app import Simulator
        from construction_mcp.simulator.world import World

        self.settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        world = World(clock=self.clock, state_file=self.settings.data_dir / "simulator.db")
        self._closing.callback(world.close)
        background = Background()
        self._closing.push_async_callback(background.aclose)
        return await background.enter(Simulator(world, control_is_guarded=True).running())

    async def _outbound(self) -> "Outbound":
        """The way to Procore: guarded, or straight into the simulator of this process."""
        from construction_mcp.net.egress import AnyPublicHost, Guard, Only
        from construction_mcp.net.outbound import Outbound
        from construction_mcp.net.transport import GuardedTransport
        from construction_mcp.procore.environments import endpoints_of, environment_of

        limits, environment = self.settings.limits, environment_of(self.settings)
        if self.is_simulated_here:
            from construction_mcp.simulator.app import Simulator
            from construction_mcp.simulator.wire import InProcessTransport

            # Its scripted faults end as on a wire: a plain in-process transport would let them through as our own bugs.
            outbound = Outbound(InProcessTransport(app=await self.services.get(Simulator)), limits)
        else:
            guarded = GuardedTransport(Guard(Only(endpoints_of(environment))), limits)
            elsewhere = GuardedTransport(Guard(AnyPublicHost()), limits)
            outbound = Outbound(guarded, limits, elsewhere=elsewhere)
        self._closing.push_async_callback(outbound.aclose)
        return outbound

    @property
    def is_simulated_here(self) -> bool:
        """With PROCORE_API_URL the simulator is a server of its own."""
        return self.settings.is_simulated and self.settings.procore_api_url is None

    async def _notifications(self) -> "Notifications":
        """Whoever asks first settles what a process was sending when it ended."""
        from construction_mcp.store.database import Database
        from construction_mcp.store.notifications import Notifications

        kept = Notifications(await self.services.get(Database), self.clock, self.settings.limits)
        await kept.settle_left_open()
        return kept

    async def _approvals(self) -> "Approvals":
        from construction_mcp.core.keys import KeyRing
        from construction_mcp.engine.approvals import Approvals
        from construction_mcp.store.database import Database

        if self.settings.write_policy == "approve":
            self.engine_wanted.set()  # what is asked of people has to be brought to them
        return Approvals(await self.services.get(Database), await self.services.get(KeyRing), self.clock)

    async def _approval_watch(self) -> "ApprovalWatch":
        from construction_mcp.engine.approval_watch import ApprovalWatch
        from construction_mcp.engine.approvals import Approvals
        from construction_mcp.notify.notifier import Notifier
        from construction_mcp.notify.wording import Wording
        from construction_mcp.store.database import Database

        return ApprovalWatch(
            await self.services.get(Approvals),
            await self.services.get(Database),
            await self.services.get(Notifier),
            await self.services.get(Wording),
            self.settings,
            self.clock,
        )

    async def _wording(self) -> "Wording":
        from construction_mcp.expressions.cel import CelEngine
        from construction_mcp.notify.wording import Wording

        return Wording(await self.services.get(CelEngine), self.settings.limits)

    async def _notifier(self) -> "Notifier":
        from construction_mcp.core.keys import KeyRing
        from construction_mcp.notify.notifier import Notifier
        from construction_mcp.notify.signing import Signatures
        from construction_mcp.store.notifications import Notifications

        signatures = Signatures(await self.services.get(KeyRing))
        kept = await self.services.get(Notifications)
        return Notifier(self._mailer(), self._posts(), signatures, kept, self.settings, self.clock)

    async def _engine_port(self) -> "EmbeddedEngine":
        from construction_mcp.engine.embedded import EmbeddedEngine

        return await self.services.get(EmbeddedEngine)

    async def _engine(self) -> "EmbeddedEngine":
        """Accepts executions; whoever owns the directory lets it `run`, from the first time that one is wanted."""
        from construction_mcp.engine.acts import Acts
        from construction_mcp.engine.embedded import EmbeddedEngine
        from construction_mcp.engine.loading import Loader
        from construction_mcp.engine.runner import NodeRunner
        from construction_mcp.engine.waits import Waits
        from construction_mcp.store.database import Database

        self.engine_wanted.set()
        limits, clock, database = self.settings.limits, self.clock, await self.services.get(Database)
        tools = await self._engine_tools()
        runner = NodeRunner(tools, Acts(database, clock, limits), Waits(database, clock, limits))
        loader = Loader(database, tools, limits, clock)
        return EmbeddedEngine(database, loader, runner, self.changes, self.settings, clock)

    async def _engine_tools(self) -> "EngineTools":
        from construction_mcp.actions.catalogue import Catalogue
        from construction_mcp.core.keys import KeyRing
        from construction_mcp.engine.body import Tools as EngineTools
        from construction_mcp.engine.telling import Notices
        from construction_mcp.engine.web import GuardedWeb
        from construction_mcp.expressions.cel import CelEngine
        from construction_mcp.net.egress import allow_list
        from construction_mcp.notify.notifier import Notifier
        from construction_mcp.notify.signing import Signatures
        from construction_mcp.notify.wording import Wording
        from construction_mcp.procore.access import Accounts
        from construction_mcp.store.database import Database
        from construction_mcp.store.memories import Memories

        limits, clock, posts = self.settings.limits, self.clock, self._posts()
        wording, notifier = await self.services.get(Wording), await self.services.get(Notifier)
        signatures = Signatures(await self.services.get(KeyRing))
        return EngineTools(
            await self.services.get(Catalogue),
            await self.services.get(CelEngine),
            self.dispatcher.made_by,
            (await self.services.get(Accounts)).of,
            Notices(wording, notifier, posts, signatures, limits, clock),
            GuardedWeb(self._way(allow_list(self.settings.egress_allow)), posts, limits),
            Memories(await self.services.get(Database), clock),
            clock,
            limits,
        )

    def _mailer(self) -> "Mailer | None":
        from construction_mcp.notify.mailer import Mailer

        settings = self.settings
        if settings.mail_server is None or settings.mail_from is None:
            return None
        return Mailer(settings.mail_server, settings.mail_from, clock=self.clock, limits=settings.limits)

    def _posts(self) -> "Posts":
        """What the settings name and what arguments may name never share a connection."""
        from construction_mcp.net.egress import Only, allow_list, chosen_by_operator
        from construction_mcp.notify.posts import Posts

        settings = self.settings
        chosen = [chosen_by_operator(url) for url in (settings.slack_webhook_url, settings.teams_webhook_url) if url]
        return Posts(self._way(Only(chosen)), self._way(allow_list(settings.egress_allow)), settings.limits)

    def _way(self, policy: "Policy") -> "Way":
        from construction_mcp.net.egress import Guard
        from construction_mcp.net.outbound import Outbound
        from construction_mcp.net.transport import GuardedTransport
        from construction_mcp.notify.posts import Way

        guard = Guard(policy)
        outbound = Outbound(GuardedTransport(guard, self.settings.limits), self.settings.limits)
        self._closing.push_async_callback(outbound.aclose)
        return Way(guard, outbound)

    async def _oauth(self) -> "OAuth":
        from construction_mcp.net.outbound import Outbound
        from construction_mcp.procore.oauth import OAuth

        return OAuth(await self.services.get(Outbound), self.clock, self.settings.limits)

    async def _authorizations(self) -> "Authorizations":
        from construction_mcp.procore.authorize import Authorizations
        from construction_mcp.procore.oauth import OAuth

        return Authorizations(await self.services.get(OAuth), self.clock, self.settings.limits)

    async def _tokens(self) -> "Tokens":
        from construction_mcp.core.keys import KeyRing
        from construction_mcp.procore.oauth import OAuth
        from construction_mcp.procore.tokens import Tokens
        from construction_mcp.procore.vault import Vault
        from construction_mcp.store.connections import Connections

        vault = Vault(await self.services.get(Connections), await self.services.get(KeyRing))
        tokens = Tokens(await self.services.get(OAuth), vault, self.clock, self.settings.limits)
        self._closing.push_async_callback(tokens.aclose)
        self.caches.add("tokens", tokens.counts, tokens.__len__)
        return tokens

    async def _cache(self) -> "Cache":
        from construction_mcp.cache import Cache

        cache = Cache(self.clock, entries_max=self.settings.limits.cache_entries_max)
        self._closing.push_async_callback(cache.aclose)
        self.caches.add("procore", cache.counts, cache.__len__)
        return cache

    async def _limiters(self) -> "Limiters":
        from construction_mcp.procore.limiter import Limiters

        return Limiters(self.clock, self.settings.limits, smoothed=isinstance(self.clock, SystemClock))

    async def _usage(self) -> "Usage":
        from construction_mcp.procore.budget import Usage

        return Usage(self.clock, self.settings.limits)

    async def _procore_client(self) -> "ProcoreClient":
        from construction_mcp.cache import Cache
        from construction_mcp.net.breaker import Breakers
        from construction_mcp.net.outbound import Outbound
        from construction_mcp.procore.budget import Usage
        from construction_mcp.procore.client import ProcoreClient
        from construction_mcp.procore.limiter import Limiters
        from construction_mcp.procore.tokens import Tokens

        limits, clock = self.settings.limits, self.clock
        return ProcoreClient(
            await self.services.get(Outbound),
            await self.services.get(Tokens),
            limiters=await self.services.get(Limiters),
            breakers=Breakers(clock, limits, code="PROCORE_UNAVAILABLE"),
            cache=await self.services.get(Cache),
            usage=await self.services.get(Usage),
            clock=clock,
            limits=limits,
        )

    async def _accounts(self) -> "Accounts":
        from construction_mcp.procore.access import Accounts
        from construction_mcp.procore.client import ProcoreClient
        from construction_mcp.procore.environments import environment_of
        from construction_mcp.store.connections import Connections

        app, settings = await self._app_and_settings()
        connections, client = await self.services.get(Connections), await self.services.get(ProcoreClient)
        return Accounts(environment_of(settings), app, settings, connections, client, self.clock)

    async def _sign_in(self) -> "SignIn":
        from construction_mcp.cache import Cache
        from construction_mcp.procore.access import Accounts
        from construction_mcp.procore.authorize import Authorizations
        from construction_mcp.procore.sign_in import SignIn
        from construction_mcp.procore.tokens import Tokens
        from construction_mcp.store.connections import Connections

        return SignIn(
            await self.services.get(Accounts),
            await self.services.get(Authorizations),
            await self.services.get(Tokens),
            await self.services.get(Connections),
            await self.services.get(Cache),
            self.settings,
        )

    async def _app_and_settings(self) -> "tuple[App | None, Settings]":
        """The app's credentials, and with the simulator of this process its first company unless one is named."""
        from construction_mcp.procore.connection import App

        settings = self.settings
        if self.is_simulated_here:
            from construction_mcp.simulator.app import Simulator

            world = (await self.services.get(Simulator)).world
            first = next(iter(world.table("company", 0)))
            settings = replace(settings, company_id=settings.company_id or first.id)
            return App(world.app.client_id, world.app.client_secret), settings
        if settings.procore_client_id is None or settings.procore_client_secret is None:
            return None, settings
        return App(settings.procore_client_id, settings.procore_client_secret), settings

    async def _procore(self, principal: Principal) -> "Procore":
        from construction_mcp.procore.access import Accounts

        return await (await self.services.get(Accounts)).of(principal)
