"""Drops what is older than people look: in small batches, so that nobody waits behind one."""

import logging
from datetime import datetime, timedelta

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Settings
from construction_mcp.core.errors import ConstructionError
from construction_mcp.store.database import Database
from construction_mcp.store.deliveries import Deliveries
from construction_mcp.store.groups import Tx
from construction_mcp.store.retention import forget_alerts, forget_executions, forget_oldest
from construction_mcp.store.rollups import add_batch, forget_rollups

log = logging.getLogger(__name__)


class Janitor:
    """One per process."""

    def __init__(self, database: Database, deliveries: Deliveries, settings: Settings, clock: Clock) -> None:
        self._database = database
        self._deliveries = deliveries
        self._kept = timedelta(days=settings.retention_days)
        self._kept_failed = timedelta(days=max(settings.retention_days, settings.limits.retention_failures_days))
        self._limits = settings.limits
        self._clock = clock

    async def run(self) -> None:
        """Tidy at start and then every `janitor_look_s` seconds, for ever."""
        while True:
            try:
                await self.tidy()
            except ConstructionError as problem:  # the next round goes on
                log.warning("old executions could not be dropped: %s", problem.message)
            await self._clock.sleep(self._limits.janitor_look_s)

    async def tidy(self) -> int:
        """Drop all that is due for it; how many executions. Others get their turn between two batches."""
        now, most, dropped = self._clock.now(), self._limits.janitor_batch, 0
        while await self._database.write(add_batch):  # what is dropped has been counted
            pass

        def batch(tx: Tx) -> int:
            aged = forget_executions(tx, now - self._kept, now - self._kept_failed, most)
            return aged or forget_oldest(tx, self._limits.executions_kept_max, most)

        while gone := await self._database.write(batch):
            dropped += gone
        await self._forget_rollups(now)
        await self._database.write(lambda tx: forget_alerts(tx, now - self._kept))
        await self._deliveries.forget(now - timedelta(days=self._limits.deliveries_kept_days))
        return dropped

    async def _forget_rollups(self, now: datetime) -> None:
        hours_before = now - timedelta(days=self._limits.rollup_hours_kept_days)
        days_before = now - timedelta(days=self._limits.rollup_days_kept_days)
        most = self._limits.rollup_rows_batch
        while await self._database.write(lambda tx: forget_rollups(tx, hours_before, days_before, most)):
            pass
