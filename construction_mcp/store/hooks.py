"""Hooks of ours that are posted to, and what they brought.

Procore signs nothing: the secret in its `Authorization` header is all that tells a delivery from a forgery, and only
its hash is kept. Two are valid while one replaces the other. Source: Procore "Webhooks"; a delivery may come twice and
late. Other senders sign with the secret, so theirs is kept sealed.

A hook that starts a workflow is pending until the deployment that made it is done, live while it starts it, and ended
from then until Procore has removed it. Any other hook is live.
"""

import base64
import hashlib
import hmac
import json
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from cachetools import TTLCache

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import NeedsLogin, NotFound
from construction_mcp.core.ids import new_id
from construction_mcp.core.keys import KeyRing, Place
from construction_mcp.store.columns import json_text, optional_time_from, time_from, time_text
from construction_mcp.store.database import Database
from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import load

_sql = load("hooks")

_SECRET_BYTES = 32

State = Literal["pending", "live", "ended"]


@dataclass(frozen=True, slots=True)
class Hook:
    """Where Procore posts: a company, or one project of it. `procore_id` is None until Procore has answered.

    workflow_id: what it starts; None for one that only keeps cached reads fresh.
    """

    id: str
    state: State
    workflow_id: str | None
    environment: str
    company_id: int
    project_id: int | None
    principal: str
    procore_id: str | None
    resource_names: tuple[str, ...]
    created_at: datetime
    secret_hash: str = field(repr=False)
    previous_hash: str | None = field(repr=False)
    previous_until: datetime | None

    def admits(self, secret: str, now: datetime) -> bool:
        """Whether it is the secret, or the one before while that still counts. Both are always compared."""
        digest = _hash(secret)
        is_present = hmac.compare_digest(digest, self.secret_hash)
        is_previous = hmac.compare_digest(digest, self.previous_hash or "")
        return is_present or (is_previous and (self.previous_until is None or now < self.previous_until))


@dataclass(frozen=True, slots=True)
class KnownHook:
    """A hook and what came through it."""

    hook: Hook
    delivery_count: int
    last_delivery_at: datetime | None


@dataclass(frozen=True, slots=True)
class CustomHook:
    """Where senders post that sign what they send."""

    id: str
    state: State
    workflow_id: str
    environment: str
    principal: str
    secret_sealed: bytes = field(repr=False)

    def secret(self, keys: KeyRing) -> str:
        """The `whsec_` secret. Raises: NotPermitted: AUTH_KEY_MISMATCH."""
        return keys.unseal(self.secret_sealed, _place(self.id, self.principal, self.environment)).decode()


