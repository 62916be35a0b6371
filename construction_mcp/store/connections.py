"""Procore account links. Tokens are sealed before they come here and opened after they left: this file sees neither."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from construction_mcp.core.clock import Clock
from construction_mcp.core.ids import new_id
from construction_mcp.core.keys import KeyRing, Place
from construction_mcp.store import audit
from construction_mcp.store.columns import json_text, time_from, time_text
from construction_mcp.store.database import Database
from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import load

_sql = load("connections")

Grant = Literal["authorization_code", "client_credentials"]


@dataclass(frozen=True, slots=True)
class Link:
    """One person's account in one environment. `last_check` is what it could see then."""

    id: str
    principal: str
    environment: str
    grant_type: Grant
    client_id: str
    company_id: int | None
    user_id: int | None
    login: str | None
    last_check: Mapping[str, Any] | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SealedPair:
    """A token pair as it is kept."""

    access: bytes
    refresh: bytes | None
    expires_at: datetime


class Connections:
    """The account links of one data directory."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def link(
        self,
        principal: str,
        environment: str,
        grant_type: Grant,
        client_id: str,
        *,
        company_id: int | None = None,
        user_id: int | None = None,
        login: str | None = None,
    ) -> Link:
        """Link an account, replacing the one the principal had in this environment and forgetting its tokens.

        What a person signs in for is told in the audit log; a service account is part of the operator's settings.
        """
        now = self._clock.now()
        columns = {
            "id": new_id("con"),
            "principal": principal,
            "environment": environment,
            "grant_type": grant_type,
            "client_id": client_id,
            "company_id": company_id,
            "user_id": user_id,
            "login": login,
            "now": time_text(now),
        }

        def write(tx: Tx) -> Link:
            row = tx.one(_sql.link, **columns)
            assert row is not None
            if grant_type == "authorization_code":
                said, about = f"Connect a Procore account ({environment})", [f"connection:{row['id']}"]
                audit.append(tx, audit.Entry(principal, "connect_procore", "done", said, about), now)
            return _link(row)

        return await self._database.write(write, durable=True)

    async def of_principal(self, principal: str, environment: str) -> Link | None:
        """The principal's link in this environment."""
        row = await self._database.read(
            lambda tx: tx.one(_sql.of_principal, principal=principal, environment=environment)
        )
        return None if row is None else _link(row)

    async def get(self, link_id: str) -> Link | None:
        """The link by its id."""
        row = await self._database.read(lambda tx: tx.one(_sql.by_id, id=link_id))
        return None if row is None else _link(row)

    async def keep(self, link_id: str, pair: SealedPair) -> None:
        """Keep a pair; durable when this returns, for the refresh token it replaces is spent."""
        columns = {"access": pair.access, "refresh": pair.refresh, "expires_at": time_text(pair.expires_at)}
        await self._database.write(lambda tx: tx.run(_sql.keep_sealed, id=link_id, **columns), durable=True)

    async def kept(self, link_id: str) -> tuple[Link, SealedPair] | None:
        """The link and its pair; None without one."""

        def read(tx: Tx) -> tuple[Link, SealedPair] | None:
            row, pair = tx.one(_sql.by_id, id=link_id), tx.one(_sql.sealed, id=link_id)
            return None if row is None or pair is None else (_link(row), _pair(pair))

        return await self._database.read(read)

    async def note_check(self, link_id: str, seen: Mapping[str, Any]) -> None:
        """Remember what the account could see."""
        text = json_text(seen)
        await self._database.write(lambda tx: tx.run(_sql.note_check, id=link_id, last_check=text))

    async def note_company(self, link_id: str, company_id: int) -> None:
        """Make `company_id` the company of calls that name none."""
        await self._database.write(lambda tx: tx.run(_sql.note_company, id=link_id, company_id=company_id))

    async def note_account(self, link_id: str, *, user_id: int | None, login: str | None, company: int | None) -> None:
        """Remember who signed in and the company of calls that name none."""
        columns = {"user_id": user_id, "login": login, "company_id": company}
        await self._database.write(lambda tx: tx.run(_sql.note_account, id=link_id, **columns))

    async def remove(self, link_id: str) -> None:
        """Forget the link and its tokens; nothing happens when it is gone."""
        await self._database.write(lambda tx: tx.run(_sql.remove, id=link_id), durable=True)


def place_of(link_id: str, column: str, principal: str, environment: str) -> Place:
    """Where a token is kept: part of its seal, so that it opens in no other row."""
    return Place("connections", link_id, column, principal, environment)


def reseal(tx: Tx, ring: KeyRing) -> int:
    """Seal every token again with the ring's current key; how many there were."""
    count = 0
    for row in tx.all(_sql.every_sealed):
        fresh: dict[str, bytes | None] = {}
        for column, name in (("access_sealed", "access"), ("refresh_sealed", "refresh")):
            place = place_of(row["id"], name, row["principal"], row["environment"])
            fresh[name] = None if row[column] is None else ring.seal(ring.unseal(row[column], place), place)
            count += row[column] is not None
        tx.run(_sql.keep_sealed, id=row["id"], expires_at=row["expires_at"], **fresh)
    return count


def _link(row: sqlite3.Row) -> Link:
    shape = dict(row)
    shape["last_check"] = None if shape["last_check"] is None else json.loads(shape["last_check"])
    shape["created_at"] = time_from(shape["created_at"])
    return Link(**shape)


def _pair(row: sqlite3.Row) -> SealedPair:
    return SealedPair(row["access_sealed"], row["refresh_sealed"], time_from(row["expires_at"]))
