"""Everything a Procore client needs, built as the house builds it, around any upstream."""

import random
from types import SimpleNamespace

import httpx

from construction_mcp.cache import Cache
from construction_mcp.core.config import Limits
from construction_mcp.net.breaker import Breakers
from construction_mcp.net.outbound import Outbound
from construction_mcp.net.retry import Backoff
from construction_mcp.procore.authorize import Authorizations
from construction_mcp.procore.budget import Usage
from construction_mcp.procore.client import ProcoreClient
from construction_mcp.procore.connection import App, Connection
from construction_mcp.procore.environments import SIMULATOR_URL, Environment
from construction_mcp.procore.limiter import Limiters
from construction_mcp.procore.oauth import OAuth
from construction_mcp.procore.paging import Pages
from construction_mcp.procore.tokens import Tokens

APP = App("app-id", "app-secret")
SIMULATED = Environment("simulator", SIMULATOR_URL, SIMULATOR_URL, SIMULATOR_URL)
ACCOUNT = Connection("conn_1", SIMULATED, APP, "authorization_code", company_id=1)
SERVICE = Connection("conn_2", SIMULATED, APP, "client_credentials", company_id=1)


class MemoryTokens:
    """A token store that keeps pairs for one test and can fail or hold back."""

    def __init__(self):
        self.kept = {}
        self.loads = 0
        self.saves = 0
        self.failure = None
        self.before_save = None

    async def load(self, connection_id):
        self.loads += 1
        return self.kept.get(connection_id)

    async def save(self, connection_id, pair):
        self.saves += 1
        if self.before_save is not None:
            await self.before_save()
        if self.failure is not None:
            raise self.failure
        self.kept[connection_id] = pair

    async def delete(self, connection_id):
        self.kept.pop(connection_id, None)


def build_desk(clock, transport, *, limits=None, store=None):
    """The object graph as a namespace; close it with `await desk.aclose()`."""
    limits = limits or Limits()
    store = store or MemoryTokens()
    rng = random.Random(11)
    backoff = Backoff(limits.procore_backoff_s, limits.procore_backoff_max_s, rng)
    outbound = Outbound(transport, limits)
    oauth = OAuth(outbound, clock, limits, backoff)
    tokens = Tokens(oauth, store, clock, limits)
    cache = Cache(clock, entries_max=limits.cache_entries_max)
    limiters = Limiters(clock, limits)
    usage = Usage(clock, limits)
    breakers = Breakers(clock, limits, code="PROCORE_UNAVAILABLE")
    client = ProcoreClient(
        outbound,
        tokens,
        limiters=limiters,
        breakers=breakers,
        cache=cache,
        usage=usage,
        clock=clock,
        limits=limits,
        backoff=backoff,
    )

    async def aclose():
        await cache.aclose()
        await tokens.aclose()
        await outbound.aclose()

    return SimpleNamespace(
        client=client,
        pages=Pages(client, limits),
        tokens=tokens,
        store=store,
        oauth=oauth,
        authorizations=Authorizations(oauth, clock, limits),
        cache=cache,
        limiters=limiters,
        usage=usage,
        breakers=breakers,
        outbound=outbound,
        limits=limits,
        aclose=aclose,
    )


def in_process(app):
    """The transport to an ASGI application in this process, as the built-in simulator is reached."""
    return httpx.ASGITransport(app=app, raise_app_exceptions=False)
