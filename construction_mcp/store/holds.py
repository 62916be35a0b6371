"""What pause_all holds."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from construction_mcp.store import audit
from construction_mcp.store.columns import time_from, time_text
from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import load

_sql = load("holds")

Scope = Literal["all", "project", "connection"]


@dataclass(frozen=True, slots=True)
class Hold:
    """Everything (subject empty), a project's id, or the principal whose connection it is."""

    scope: Scope
    subject: str
    held_by: str
    held_at: datetime


def hold(tx: Tx, scope: Scope, subject: str, principal: str, now: datetime) -> None:
    """Hold it from now on."""
    if tx.run(_sql.hold, scope=scope, subject=subject, held_by=principal, now=time_text(now)):
        audit.append(tx, audit.Entry(principal, "pause_all", "done", f"Hold {_words(scope, subject)}"), now)


def release(tx: Tx, scope: Scope, subject: str, principal: str, now: datetime) -> None:
    """Let exactly this go on."""
    if tx.run(_sql.release, scope=scope, subject=subject):
        audit.append(tx, audit.Entry(principal, "resume_all", "done", f"Release {_words(scope, subject)}"), now)


def held(tx: Tx) -> list[Hold]:
    """What is held now, oldest first."""
    return [Hold(**{**dict(row), "held_at": time_from(row["held_at"])}) for row in tx.all(_sql.all)]


def _words(scope: Scope, subject: str) -> str:
    return "everything" if scope == "all" else f"{scope} {subject}"
