"""A command line run as a person runs it, in an empty home of its own."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from construction_mcp.cli import main


@dataclass(frozen=True)
class Ran:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home on every platform's terms; no setting of the developer's shell leaks in."""
    for name in list(os.environ):
        if name.startswith(("CONSTRUCTION_MCP_", "PROCORE_", "XDG_", "CLAUDE_")):
            monkeypatch.delenv(name)
    place = tmp_path / "home"
    place.mkdir()
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("USERPROFILE", str(place))
    monkeypatch.setenv("APPDATA", str(place / "AppData" / "Roaming"))
    monkeypatch.setenv("LOCALAPPDATA", str(place / "AppData" / "Local"))
    return place


@pytest.fixture
def cli(home, capsys):
    """Call `cli("doctor", "--json")` and read what it said."""

    def call(*argv: str | Path) -> Ran:
        capsys.readouterr()
        code = main([str(word) for word in argv])
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return call