class Hooks:
    """The hooks of one data directory. Only this process changes them, so a known one costs no statement."""

    def __init__(self, database: Database, clock: Clock, limits: Limits) -> None:
        self._database = database
        self._clock = clock
        self._limits = limits
        self._known: dict[str, Hook] = {}  # stored hooks only: an unknown id leaves no trace
        self._custom: dict[str, CustomHook] = {}
        self._refused: TTLCache[str, bool] = TTLCache(limits.cache_entries_max, limits.refusal_note_s, clock.monotonic)
        self._uncounted: dict[str, int] = {}  # hooks of ours only

    async def add(
        self,
        *,
        environment: str,
        company_id: int,
        project_id: int | None,
        principal: str,
        resource_names: Sequence[str],
        workflow_id: str | None = None,
    ) -> tuple[Hook, str]:
        """A new hook and its secret, which is told here and never again."""
        hook_id, secret = new_id("hook"), _new_secret()
        columns = {
            "environment": environment,
            "company_id": company_id,
            "project_id": project_id,
            "principal": principal,
            "workflow_id": workflow_id,
            "resource_names": json_text(list(resource_names)),
            "secret_hash": _hash(secret),
            "now": time_text(self._clock.now()),
        }

        def write(tx: Tx) -> Hook:
            tx.run(_sql.insert, id=hook_id, **columns)
            return _get(tx, hook_id)

        return await self._database.write(write, durable=True), secret

    async def add_custom(self, workflow_id: str, environment: str, principal: str, keys: KeyRing) -> tuple[str, str]:
        """A new hook for senders that sign: its id, and its secret, which is told here and never again.

        Source: Standard Webhooks, "Signature scheme": `whsec_` and 24 to 64 random bytes in base64.
        """
        hook_id = new_id("hook")
        secret = "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
        columns = {
            "workflow_id": workflow_id,
            "environment": environment,
            "principal": principal,
            "secret_sealed": keys.seal(secret.encode(), _place(hook_id, principal, environment)),
            "now": time_text(self._clock.now()),
        }
        await self._database.write(lambda tx: tx.run(_sql.insert_custom, id=hook_id, **columns), durable=True)
        return hook_id, secret

    async def leftovers(self, environment: str) -> list[Hook]:
        """Hooks at Procore, or on the way there, that are not meant to be there any more."""
        rows = await self._database.read(lambda tx: tx.all(_sql.leftovers, environment=environment))
        return [_hook(row) for row in rows]

    def forget(self, workflow_id: str) -> None:
        """What is known of the workflow's hooks has changed in a transaction of somebody else's."""
        for hook in [hook for hook in self._known.values() if hook.workflow_id == workflow_id]:
            del self._known[hook.id]
        for custom in [custom for custom in self._custom.values() if custom.workflow_id == workflow_id]:
            del self._custom[custom.id]

    async def get(self, hook_id: str) -> Hook:
        """Raises: NotFound: WEBHOOK_NOT_FOUND."""
        hook = self._known.get(hook_id)
        if hook is None:
            hook = await self._database.read(lambda tx: _get(tx, hook_id))
            self._known[hook_id] = hook
        return hook

    async def custom(self, hook_id: str) -> CustomHook | None:
        """The hook of a sender that signs; None where the id names none. A known one costs no statement."""
        hook = self._custom.get(hook_id)
        if hook is None:
            row = await self._database.read(lambda tx: tx.one(_sql.custom_by_id, id=hook_id))
            if row is None:
                return None
            hook = self._custom[hook_id] = CustomHook(**dict(row))
        return hook

    async def of_environment(self, environment: str) -> list[KnownHook]:
        """All hooks that belong to the environment, oldest first."""
        rows = await self._database.read(lambda tx: tx.all(_sql.of_environment, environment=environment))
        return [
            KnownHook(_hook(row), row["delivery_count"], optional_time_from(row["last_delivery_at"])) for row in rows
        ]

    async def note_registered(self, hook_id: str, procore_id: str) -> Hook:
        """Procore has made the hook under its own id."""
        return await self._change(hook_id, lambda tx: tx.run(_sql.note_registered, id=hook_id, procore_id=procore_id))

    async def remove(self, hook_id: str) -> None:
        """Forget the hook and its deliveries; deliveries that still come get 404."""
        self._known.pop(hook_id, None)
        await self._database.write(lambda tx: tx.run(_sql.remove, id=hook_id), durable=True)
        self._known.pop(hook_id, None)

    async def rotate(self, hook_id: str) -> str:
        """A new secret; the old one stays valid beside it until `end_rotation` or `undo_rotation`.

        Raises:
            NotFound: WEBHOOK_NOT_FOUND.
        """
        secret = _new_secret()
        await self._change(hook_id, lambda tx: tx.run(_sql.rotate, id=hook_id, secret_hash=_hash(secret)))
        return secret

    async def end_rotation(self, hook_id: str, secret: str) -> Hook:
        """Procore has taken the new secret: the old one counts for `hook_rotation_s` seconds more."""
        until = time_text(self._clock.now() + timedelta(seconds=self._limits.hook_rotation_s))
        parameters = {"id": hook_id, "until": until, "secret_hash": _hash(secret)}
        self._refused.pop(hook_id, None)

        def write(tx: Tx) -> None:
            tx.run(_sql.end_rotation, **parameters)
            tx.run(_sql.forget_refused, hook_id=hook_id)

        return await self._change(hook_id, write)

    async def undo_rotation(self, hook_id: str, secret: str) -> Hook:
        """Procore has refused the new secret: only the old one counts."""
        digest = _hash(secret)
        return await self._change(hook_id, lambda tx: tx.run(_sql.undo_rotation, id=hook_id, secret_hash=digest))

    async def authenticate(self, hook_id: str, secret: str) -> Hook:
        """The hook a delivery belongs to.

        Raises:
            NotFound: WEBHOOK_NOT_FOUND; no such hook, or its time is over.
            NeedsLogin: the secret is not the hook's.
        """
        hook = await self.get(hook_id)
        if hook.state == "ended":
            raise _not_found()
        if not hook.admits(secret, self._clock.now()):
            raise NeedsLogin("The delivery does not carry this hook's secret.")
        return hook

    async def note_refused(self, hook_id: str, reason: str) -> None:
        """A delivery to a hook of ours was turned away; written at most once in `refusal_note_s`, for anybody may post.

        What is counted in between is written with the next.
        """
        if hook_id in self._refused:
            self._uncounted[hook_id] = self._uncounted.get(hook_id, 0) + 1
            return
        self._refused[hook_id] = True
        place = {"hook_id": hook_id, "reason": reason, "many": 1 + self._uncounted.pop(hook_id, 0)}
        now = time_text(self._clock.now())
        await self._database.write(lambda tx: tx.run(_sql.note_refused, now=now, **place))

    async def last_event(self, hook_id: str, resource_name: str) -> tuple[dict[str, Any], datetime] | None:
        """The last event about such a resource among the newest that came through the hook, and when it came."""
        newest = self._limits.deliveries_looked_at
        rows = await self._database.read(lambda tx: tx.all(_sql.newest_of_hook, hook_id=hook_id, newest=newest))
        for row in rows:
            event: dict[str, Any] = json.loads(row["event"])
            if event.get("resource_name") == resource_name:
                return event, time_from(row["received_at"])
        return None

    async def _change(self, hook_id: str, change: Any) -> Hook:
        def write(tx: Tx) -> Hook:
            change(tx)
            return _get(tx, hook_id)

        self._known.pop(hook_id, None)
        changed = self._known[hook_id] = await self._database.write(write, durable=True)
        return changed


