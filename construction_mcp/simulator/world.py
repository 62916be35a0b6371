"""Everything the simulated Procore knows: records by kind and scope, its clock, its app and its switches."""

import hashlib
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from construction_mcp.core.clock import Clock, SystemClock
from construction_mcp.simulator.clock import OffsetClock
from construction_mcp.simulator.instants import parse_instant, stamp, today_in
from construction_mcp.simulator.journal import Journal
from construction_mcp.simulator.kinds import KIND_NUMBERS, first_id, scope_index_of
from construction_mcp.simulator.records import Record, Table
from construction_mcp.simulator.sample import Seeder
from construction_mcp.simulator.scales import SCALES
from construction_mcp.simulator.switches import Switches

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"


@dataclass(frozen=True, slots=True)
class App:
    """The one registered app: its key pair and the redirect addresses it may use (FACTS 2.2: exact match)."""

    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...]


class World:
    """The state behind every answer. Reads make sample records on first use; writes are journalled if there is a file.

    The same seed, scale and birth moment give the same records whatever is read first.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        seed: int = 1,
        scale: str = "medium",
        redirect_uri: str = "http://localhost",
        switches: Switches | None = None,
        state_file: Path | None = None,
    ) -> None:
        self._journal = Journal(state_file) if state_file else None
        saved = self._journal.meta() if self._journal else {}
        self.clock = OffsetClock(clock or SystemClock(), float(saved.get("offset_s", 0.0)))
        self.switches = switches or Switches()
        # Addresses for links and uploads. Storage is another origin, as in FACTS 9.2: a bearer must not follow there.
        self.api_url = "http://api.procore.example"
        self.storage_url = "http://storage.procore.example"
        self.scale = str(saved.get("scale", scale))
        self.app = _app_for(int(saved.get("app_seed", seed)), redirect_uri)
        self._app_seed = int(saved.get("app_seed", seed))
        born_at = parse_instant(saved["born_at"]) if "born_at" in saved else None
        self._begin(int(saved.get("seed", seed)), born_at or self.clock.now())
        if self._journal:
            self._recall(self._journal)
            self._save_birth()

    def _begin(self, seed: int, born_at: datetime) -> None:
        self.seed = seed
        self.born_at = born_at.replace(microsecond=0)
        self.changes = 0  # counts record changes; the ledger compares it before and after a request
        self._tables: dict[tuple[str, int], Table] = {}
        self._recalled: dict[tuple[str, int], list[tuple[Record, bool]]] = {}
        self._seeder = Seeder(seed, SCALES[self.scale], self.born_at)
        # Tokens must not repeat after a reset or a restart, or a test could pass by luck: hence not from the seed.
        self.entropy = random.SystemRandom()

    # -- reading

    def table(self, kind: str, scope: int) -> Table:
        """The live table; its sample records are made now if nobody asked before."""
        table = self._tables.get((kind, scope))
        if table is None:
            assert kind in KIND_NUMBERS, kind
            table = Table(self._seeder.sample(kind, scope))
            table.last_id = max(table.last_id, first_id(kind, scope_index_of(scope)))
            self._tables[(kind, scope)] = table
            for record, exists in self._recalled.pop((kind, scope), ()):
                table.put(record)
                if not exists:
                    table.drop(record.id)
        return table

    def find(self, kind: str, scope: int, record_id: int | None) -> Record | None:
        return None if record_id is None else self.table(kind, scope).get(record_id)

    def get(self, kind: str, scope: int, record_id: int) -> Record:
        """A record that must exist, because our own data says so."""
        record = self.find(kind, scope, record_id)
        assert record is not None, f"no {kind} {record_id} in {scope}"
        return record

    def project(self, project_id: int | None) -> Record | None:
        """A project by id, whatever company it belongs to."""
        for company in self.table("company", 0):
            found = self.find("project", company.id, project_id)
            if found is not None:
                return found
        return None

    def company_of(self, record: Record) -> int:
        """The company id a record belongs to, directly or through its project."""
        if record.kind == "company":
            return record.id
        if self.find("company", 0, record.scope):
            return record.scope
        project = self.project(record.scope)
        return project.scope if project else 0

    def today(self, project: Record) -> date:
        """Today in the project's zone: what daily logs mean by it (FACTS 7)."""
        return today_in(project["time_zone"], self.clock.now())

    # -- writing

    def add(self, kind: str, scope: int, body: Mapping[str, Any], *, parent: int | None = None) -> Record:
        """A new record with the next id of its table, created now."""
        table = self.table(kind, scope)
        now = stamp(self.clock.now())
        record = Record(kind, scope, table.last_id + 1, {"created_at": now, "updated_at": now, **body}, parent)
        self._put(record)
        return record

    def change(self, record: Record, changes: Mapping[str, Any]) -> Record:
        """The record with `changes`, updated now."""
        changed = replace(record, body={**record.body, **changes, "updated_at": stamp(self.clock.now())})
        self._put(changed)
        return changed

    def drop(self, record: Record) -> None:
        """Remove for good, for what Procore has no recycle bin for."""
        self.table(record.kind, record.scope).drop(record.id)
        self.changes += 1
        if self._journal:
            self._journal.put(record, gone=True)

    def _put(self, record: Record) -> None:
        self.table(record.kind, record.scope).put(record)
        self.changes += 1
        if self._journal:
            self._journal.put(record)

    # -- lifetime

    def reset(self, seed: int | None = None) -> None:
        """The sample as new; the app's key pair stays, tokens, hooks, changes and the clock's offset go."""
        self.clock.restart()
        if self._journal:
            self._journal.clear()
        self._begin(self.seed if seed is None else seed, self.clock.now())
        self._save_birth()

    def advance(self, seconds: float) -> None:
        """Move the simulator's clock."""
        self.clock.advance(seconds)
        if self._journal:
            self._journal.set_meta(offset_s=self.clock.offset_s)

    @property
    def journal(self) -> Journal | None:
        return self._journal

    def commit(self) -> None:
        """Make what happened since the last commit survive this process."""
        if self._journal:
            self._journal.commit()

    def close(self) -> None:
        if self._journal:
            self._journal.close()

    def _save_birth(self) -> None:
        if self._journal:
            self._journal.set_meta(
                seed=self.seed,
                scale=self.scale,
                app_seed=self._app_seed,
                born_at=stamp(self.born_at),
                offset_s=self.clock.offset_s,
            )
            self._journal.commit()

    def _recall(self, journal: Journal) -> None:
        for record, exists in journal.records():
            self._recalled.setdefault((record.kind, record.scope), []).append((record, exists))


def _app_for(seed: int, redirect_uri: str) -> App:
    """Credentials that follow from the seed, so that a restarted simulator keeps its connected clients."""
    digest = hashlib.sha256(f"construction-mcp simulator {seed}".encode()).hexdigest()
    registered = ("http://localhost", OUT_OF_BAND, redirect_uri)  # FACTS 2.2: localhost comes with a new app
    return App(f"sim-client-{digest[:16]}", f"sim-secret-{digest[16:48]}", tuple(dict.fromkeys(registered)))
