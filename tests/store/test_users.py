"""Who may call: bearers are shown once, kept as hashes, and end when they should."""

from datetime import timedelta

import pytest

from construction_mcp.core.errors import NeedsLogin, NotFound
from construction_mcp.core.types import Role

pytestmark = pytest.mark.anyio


async def test_a_bearer_lets_its_user_in_with_the_role_given(users):
    user, bearer = await users.add("Ana", Role.BUILDER)
    principal = (await users.authenticate(bearer)).principal

    assert (principal.id, principal.role, principal.name) == (f"user:{user.id}", Role.BUILDER, "Ana")


async def test_the_bearer_is_nowhere_in_the_files(users, database, path):
    _, bearer = await users.add("Ana", Role.BUILDER)
    await database.close()

    assert bearer.encode() not in b"".join(file.read_bytes() for file in path.parent.iterdir())


@pytest.mark.parametrize("wrong", ["", "cmcp_", "cmcp_" + "x" * 43, "\ud800", "' OR 1=1 --"])
async def test_an_unknown_bearer_is_refused(users, wrong):
    await users.add("Ana", Role.BUILDER)
    with pytest.raises(NeedsLogin):
        await users.authenticate(wrong)


async def test_a_revoked_bearer_is_refused_and_the_first_revocation_stands(users, clock):
    user, bearer = await users.add("Ana", Role.BUILDER)
    first = await users.revoke(user.id)
    clock.advance(60)
    second = await users.revoke(user.id)
    with pytest.raises(NeedsLogin):
        await users.authenticate(bearer)

    assert first.revoked_at == second.revoked_at


async def test_a_bearer_ends_at_its_expiry(users, clock):
    _, bearer = await users.add("Ana", Role.BUILDER, expires_at=clock.now() + timedelta(days=1))
    clock.advance(86_399)
    await users.authenticate(bearer)
    clock.advance(1)
    with pytest.raises(NeedsLogin):
        await users.authenticate(bearer)


async def test_rotation_swaps_the_bearer_and_keeps_the_person(users, clock):
    expires_at = clock.now() + timedelta(days=1)
    user, old = await users.add("Ana", Role.APPROVER, expires_at=expires_at)
    rotated, new = await users.rotate(user.id)
    with pytest.raises(NeedsLogin):
        await users.authenticate(old)

    assert (await users.authenticate(new)).id == user.id
    assert (rotated.role, rotated.expires_at) == (Role.APPROVER, expires_at)


async def test_a_revoked_user_cannot_be_rotated_back_in(users):
    user, _ = await users.add("Ana", Role.BUILDER)
    await users.revoke(user.id)
    with pytest.raises(NotFound):
        await users.rotate(user.id)


async def test_last_use_is_written_at_most_once_a_minute(users, database, clock):
    _, bearer = await users.add("Ana", Role.BUILDER)
    before = database.stats()["writes"]
    for _ in range(5):
        await users.authenticate(bearer)
        clock.advance(11)
    within = database.stats()["writes"] - before
    clock.advance(10)
    await users.authenticate(bearer)

    assert within == 1
    assert database.stats()["writes"] - before == 2


async def test_everybody_is_listed_without_hashes(users):
    await users.add("Ana", Role.BUILDER)
    await users.add("Bo", Role.VIEWER)

    assert [user.name for user in await users.list()] == ["Ana", "Bo"]
    assert not any("hash" in name for name in type((await users.list())[0]).__slots__)


async def test_a_user_that_is_not_there_is_said_so(users):
    with pytest.raises(NotFound):
        await users.revoke("user_none")
