"""What people were told, kept for `notifications_kept_days`."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.ids import new_id
from construction_mcp.store.columns import json_text, optional_time_from, time_from, time_text
from construction_mcp.store.database import Database
from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import load

_sql = load("notifications")

Status = Literal["sending", "sent", "failed", "uncertain"]
_AFTER_ALL = "9999"  # later than any moment, as text


@dataclass(frozen=True, slots=True)
class New:
    """A notification that is about to be sent. `recipients` are masked already."""

    principal: str
    channel: str
    template: str | None
    subject: str
    recipients: Sequence[str]


@dataclass(frozen=True, slots=True)
class Kept:
    """A notification and what became of it; `error` is a public code, `refused` are recipients that were not taken."""

    id: str
    principal: str
    channel: str
    template: str | None
    subject: str
    recipients: list[str]
    refused: list[str]
    status: Status
    error: str | None
    message_id: str | None
    created_at: datetime
    finished_at: datetime | None


class Notifications:
    """The notifications of one data directory."""

    def __init__(self, database: Database, clock: Clock, limits: Limits) -> None:
        self._database = database
        self._clock = clock
        self._limits = limits

    async def begin(self, new: New) -> str:
        """Keep it before it is sent, and drop what is old; its id."""
        kept_id, now = new_id("ntf"), self._clock.now()
        before = time_text(now - timedelta(days=self._limits.notifications_kept_days))
        columns = {
            "principal": new.principal,
            "channel": new.channel,
            "template": new.template,
            "subject": new.subject,
            "recipients": json_text(list(new.recipients)),
        }

        def write(tx: Tx) -> None:
            tx.run(_sql.forget, before=before)
            tx.run(_sql.begin, id=kept_id, **columns, now=time_text(now))

        await self._database.write(write)
        return kept_id

    async def finish(
        self,
        kept_id: str,
        status: Literal["sent", "failed", "uncertain"],
        error: str | None,
        message_id: str | None = None,
        refused: Sequence[str] = (),
    ) -> None:
        """Keep what became of it; a second outcome is ignored."""
        columns = {"error": error, "message_id": message_id, "refused": json_text(list(refused))}
        now = time_text(self._clock.now())
        await self._database.write(lambda tx: tx.run(_sql.finish, id=kept_id, status=status, **columns, now=now))

    async def settle_left_open(self) -> int:
        """Those that a process was sending when it ended have no known outcome; how many."""
        now = time_text(self._clock.now())
        return await self._database.write(lambda tx: tx.run(_sql.settle_left_open, now=now))

    async def page(
        self,
        *,
        principal: str | None,
        failed: bool,
        before: tuple[str, str] | None,
        most: int,
    ) -> list[Kept]:
        """Newest first, those older than `before` (a row's time as text, and id); everybody's without a principal.

        failed: only those that failed or have no known outcome.
        """
        before_at, before_id = before or (_AFTER_ALL, "")
        filters = {"failed": int(failed), "before_at": before_at, "before_id": before_id, "most": most}

        def read(tx: Tx) -> list[sqlite3.Row]:
            if principal is None:
                return tx.all(_sql.page, **filters)
            return tx.all(_sql.page_of, principal=principal, **filters)

        return [_kept(row) for row in await self._database.read(read)]


def _kept(row: sqlite3.Row) -> Kept:
    return Kept(
        id=row["id"],
        principal=row["principal"],
        channel=row["channel"],
        template=row["template"],
        subject=row["subject"],
        recipients=json.loads(row["recipients"]),
        refused=json.loads(row["refused"]),
        status=row["status"],
        error=row["error"],
        message_id=row["message_id"],
        created_at=time_from(row["created_at"]),
        finished_at=optional_time_from(row["finished_at"]),
    )
