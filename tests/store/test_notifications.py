"""Notifications are kept before they are sent, settled after a crash, and forgotten in time."""

import pytest

from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Limits
from construction_mcp.store.database import Database
from construction_mcp.store.notifications import Kept, New, Notifications

pytestmark = pytest.mark.anyio

LIMITS = Limits()
NEW = New("user:ana", "email", "rfi_overdue_alert", "2 overdue RFIs", ["a…@builder.com"])
DAY_S = 86_400.0


async def everything(kept: Notifications) -> list[Kept]:
    return await kept.page(principal=None, failed=False, before=None, most=100)


async def test_what_a_dead_process_was_sending_has_no_known_outcome(tmp_path):
    database = await Database.open(tmp_path / "x.db", limits=LIMITS)
    kept = Notifications(database, ManualClock(), LIMITS)
    await kept.begin(NEW)
    sent = await kept.begin(NEW)
    await kept.finish(sent, "sent", None, "<1@builder.com>")
    settled = await kept.settle_left_open()
    rows = await everything(kept)
    await database.close()

    assert settled == 1
    assert sorted((row.status, row.error) for row in rows) == sorted(
        [("sent", None), ("uncertain", "NOTIFY_OUTCOME_UNKNOWN")], key=str
    )


async def test_a_second_outcome_is_ignored(tmp_path):
    database = await Database.open(tmp_path / "x.db", limits=LIMITS)
    kept = Notifications(database, ManualClock(), LIMITS)
    one = await kept.begin(NEW)
    await kept.finish(one, "sent", None, "<1@builder.com>", ["b…@builder.com"])
    await kept.finish(one, "failed", "NOTIFY_REFUSED")
    (row,) = await everything(kept)
    await database.close()

    assert (row.status, row.error, row.message_id, row.refused) == ("sent", None, "<1@builder.com>", ["b…@builder.com"])


async def test_old_ones_go_with_the_next_new_one(tmp_path):
    clock = ManualClock()
    database = await Database.open(tmp_path / "x.db", limits=LIMITS)
    kept = Notifications(database, clock, LIMITS)
    await kept.begin(NEW)
    clock.advance((LIMITS.notifications_kept_days + 1) * DAY_S)
    new = await kept.begin(NEW)
    rows = await everything(kept)
    await database.close()

    assert [row.id for row in rows] == [new]
