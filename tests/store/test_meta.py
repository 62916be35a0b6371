"""The workspace's identity and its key."""

import asyncio
import os
import stat

import pytest

from construction_mcp.core.config import Settings
from construction_mcp.core.errors import Invalid, NotPermitted
from construction_mcp.core.keys import KEY_FILE, KeyRing, Place, new_key, read_key_file, write_key_file
from construction_mcp.store.meta import open_key_ring, rotate_key, workspace_id
from construction_mcp.store.queries import load

pytestmark = pytest.mark.anyio

PLACE = Place("connections", "conn_1", "refresh_token", "local:1", "sandbox")


@pytest.fixture
def settings(path) -> Settings:
    return Settings(data_dir=path.parent)


async def test_a_workspace_has_one_id_whoever_asks_first(database):
    ids = await asyncio.gather(*(workspace_id(database) for _ in range(5)))

    assert len(set(ids)) == 1
    assert await workspace_id(database) == ids[0]


async def test_the_first_start_makes_a_private_key_and_says_so(database, settings, caplog):
    ring = await open_key_ring(database, settings)
    again = await open_key_ring(database, settings)

    assert ring.fingerprint == again.fingerprint
    assert stat.S_IMODE((settings.data_dir / KEY_FILE).stat().st_mode) == 0o600
    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_another_key_is_refused(database, settings):
    await open_key_ring(database, settings)
    write_key_file(settings.data_dir / KEY_FILE, [new_key()])
    with pytest.raises(NotPermitted) as caught:
        await open_key_ring(database, settings)

    assert caught.value.code == "AUTH_KEY_MISMATCH"


async def test_a_lost_key_is_never_silently_replaced(database, settings):
    await open_key_ring(database, settings)
    (settings.data_dir / KEY_FILE).unlink()
    with pytest.raises(NotPermitted):
        await open_key_ring(database, settings)

    assert not (settings.data_dir / KEY_FILE).exists()


async def test_a_key_file_that_was_named_is_not_made_up(database, settings, tmp_path):
    from dataclasses import replace

    with pytest.raises(NotPermitted):
        await open_key_ring(database, replace(settings, key_file=tmp_path / "missing.key"))


async def test_rotation_seals_stored_values_again_in_one_transaction(database, settings):
    """The table stands in for the ones that hold tokens; the rows go through the same functions."""
    meta = load("meta")
    old = await open_key_ring(database, settings)
    sealed = old.seal(b"token", PLACE).hex()
    await database.write(lambda tx: tx.run(meta.set, key="sealed", value=sealed))

    def reseal(tx, ring: KeyRing) -> int:
        plain = ring.unseal(bytes.fromhex(tx.value(meta.get, key="sealed")), PLACE)
        tx.run(meta.set, key="sealed", value=ring.seal(plain, PLACE).hex())
        return 1

    commits = database.stats()["commits"]
    ring, count = await rotate_key(database, settings, [reseal])
    stored = bytes.fromhex(await database.read(lambda tx: tx.value(meta.get, key="sealed")))
    reopened = await open_key_ring(database, settings)

    assert database.stats()["commits"] - commits == 1
    assert count == 1
    assert ring.fingerprint == reopened.fingerprint != old.fingerprint
    assert reopened.unseal(stored, PLACE) == b"token"
    assert len(read_key_file(settings.data_dir / KEY_FILE)) == 1
    with pytest.raises(NotPermitted):
        old.unseal(stored, PLACE)


async def test_a_rotation_cut_short_leaves_a_directory_that_opens(database, settings):
    old = await open_key_ring(database, settings)

    def crash(_tx, _ring) -> int:
        raise KeyError("the power went")

    with pytest.raises(KeyError):
        await rotate_key(database, settings, [crash])

    assert len(read_key_file(settings.data_dir / KEY_FILE)) == 2
    assert (await open_key_ring(database, settings)).fingerprint == old.fingerprint
    ring, _ = await rotate_key(database, settings)
    assert (await open_key_ring(database, settings)).fingerprint == ring.fingerprint


async def test_a_key_from_the_environment_is_rotated_by_its_owner(database, settings):
    import base64
    from dataclasses import replace

    given = replace(settings, key=base64.b64encode(os.urandom(32)).decode())
    await open_key_ring(database, given)
    with pytest.raises(Invalid):
        await rotate_key(database, given)

    assert not (settings.data_dir / KEY_FILE).exists()


async def test_no_secret_of_the_ring_is_in_the_database(database, settings, path):
    ring = await open_key_ring(database, settings)
    (key,) = read_key_file(settings.data_dir / KEY_FILE)
    await database.close()
    stored = b"".join(file.read_bytes() for file in path.parent.glob("construction.db*"))

    assert key not in stored
    assert key.hex().encode() not in stored
    assert key.hex() not in repr(ring)
