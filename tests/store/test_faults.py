"""R3: what the store does when the disk is full, read-only or damaged. The reasons are real, not injected errors."""

import asyncio
import hashlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from construction_mcp.core.clock import ManualClock
from construction_mcp.core.errors import Unavailable
from construction_mcp.core.types import Role
from construction_mcp.store.database import Database
from construction_mcp.store.queries import Query, load
from construction_mcp.store.users import Users
from construction_mcp.store.workflows import Draft, Workflows
from tests.store.conftest import QUICK

pytestmark = pytest.mark.anyio

META = load("meta")
CORRUPTIONS = 100


def put(key: str, size: int = 1):
    return lambda tx: tx.run(META.set, key=key, value="v" * size)


async def outcome(awaitable) -> str:
    try:
        await awaitable
    except Unavailable as error:
        return error.code
    return "ok"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of four MiB of its own: the empty database and its log fit, and little more."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a tmpfs; the page limit and file size limit tests cover the codes")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def fill(place: Path) -> Path:
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while file.write(b"\0" * size) == size:
                    pass
            except OSError:
                continue
    return filler


async def every_write(database: Database) -> list[str]:
    """The outcome of each kind of write there is."""
    clock = ManualClock()
    workflows, users = Workflows(database, clock), Users(database, clock)
    big = "v" * 20_000  # more than any slack inside allocated pages
    (made,) = (await workflows.list(limit=1)).items
    return [
        await outcome(workflows.create(Draft(big, "simulator", "local:1"))),
        await outcome(workflows.update(made.id, {"description": big})),
        await outcome(workflows.add_actions(made.id, [{"key": "big", "type": big}])),
        await outcome(workflows.update_action(made.id, "a", {"key": "a", "type": big})),
        await outcome(users.add(big, Role.VIEWER)),
        await outcome(database.write(put("big", 20_000))),
        await outcome(database.write(put("big", 20_000), durable=True)),
    ]


async def with_one_workflow(path: Path) -> Database:
    database = await Database.open(path, limits=QUICK)
    await Workflows(database, ManualClock()).create(Draft("w", "simulator", "local:1"), [{"key": "a", "type": "t"}])
    return database


async def test_a_full_disk_refuses_every_write_and_recovers_without_a_restart(small_disk):
    database = await with_one_workflow(small_disk / "construction.db")
    filler = fill(small_disk)
    while_full = await every_write(database)
    reads = await Workflows(database, ManualClock()).list(limit=5)
    filler.unlink()
    afterwards = await every_write(database)
    await database.close()

    assert while_full == ["SYSTEM_STORAGE_FULL"] * 7
    assert reads.total == 1
    assert afterwards == ["ok"] * 7


async def test_a_full_database_fails_whom_it_must_and_commits_the_rest(path):
    """SQLITE_FULL undoes the shared transaction; functions that fit run again and commit."""
    database = await with_one_workflow(path)
    pages = Query("test.pages", "value", "How large it is.", "PRAGMA page_count")
    count = await database.read(lambda tx: tx.value(pages))
    limit = Query("test.limit", "value", "No further.", f"PRAGMA max_page_count = {count}")
    await database.read(lambda tx: tx.value(limit))
    outcomes = await asyncio.gather(
        outcome(database.write(put("small 1"))),
        outcome(database.write(put("large", 100_000))),
        outcome(database.write(put("small 2"))),
    )
    kept = [await database.read(lambda tx, k=key: tx.value(META.get, key=k)) for key in ("small 1", "large", "small 2")]
    await database.close()

    assert outcomes == ["ok", "SYSTEM_STORAGE_FULL", "ok"]
    assert kept == ["v", None, "v"]