def settle(tx: Tx, workflow_id: str, hook_id: str | None) -> None:
    """Make `hook_id` the one live hook of the workflow (None: it has none) in the transaction that decides so.

    What is still at Procore becomes a leftover; the caller tells `Hooks` to `forget` the workflow's.
    """
    tx.run(_sql.end_others, workflow_id=workflow_id, hook_id=hook_id)
    tx.run(_sql.remove_other_custom, workflow_id=workflow_id, hook_id=hook_id)
    if hook_id is not None:
        tx.run(_sql.make_live, hook_id=hook_id)


def reseal(tx: Tx, ring: KeyRing) -> int:
    """Seal every kept secret again with the ring's current key; how many there were."""
    rows = tx.all(_sql.every_custom)
    for row in rows:
        place = _place(row["id"], row["principal"], row["environment"])
        tx.run(_sql.keep_sealed, id=row["id"], secret_sealed=ring.seal(ring.unseal(row["secret_sealed"], place), place))
    return len(rows)


def _place(hook_id: str, principal: str, environment: str) -> Place:
    return Place("hooks", hook_id, "secret", principal, environment)


def _new_secret() -> str:
    return "cmwh_" + secrets.token_urlsafe(_SECRET_BYTES)


def _hash(secret: str) -> str:
    # A random 256-bit secret needs no slow hash: there is nothing to guess.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _get(tx: Tx, hook_id: str) -> Hook:
    row = tx.one(_sql.by_id, id=hook_id)
    if row is None:
        raise _not_found()
    return _hook(row)


def _not_found() -> NotFound:
    return NotFound("There is no such webhook.", code="WEBHOOK_NOT_FOUND")


def _hook(row: sqlite3.Row) -> Hook:
    return Hook(
        id=row["id"],
        state=row["state"],
        workflow_id=row["workflow_id"],
        environment=row["environment"],
        company_id=row["company_id"],
        project_id=row["project_id"],
        principal=row["principal"],
        procore_id=row["procore_id"],
        resource_names=tuple(json.loads(row["resource_names"])),
        created_at=time_from(row["created_at"]),
        secret_hash=row["secret_hash"],
        previous_hash=row["previous_hash"],
        previous_until=optional_time_from(row["previous_until"]),
    )
