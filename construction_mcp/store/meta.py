"""Facts about the data directory itself: its id, which key it belongs to, whether it is a copy in standby."""

import asyncio
from collections.abc import Callable, Sequence

from construction_mcp.core.config import Settings
from construction_mcp.core.errors import Invalid
from construction_mcp.core.ids import new_id
from construction_mcp.core.keys import KeyRing, key_file, load_key_ring, new_key, read_key_file, write_key_file
from construction_mcp.store.database import Database
from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import load

_sql = load("meta")

FINGERPRINT = "key_fingerprint"
STANDBY = "standby"
WORKSPACE = "workspace_id"

Reseal = Callable[[Tx, KeyRing], int]
"""Reads the sealed values of one table, writes them sealed with the ring's current key, and says how many."""


async def workspace_id(database: Database) -> str:
    """The random id of this workspace, made on first use."""
    fresh = new_id("ws")
    known: str | None = await database.read(lambda tx: tx.value(_sql.get, key=WORKSPACE))
    return known or str(await database.write(lambda tx: tx.value(_sql.keep_first, key=WORKSPACE, value=fresh)))


async def standby_since(database: Database) -> str | None:
    """When this directory was restored from a backup, until it takes over; None for a live one."""
    return await database.read(lambda tx: tx.value(_sql.get, key=STANDBY))


async def take_over(database: Database) -> bool:
    """End standby; False when there was none."""
    return bool(await database.write(lambda tx: tx.run(_sql.remove, key=STANDBY), durable=True))


async def open_key_ring(database: Database, settings: Settings) -> KeyRing:
    """The workspace's keys, bound to its database on first use.

    Raises:
        NotPermitted: AUTH_KEY_MISMATCH; another key, or none where there was one.
    """
    fingerprint = await database.read(lambda tx: tx.value(_sql.get, key=FINGERPRINT))
    ring = await asyncio.to_thread(load_key_ring, settings, fingerprint)
    if fingerprint is None:
        await database.write(
            lambda tx: tx.value(_sql.keep_first, key=FINGERPRINT, value=ring.fingerprint), durable=True
        )
    return ring


async def rotate_key(database: Database, settings: Settings, reseals: Sequence[Reseal] = ()) -> tuple[KeyRing, int]:
    """Replace the key; the new ring and how many stored values were sealed again, all in one transaction.

    The file holds both keys until the transaction is durable, so a crash at any moment leaves a directory that opens.

    Raises:
        Invalid: the key comes from the environment, which only its owner can change. NotPermitted: as `open_key_ring`.
    """
    if settings.key is not None and settings.key_file is None:
        raise Invalid("The key is set by CONSTRUCTION_MCP_KEY.", hint="Move it to a file (CONSTRUCTION_MCP_KEY_FILE).")
    await open_key_ring(database, settings)
    file = key_file(settings)
    fresh = new_key()
    both = [fresh, *await asyncio.to_thread(read_key_file, file)]
    await asyncio.to_thread(write_key_file, file, both)
    ring = KeyRing(both)

    def write(tx: Tx) -> int:
        count = sum(reseal(tx, ring) for reseal in reseals)
        tx.run(_sql.set, key=FINGERPRINT, value=ring.fingerprint)
        return count

    count = await database.write(write, durable=True)
    await asyncio.to_thread(write_key_file, file, [fresh])
    return KeyRing([fresh]), count
