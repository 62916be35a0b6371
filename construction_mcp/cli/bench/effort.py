"""How long to measure, and where the measured servers keep their things."""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BARE = Path(__file__).with_name("bare.py")
_OURS = ("CONSTRUCTION_MCP_", "PROCORE_", "DB_LOG_ALL")


@dataclass(frozen=True, slots=True)
class Effort:
    """`folder` is a directory for this run alone."""

    folder: Path
    quick: bool = False

    def of(self, full: int, quick: int) -> int:
        """How many rounds."""
        return quick if self.quick else full

    @contextmanager
    def room(self) -> Iterator[Path]:
        """A directory for one measure, gone afterwards."""
        with tempfile.TemporaryDirectory(dir=self.folder, ignore_cleanup_errors=True) as made:
            yield Path(made)


def ours(data_dir: Path, *words: str) -> list[str]:
    """The command of this installation's server."""
    return [sys.executable, "-m", "construction_mcp", *words, "--data-dir", str(data_dir)]


def bare(kind: str, transport: str) -> list[str]:
    """The command of a baseline; `-P`, so that its neighbours here are no modules to it."""
    return [sys.executable, "-P", str(BARE), kind, transport]


def clean_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without settings of ours: a person's real account is not measured."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return {**kept, **(more or {})}


def module(name: str, *words: str) -> Sequence[str]:
    """The command that runs a module with this interpreter."""
    return [sys.executable, "-m", name, *words]
