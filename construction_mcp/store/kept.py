"""Rows kept after reading, for aggregates that are read far more often than written."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from cachetools import TTLCache

Row = TypeVar("Row")


class Kept(Generic[Row]):
    """Rows by id, for `ttl_s` seconds. Right only where every write goes through the same object: one process writes.

    A row that was read while something was being written is not kept, for it may be the one from before.
    """

    def __init__(self, entries_max: int, ttl_s: float, timer: Callable[[], float]) -> None:
        self._rows: TTLCache[str, Row] = TTLCache(entries_max, ttl_s, timer=timer)
        self._writes = 0  # begun and ended ones, so that a read can tell whether any happened beside it

    @property
    def moment(self) -> int:
        """To be taken before a read and given to `keep` after it."""
        return self._writes

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, row_id: str) -> Row | None:
        return self._rows.get(row_id)

    def keep(self, row_id: str, row: Row, moment: int) -> None:
        if moment == self._writes:
            self._rows[row_id] = row

    @contextmanager
    def writing(self, row_id: str | None) -> Iterator[None]:
        """Around a write of that row, or of a new one: whatever was kept of it is forgotten."""
        self._writes += 1
        try:
            yield
        finally:
            self._writes += 1
            if row_id is not None:
                self._rows.pop(row_id, None)

    @contextmanager
    def writing_any(self) -> Iterator[None]:
        """Around a write that picks its rows itself: whatever was kept is forgotten."""
        self._writes += 1
        try:
            yield
        finally:
            self._writes += 1
            self._rows.clear()
