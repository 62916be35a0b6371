"""pause_all and resume_all: the brake that a person pulls.

A hold is a row that whoever claims work asks for in the claim itself, so it counts from its commit on. Nothing is lost:
executions stay queued, due times stay due and are missed by their policy, deliveries are still accepted.
"""

from construction_mcp.core.clock import Clock
from construction_mcp.core.waking import Bell
from construction_mcp.store.database import Database
from construction_mcp.store.groups import Tx
from construction_mcp.store.holds import Hold, Scope, held, hold, release


class Holds:
    """One per process. `arrivals` and `due_changed` wake whoever may go on after a release."""

    def __init__(self, database: Database, arrivals: Bell, due_changed: Bell, clock: Clock) -> None:
        self._database = database
        self._arrivals = arrivals
        self._due_changed = due_changed
        self._clock = clock

    async def hold(self, scope: Scope, subject: str, principal: str) -> list[Hold]:
        """Hold everything, a project or a connection; all that is held then."""
        now = self._clock.now()

        def write(tx: Tx) -> list[Hold]:
            hold(tx, scope, subject, principal, now)
            return held(tx)

        return await self._database.write(write, durable=True)

    async def release(self, scope: Scope, subject: str, principal: str) -> list[Hold]:
        """Let it go on; all that is still held."""
        now = self._clock.now()

        def write(tx: Tx) -> list[Hold]:
            release(tx, scope, subject, principal, now)
            return held(tx)

        left = await self._database.write(write, durable=True)
        self._arrivals.ring()
        self._due_changed.ring()
        return left
