"""The people of a workspace: each has a role and one bearer, of which only the hash is kept."""

import hashlib
import hmac
import secrets
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

from construction_mcp.core.clock import Clock
from construction_mcp.core.errors import NeedsLogin, NotFound
from construction_mcp.core.ids import new_id
from construction_mcp.core.types import Principal, Role
from construction_mcp.store import audit
from construction_mcp.store.columns import optional_time_from, optional_time_text, time_from, time_text
from construction_mcp.store.database import Database
from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import load

_sql = load("users")

_BEARER_BYTES = 32
_OPERATOR = "operator"  # whoever runs commands on this machine, where nobody says who that is
_USED_EVERY = timedelta(minutes=1)  # how exact last_used_at is; a write per request would cost more than it tells


@dataclass(frozen=True, slots=True)
class User:
    """A person with access. `preview` is the end of the bearer, enough to recognise it."""

    id: str
    name: str
    role: Role
    preview: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    @property
    def principal(self) -> Principal:
        return Principal(f"user:{self.id}", self.role, self.name)


class Users:
    """The users of one data directory."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def add(
        self, name: str, role: Role, *, expires_at: datetime | None = None, by: str = _OPERATOR
    ) -> tuple[User, str]:
        """Add a person; the bearer is returned here and never again."""
        bearer = _new_bearer()
        user_id = new_id("user")
        columns = {
            "name": name,
            "role": role.value,
            "bearer_hash": _hash(bearer),
            "preview": _preview(bearer),
            "now": time_text(self._clock.now()),
            "expires_at": optional_time_text(expires_at),
        }

        def write(tx: Tx) -> User:
            tx.run(_sql.insert, id=user_id, **columns)
            _audit(tx, by, "users.add", f"Give {name} access as {role.value}", user_id, self._clock.now())
            return _get(tx, user_id)

        return await self._database.write(write, durable=True), bearer

    async def list(self) -> list[User]:
        """Everybody, revoked ones included, oldest first."""
        return [_user(row) for row in await self._database.read(lambda tx: tx.all(_sql.all))]

    async def revoke(self, user_id: str, *, by: str = _OPERATOR) -> User:
        """End a person's access now; revoking twice keeps the first time.

        Raises:
            NotFound: nobody has that id.
        """
        now = self._clock.now()

        def write(tx: Tx) -> User:
            is_new = tx.run(_sql.revoke, id=user_id, now=time_text(now))
            user = _get(tx, user_id)
            if is_new:
                _audit(tx, by, "users.revoke", f"End the access of {user.name}", user_id, now)
            return user

        return await self._database.write(write, durable=True)

    async def rotate(self, user_id: str, *, by: str = _OPERATOR) -> tuple[User, str]:
        """Give a person a new bearer and end the old one in the same statement; id, role and expiry stay.

        Raises:
            NotFound: nobody has that id, or the person is revoked.
        """
        bearer = _new_bearer()

        def write(tx: Tx) -> User:
            if not tx.run(_sql.replace_bearer, id=user_id, bearer_hash=_hash(bearer), preview=_preview(bearer)):
                raise _not_found(user_id)
            user = _get(tx, user_id)
            _audit(tx, by, "users.rotate", f"Give {user.name} a new bearer", user_id, self._clock.now())
            return user

        return await self._database.write(write, durable=True), bearer

    async def authenticate(self, bearer: str) -> User:
        """The person a bearer belongs to; notes its use, at most once a minute.

        Raises:
            NeedsLogin: unknown, expired or revoked; the answer does not say which.
        """
        digest = _hash(bearer)
        row = await self._database.read(lambda tx: tx.one(_sql.by_bearer_hash, bearer_hash=digest))
        now = self._clock.now()
        # The seek compares hashes, of which an attacker controls neither bytes nor order; this keeps the rule anyway.
        if row is None or not hmac.compare_digest(row["bearer_hash"], digest):
            raise _refused()
        user = _user(row)
        if user.revoked_at is not None or (user.expires_at is not None and user.expires_at <= now):
            raise _refused()
        if user.last_used_at is None or user.last_used_at <= now - _USED_EVERY:
            await self._note_use(user.id, now)
        return user

    async def _note_use(self, user_id: str, now: datetime) -> None:
        moments = {"now": time_text(now), "stale_at": time_text(now - _USED_EVERY)}
        await self._database.write(lambda tx: tx.run(_sql.mark_used, id=user_id, **moments))


def _new_bearer() -> str:
    return "cmcp_" + secrets.token_urlsafe(_BEARER_BYTES)


def _hash(bearer: str) -> str:
    # A random 256-bit secret needs no slow hash: there is nothing to guess.
    return hashlib.sha256(bearer.encode("utf-8", "surrogatepass")).hexdigest()


def _preview(bearer: str) -> str:
    return "…" + bearer[-4:]


def _audit(tx: Tx, by: str, action: str, summary: str, user_id: str, now: datetime) -> None:
    """Who may do what here is part of what the audit log tells."""
    audit.append(tx, audit.Entry(by, action, "done", summary, [f"user:{user_id}"]), now)


def _get(tx: Tx, user_id: str) -> User:
    row = tx.one(_sql.by_id, id=user_id)
    if row is None:
        raise _not_found(user_id)
    return _user(row)


def _not_found(user_id: str) -> NotFound:
    return NotFound("No such user.", hint="`construction-mcp users list` shows them.", details={"user_id": user_id})


def _refused() -> NeedsLogin:
    return NeedsLogin("The bearer is not valid.", hint="Ask an admin: `construction-mcp users add` makes one.")


def _user(row: sqlite3.Row) -> User:
    return User(
        id=row["id"],
        name=row["name"],
        role=Role(row["role"]),
        preview=row["preview"],
        created_at=time_from(row["created_at"]),
        expires_at=optional_time_from(row["expires_at"]),
        last_used_at=optional_time_from(row["last_used_at"]),
        revoked_at=optional_time_from(row["revoked_at"]),
    )
