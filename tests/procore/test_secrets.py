"""Tokens at rest and on their way: twenty canary secrets are looked for wherever a secret could end up (S1, S2)."""

import base64
import logging
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from mcp.client.client import Client

from construction_mcp.commands import COMMANDS
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.keys import KeyRing
from construction_mcp.core.types import Principal, Role
from construction_mcp.procore.access import Accounts
from construction_mcp.procore.oauth import OAuth, TokenPair
from construction_mcp.procore.sign_in import SignIn
from construction_mcp.procore.tokens import Tokens
from construction_mcp.procore.vault import Vault
from construction_mcp.registry.catalog import View
from construction_mcp.server.app import build_server
from construction_mcp.store.connections import Connections, reseal
from construction_mcp.store.database import Database
from construction_mcp.store.meta import rotate_key
from tests.procore.signing import copied_code, unconnected

pytestmark = pytest.mark.anyio

PEOPLE = [Principal(f"user:{number}", Role.BUILDER, f"Person {number}") for number in range(10)]


@pytest.fixture
def clock():
    return ManualClock()


TOOLS = ("connect_procore", "check_procore_connection", "list_procore_companies")


def disguises(secret: str) -> Iterator[bytes]:
    """The secret as somebody might write it: raw, reversed, hex, URL-quoted, base64 at each of its three offsets."""
    raw = secret.encode()
    yield from (raw, raw[::-1], raw.hex().encode(), raw.hex().upper().encode(), quote(secret, safe="").encode())
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw)
        yield encoded[4 if offset else 0 : -4]  # what does not depend on the neighbours
        yield base64.urlsafe_b64encode(b"\0" * offset + raw)[4 if offset else 0 : -4]


def found_in(secrets: set[str], *places: bytes) -> set[str]:
    return {secret for secret in secrets for disguise in disguises(secret) for place in places if disguise in place}


def files_under(*folders: Path) -> list[bytes]:
    """Every file of ours; the simulator's own state plays Procore, which of course knows its tokens."""
    return [
        path.read_bytes()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("simulator.db")
    ]


def issued(simulator) -> set[str]:
    """What Procore gave out: a pair for each of ten people, twenty secrets."""
    tokens = list(simulator.world.table("token", 0))
    return {token[name] for token in tokens for name in ("access", "refresh") if token[name]}


async def connect_everybody(house, simulator) -> None:
    sign_in = await house.services.get(SignIn)
    for person in PEOPLE:
        code = await copied_code(simulator, sign_in.link(person, None))
        await sign_in.finish_with_code(person, code)


def test_every_disguise_is_recognised():
    """The search is worth nothing if it misses what it looks for."""
    secret = "canary-0123456789abcdef"
    around = [b"x" * offset + secret.encode() + b"yyy" for offset in range(3)]

    assert all(found_in({secret}, base64.b64encode(place)) for place in around)
    assert all(found_in({secret}, base64.urlsafe_b64encode(place)) for place in around)
    assert found_in({secret}, secret.encode().hex().encode())
    assert found_in({secret}, quote(secret + "/").encode())
    assert not found_in({secret}, b"canary-0123456789abcdeX")


async def test_no_token_is_readable_in_the_database_its_log_or_a_backup(tmp_path, clock):
    """S1: raw, base64, hex, url; the write-ahead log is read while it is still full."""
    async with unconnected(tmp_path, clock) as (house, simulator):
        await connect_everybody(house, simulator)
        await COMMANDS["backup"](house, {"target": str(tmp_path / "plain"), "with_keys": False})
        await COMMANDS["backup"](house, {"target": str(tmp_path / "keyed"), "with_keys": True})
        secrets = issued(simulator) | {simulator.world.app.client_secret}
        places = files_under(house.settings.data_dir, tmp_path / "plain", tmp_path / "keyed")
        names = {path.name for path in house.settings.data_dir.iterdir()}

        assert len(secrets) == 21
        assert "construction.db-wal" in names
        assert sum(map(len, places)) > 100_000
        assert found_in(secrets, *places) == set()


async def test_the_tokens_are_there_for_whoever_has_the_key(tmp_path, clock):
    """Otherwise the test above would pass by storing nothing."""
    async with unconnected(tmp_path, clock) as (house, simulator):
        await connect_everybody(house, simulator)
        connections, ring = await house.services.get(Connections), await house.services.get(KeyRing)
        link = await connections.of_principal(PEOPLE[0].id, "sandbox")
        pair = await Vault(connections, ring).load(link.id)

        assert {pair.access_token, pair.refresh_token} <= issued(simulator)


async def test_no_token_is_told_in_logs_results_errors_or_reprs(tmp_path, clock, caplog):
    """S2: everything at DEBUG, through good and bad days."""
    caplog.set_level(logging.DEBUG)
    said = []
    async with unconnected(tmp_path, clock) as (house, simulator):
        await connect_everybody(house, simulator)
        secrets = issued(simulator) | {simulator.world.app.client_secret}
        for person in PEOPLE[:3]:
            async with Client(build_server(house, View(("all",)), lambda _, who=person: who)) as client:
                said += [repr(await client.call_tool(tool, {})) for tool in TOOLS]
                simulator.faults.append([{"match": {"path": "/rest/*"}, "do": "401", "times": 50}])
                simulator.faults.append([{"match": {"path": "/oauth/token"}, "do": "403", "times": 50}])
                said.append(repr(await client.call_tool("list_procore_companies", {})))
                simulator.faults.append([])
                said.append(repr(await client.call_tool("disconnect_procore", {})))
                said.append(repr((await client.read_resource("integration://procore/capabilities")).contents))
        accounts, tokens = await house.services.get(Accounts), await house.services.get(Tokens)
        pair = TokenPair("a" * 40, clock.now(), "b" * 40)
        said += map(repr, (pair, house.settings, accounts.app(), accounts, tokens, await house.services.get(OAuth)))
        secrets |= issued(simulator) | {"a" * 40, "b" * 40}

    assert len(secrets) >= 20
    assert len(caplog.records) > 10
    logged = "\n".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    assert found_in(secrets, logged.encode(), *(one.encode() for one in said)) == set()


async def test_a_rotated_key_opens_every_token_and_the_old_one_none(tmp_path, clock):
    """`keys rotate` seals the stored pairs again in one transaction."""
    async with unconnected(tmp_path, clock) as (house, simulator):
        await connect_everybody(house, simulator)
        database, connections = await house.services.get(Database), await house.services.get(Connections)
        old = await house.services.get(KeyRing)
        new, count = await rotate_key(database, house.settings, [reseal])
        link = await connections.of_principal(PEOPLE[0].id, "sandbox")
        pair = await Vault(connections, new).load(link.id)

        assert count == 20
        assert pair.access_token in issued(simulator)
        with pytest.raises(Exception, match="does not open"):
            await Vault(connections, old).load(link.id)


async def test_a_pair_moved_to_another_row_does_not_open(tmp_path, clock):
    async with unconnected(tmp_path, clock) as (house, simulator):
        await connect_everybody(house, simulator)
        connections, ring = await house.services.get(Connections), await house.services.get(KeyRing)
        ana, ben = [await connections.of_principal(person.id, "sandbox") for person in PEOPLE[:2]]
        _, pair = await connections.kept(ana.id)
        await connections.keep(ben.id, pair)

        with pytest.raises(Exception, match="does not open"):
            await Vault(connections, ring).load(ben.id)