def in_child(program: str, *arguments: str, **options) -> dict:
    """Run a program that prints one JSON object; for limits and users that a test process must not take on."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        **options,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def test_a_file_size_limit_is_a_full_disk(path):
    database = await with_one_workflow(path)
    await database.close()
    answer = in_child(
        """
        import asyncio, json, resource, signal, sys
        from pathlib import Path
        from tests.store.test_faults import every_write, with_one_workflow

        async def main():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            database = await with_one_workflow(Path(sys.argv[1]))
            size = (Path(sys.argv[1] + "-wal")).stat().st_size
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            outcomes = await every_write(database)
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            again = await every_write(database)
            await database.close()
            return {"limited": outcomes, "again": again}

        print(json.dumps(asyncio.run(main())))
        """,
        str(path),
    )

    assert answer == {"limited": ["SYSTEM_STORAGE_FULL"] * 7, "again": ["ok"] * 7}


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
async def test_a_database_that_may_only_be_read_says_so(path):
    """As root permissions mean nothing, so the attempt is made by a child that gave root away."""
    database = await with_one_workflow(path)
    await database.close()
    path.chmod(0o444)
    for directory in (path.parent, *path.parent.parents):
        if os.geteuid() == 0 and directory.stat().st_uid == 0 and str(directory).count("/") > 1:
            directory.chmod(0o755)
    path.parent.chmod(0o555)
    answer = in_child(
        """
        import asyncio, json, os, sys
        from pathlib import Path
        from tests.store.test_faults import open_and_write

        if os.geteuid() == 0:
            os.setgroups([]); os.setgid(65534); os.setuid(65534)
        print(json.dumps(asyncio.run(open_and_write(Path(sys.argv[1])))))
        """,
        str(path),
    )
    path.parent.chmod(0o755)

    assert answer == {"outcome": "SYSTEM_STORAGE_READONLY"}


async def open_and_write(path: Path) -> dict[str, str]:
    async def act() -> None:
        database = await Database.open(path, limits=QUICK)
        try:
            await database.write(put("k"))
        finally:
            await database.close()

    return {"outcome": await outcome(act())}


async def sample(path: Path) -> None:
    database = await with_one_workflow(path)
    workflows = Workflows(database, ManualClock())
    for i in range(60):
        await workflows.create(
            Draft(f"w{i}", "simulator", "local:1", description="x" * 500), [{"key": "a", "type": "t"}]
        )
    await database.close()


def damage(path: Path, seed: int) -> None:
    """Overwrite a random stretch with noise, or cut the file; every third time the stretch starts where a page does."""
    chance = random.Random(seed)
    size = path.stat().st_size
    kind = seed % 6
    with path.open("r+b") as file:
        if kind == 5:
            file.truncate(chance.randrange(1, size))
            return
        start = chance.randrange(size // 4096) * 4096 if kind in (0, 3) else chance.randrange(size)
        file.seek(0 if kind == 4 else start)
        file.write(chance.randbytes(chance.choice((8, 64, 512, 4096)))[: size - start])


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def is_damaged(path: Path) -> bool:
    """SQLite's own verdict, from a connection that cannot touch the file."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as judge:
            return judge.execute("PRAGMA integrity_check").fetchall() != [("ok",)]
    except (sqlite3.Error, UnicodeDecodeError):  # the damage that a message quotes need not be UTF-8
        return True


async def use(path: Path) -> None:
    database = await Database.open(path, limits=QUICK)
    try:
        await Workflows(database, ManualClock()).list(limit=100, text="w")
        await database.write(put("k"))
    finally:
        await database.close()


async def test_100_random_corruptions_are_refused_with_the_file_untouched_or_harmless(tmp_path):
    """Noise inside a row's own text looks like text; everything else must be found before anything is written."""
    original = tmp_path / "original.db"
    await sample(original)
    refused = 0
    for seed in range(CORRUPTIONS):
        path = tmp_path / f"damaged-{seed}.db"
        shutil.copy(original, path)
        damage(path, seed)
        before = digest(path)
        allowed = {"SYSTEM_STORAGE_CORRUPT"} if is_damaged(path) else {"SYSTEM_STORAGE_CORRUPT", "ok"}
        code = await outcome(use(path))

        assert code in allowed, f"seed {seed}: {code}"
        if code != "ok":
            refused += 1
            assert digest(path) == before, f"seed {seed}: the file was changed"
        path.unlink()

    assert refused >= CORRUPTIONS // 2


async def test_damage_met_while_running_stops_every_later_write(path):
    """What start-up did not see (a large file, a disk that fails later) is not written over."""
    await sample(path)
    roots = dict(sqlite3.connect(path).execute("SELECT name, rootpage FROM sqlite_schema WHERE rootpage > 0"))
    with path.open("r+b") as file:
        file.seek((roots["workflows_by_update"] - 1) * 4096)
        file.write(b"\xff" * 4096)
    before = digest(path)
    database = await Database.open(path, limits=replace(QUICK, check_on_open_bytes_max=0))
    outcomes = [
        await outcome(Workflows(database, ManualClock()).list(limit=5)),
        await outcome(database.write(put("k"))),
        await outcome(database.read(lambda tx: tx.value(META.get, key="k"))),
    ]
    await database.close()

    assert outcomes == ["SYSTEM_STORAGE_CORRUPT", "SYSTEM_STORAGE_CORRUPT", "ok"]
    assert digest(path) == before


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\x00", b"\x00" * 8192])
async def test_a_file_that_is_no_database_is_left_alone(path, content):
    path.write_bytes(content)

    assert await outcome(use(path)) == "SYSTEM_STORAGE_CORRUPT"
    assert path.read_bytes() == content
    assert [file.name for file in path.parent.iterdir()] == [path.name]
