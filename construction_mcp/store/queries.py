"""Named queries from `sql/*.sql`: the only place where statements are written.

A query starts with `-- name: claim_due :many` and at least one comment line that says why it is shaped so. The word
after the colon says what comes back: `:one` row or none, `:many` rows, a single `:value`, or nothing (`:run`).
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

KINDS = ("one", "many", "value", "run")

_HEADER = re.compile(r"^-- name: (\w+) :(\w+)$", re.MULTILINE)
_WRITES = re.compile(r"^\s*(INSERT|UPDATE|DELETE|REPLACE)\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Query:
    """One statement. `name` is `file.query`, for logs; `why` is its comment; `aggregate` its file."""

    name: str
    kind: str
    why: str
    text: str
    aggregate: str = "other"

    @property
    def writes(self) -> bool:
        """Whether it changes rows; the house writes such a keyword at the start of a line."""
        return _WRITES.search(self.text) is not None


class Queries:
    """The queries of one file, as attributes."""

    def __init__(self, stem: str, by_name: dict[str, Query]) -> None:
        self._stem = stem
        self._by_name = by_name

    def __getattr__(self, name: str) -> Query:
        try:
            return self._by_name[name]
        except KeyError:
            near = difflib.get_close_matches(name, self._by_name, n=1, cutoff=0.0)
            raise AttributeError(f"sql/{self._stem}.sql has no query {name!r}; nearest: {', '.join(near)}") from None

    def __iter__(self) -> Iterator[Query]:
        return iter(self._by_name.values())


@lru_cache
def load(stem: str) -> Queries:
    """The queries of `sql/<stem>.sql`; read once per process."""
    return Queries(stem, {query.name.partition(".")[2]: query for query in parse(stem, read_sql(f"{stem}.sql"))})


def load_all() -> list[Query]:
    """Every query of the house: what the statement cache must hold and what the tests explain."""
    stems = sorted(file.stem for file in sql_directory().glob("*.sql") if file.name != "schema.sql")
    return [query for stem in stems for query in load(stem)]


def parse(stem: str, text: str) -> list[Query]:
    """Split a file at its `-- name:` lines. A query without a reason or with an unknown kind is our own mistake."""
    parts = _HEADER.split(text)[1:]
    queries = []
    for name, kind, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        lines = body.strip().splitlines()
        why = [line.removeprefix("--").strip() for line in lines if line.startswith("--")]
        statement = "\n".join(line for line in lines if not line.startswith("--")).strip().removesuffix(";")
        assert kind in KINDS, f"{stem}.{name}: {kind} is not one of {KINDS}"
        assert why, f"{stem}.{name} does not say why"
        queries.append(Query(f"{stem}.{name}", kind, " ".join(why), statement, stem))
    return queries


def read_sql(path: str) -> str:
    """A file below `sql/`, with the line ends every platform agrees on."""
    return (sql_directory() / path).read_text("utf-8")  # universal newlines: a CRLF checkout reads the same


def sql_directory() -> Path:
    """`construction_mcp/_sql` in an installed wheel, the top-level `sql/` in a checkout."""
    package = Path(__file__).resolve().parents[1]
    packed = package / "_sql"
    return packed if packed.is_dir() else package.parent / "sql"
