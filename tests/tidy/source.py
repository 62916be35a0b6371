"""The files the rules look at."""

import ast
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "construction_mcp"


@dataclass(frozen=True)
class Source:
    """One file: `path` is relative to the repository, with forward slashes."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def room(self) -> str:
        """`store` of construction_mcp/store/users.py; `bootstrap` of construction_mcp/bootstrap.py."""
        return self.path.split("/")[1].removesuffix(".py")


def tracked() -> list[str]:
    """What git would commit: tracked and new files, not the ignored ones; without git, every file here."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        return sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if path.is_file())
    return sorted(name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file())


def python_sources() -> list[Source]:
    """Every Python file of the package."""
    return [
        Source(name, (ROOT / name).read_text(encoding="utf-8"))
        for name in tracked()
        if name.startswith(f"{PACKAGE}/") and name.endswith(".py")
    ]


def text_sources() -> list[Source]:
    """Every tracked text file."""
    found = []
    for name in tracked():
        raw = (ROOT / name).read_bytes()
        if b"\0" not in raw:
            found.append(Source(name, raw.decode("utf-8", "replace")))
    return found
