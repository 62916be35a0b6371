"""The table of security goals names every goal, and only tests that exist and run."""

import ast
import re

import pytest

from tests.security.__main__ import goals, rows
from tests.tidy.source import ROOT

EXPECTED = {f"R{number}" for number in range(1, 12)} | {f"S{number}" for number in range(1, 13)}


def test_every_goal_is_in_the_table_and_no_other():
    assert set(goals()) == EXPECTED


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_goal_is_tested_where_the_table_says_or_said_to_be_missing(name):
    goal = goals()[name]
    modules = [path for path in goal["tested"] if path.rpartition("/")[2].startswith("test_")]

    assert [path for path in goal["tested"] if not (ROOT / path).is_file()] == []
    assert modules or "missing" in goal
    assert [path for path in modules if not has_tests(path)] == []


@pytest.mark.parametrize("name", sorted(name for name, goal in goals().items() if "full" in goal))
def test_the_full_length_command_finds_slow_tests(name):
    command = goals()[name]["full"]
    paths = re.findall(r"tests/\S+\.py", command)

    assert command.startswith("pytest -m slow ")
    assert paths
    assert [path for path in paths if "mark.slow" not in (ROOT / path).read_text(encoding="utf-8")] == []


def test_every_row_says_something_in_every_column():
    assert all(all(cell.strip() for cell in row) for row in rows())


def has_tests(path: str) -> bool:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        for node in ast.walk(tree)
    )
