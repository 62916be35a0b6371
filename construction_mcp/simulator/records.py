"""A record and the tables it lives in."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Record:
    """One Procore item. `scope` is the company or project it belongs to, 0 for what is global; `parent` the record
    it hangs on (a reply's RFI). `body` holds ids, not embedded records: views resolve them when it is read."""

    kind: str
    scope: int
    id: int
    body: Mapping[str, Any]
    parent: int | None = None

    def __getitem__(self, name: str) -> Any:
        return self.body.get(name)

    @property
    def is_deleted(self) -> bool:
        return self.body.get("deleted_at") is not None


class Table:
    """The records of one kind in one scope, by id and by parent."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._by_id: dict[int, Record] = {}
        self._by_parent: dict[int, list[int]] = {}
        self.last_id = 0
        for record in records:
            self.put(record)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, record_id: int) -> Record | None:
        return self._by_id.get(record_id)

    def put(self, record: Record) -> None:
        """Insert, or replace the record with that id."""
        if record.id not in self._by_id and record.parent is not None:
            self._by_parent.setdefault(record.parent, []).append(record.id)
        self._by_id[record.id] = record
        self.last_id = max(self.last_id, record.id)

    def drop(self, record_id: int) -> None:
        """Forget the record for good; `last_id` stays, so ids are not used twice."""
        record = self._by_id.pop(record_id, None)
        if record is not None and record.parent is not None:
            self._by_parent[record.parent].remove(record_id)

    def children(self, parent_id: int) -> list[Record]:
        return [self._by_id[record_id] for record_id in self._by_parent.get(parent_id, ())]
