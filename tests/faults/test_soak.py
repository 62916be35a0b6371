"""Thousands of deliveries and their executions through one process: it grows by nothing that would end it.

Source: security.md R10, engine.md failure test 10. Slow; SOAK_S says for how long (180 s), `-s` shows the numbers.
"""

import asyncio
import gc
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.standing import broken
from tests.faults.test_storage import AT_THE_DOOR, BY_THE_INBOX, Shop, shop_at

pytestmark = pytest.mark.anyio

SOAK_S = float(os.environ.get("SOAK_S", "180"))
WARM, ROUND = 1_000, 200
GROWTH_MB_PER_10_000 = 1.0
WAL_MB = 64.0
WITHIN_S = 120.0
_PROC = Path("/proc/self")
_MB = 1024 * 1024


@dataclass(frozen=True)
class Size:
    """Of this process now."""

    rss_mb: float
    fds: int
    threads: int

    @classmethod
    def now(cls) -> "Size":
        gc.collect()
        pages = int((_PROC / "statm").read_text().split()[1])
        return cls(pages * os.sysconf("SC_PAGESIZE") / _MB, len(os.listdir(_PROC / "fd")), threading.active_count())


@pytest.mark.slow
@pytest.mark.skipif(not _PROC.exists(), reason="the process's size is read from /proc")
@pytest.mark.parametrize("door", [AT_THE_DOOR, BY_THE_INBOX], ids=["door", "inbox"])
async def test_a_long_life_grows_by_nothing(tmp_path: Path, door: dict[str, str]):
    async with shop_at(tmp_path) as shop:
        shop.text = "a line"
        await shop.deploy(door)
        working = asyncio.create_task(shop.house.run_services())
        count = 0
        while count < WARM:
            count = await _round(shop, count)
        before, wal_mb, began = Size.now(), 0.0, time.monotonic()
        warm = count
        while time.monotonic() - began < SOAK_S:
            count = await _round(shop, count)
            wal_mb = max(wal_mb, _wal_mb(shop))
            assert not working.done()
        after = Size.now()
        ended = shop.rows("SELECT status, count(*) FROM executions GROUP BY status")
        working.cancel()
        await asyncio.wait([working])
        damage = broken(shop.house.settings.database_file)

    growth = (after.rss_mb - before.rss_mb) / (count - warm) * 10_000
    grown = f"{growth:+.2f} MB per 10,000, {before} -> {after}, WAL {wal_mb:.1f} MB"
    told = f"{count - warm} executions in {SOAK_S:g} s: {grown}"
    print(told)
    assert ended == [("completed", count)], told
    assert growth < GROWTH_MB_PER_10_000, told
    assert after.fds <= before.fds + 2, told
    assert after.threads <= before.threads, told
    assert wal_mb < WAL_MB, told
    assert damage == []


async def _round(shop: Shop, sent: int) -> int:
    """Deliveries side by side, all carried out to their end; how many there are by now."""
    statuses = await asyncio.gather(*(shop.post(sent + at) for at in range(ROUND)))
    assert set(statuses) == {202}
    shop.answers.clear()
    async with asyncio.timeout(WITHIN_S):
        while shop.rows(_LEFT) != [(0, 0)]:  # noqa: ASYNC110 - the store has no event for what others wrote
            await asyncio.sleep(0.02)
    return sent + ROUND


_LEFT = """
SELECT (SELECT count(*) FROM executions WHERE status IN ('queued', 'running', 'waiting')),
       (SELECT count(*) FROM deliveries WHERE outcome = 'accepted')
"""


def _wal_mb(shop: Shop) -> float:
    file = shop.house.settings.database_file
    return file.with_name(file.name + "-wal").stat().st_size / _MB
