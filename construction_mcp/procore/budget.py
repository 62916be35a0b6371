"""How many requests a call and a session may cost, and what was spent per execution and day.

Procore's terms forbid bulk export and watch for it, so every request is charged to what caused it.
Source: Procore "API Usage Guidelines", "Integration Health".
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date

from cachetools import LRUCache

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.procore.failures import budget_spent
from construction_mcp.procore.limiter import Priority, Standby


@dataclass(slots=True)
class Account:
    """What one call may still spend, how urgent it is, and whom it is charged to besides.

    standby: hears that it waits for its turn. before_write: raises where a change must not be sent any more; awaited
    each time right before one is.
    """

    left: int
    priority: Priority = Priority.INTERACTIVE
    session: str | None = None
    execution: str | None = None
    standby: Standby | None = None
    before_write: Callable[[], Awaitable[None]] | None = None


current_account: ContextVar[Account | None] = ContextVar("current_account", default=None)


class Usage:
    """Counts since start; days are UTC, the oldest dropped beyond `usage_days_kept`."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self._clock = clock
        self._limits = limits
        self._days: OrderedDict[date, dict[tuple[str, int | None], int]] = OrderedDict()
        self._sessions: LRUCache[tuple[str, date], int] = LRUCache(limits.usage_scopes_max)
        self._executions: LRUCache[str, int] = LRUCache(limits.usage_scopes_max)

    def new_account(
        self,
        *,
        priority: Priority = Priority.INTERACTIVE,
        session: str | None = None,
        execution: str | None = None,
    ) -> Account:
        """An account for one call; bind it with `current_account.set`."""
        return Account(self._limits.requests_per_call, priority, session, execution)

    def charge(self, connection: str, company: int | None) -> None:
        """Charge one request to the current account and the day.

        Raises:
            Invalid: PROCORE_BUDGET_SPENT; nothing may be sent.
        """
        account = current_account.get()
        today = self._clock.now().date()
        if account is not None:
            self._spend(account, today)
        day = self._days.setdefault(today, {})
        day[connection, company] = day.get((connection, company), 0) + 1
        while len(self._days) > self._limits.usage_days_kept:
            self._days.popitem(last=False)

    def left(self) -> int:
        """Requests the current call may still send."""
        account = current_account.get()
        return self._limits.requests_per_call if account is None else max(0, account.left)

    def of_day(self, day: date) -> dict[tuple[str, int | None], int]:
        """Requests of that day by connection and company."""
        return dict(self._days.get(day, {}))

    def of_session(self, session: str) -> int:
        """Requests the session has caused today."""
        return self._sessions.get((session, self._clock.now().date()), 0)

    def of_execution(self, execution: str) -> int:
        """Requests the execution has caused."""
        return self._executions.get(execution, 0)

    def _spend(self, account: Account, today: date) -> None:
        if account.left <= 0:
            raise budget_spent("call", self._limits.requests_per_call)
        if account.session is not None:
            spent = self._sessions.get((account.session, today), 0)
            if spent >= self._limits.requests_per_session:
                raise budget_spent("session", self._limits.requests_per_session)
            self._sessions[account.session, today] = spent + 1
        if account.execution is not None:
            self._executions[account.execution] = self._executions.get(account.execution, 0) + 1
        account.left -= 1
