"""The catalogue of problem codes says what can be found, all of it and nothing else."""

import re

from construction_mcp.workflow.problem_codes import PROBLEM_CODES
from tests.tidy.source import python_sources
from tests.workflow.corpus import cases, found_in

RAISED = re.compile(r"(?:error|warning|make)\([^()]*?\"([A-Z]+(?:_[A-Z]+)*)\"", re.DOTALL)


def test_every_code_that_is_found_is_explained():
    found = {one["code"] for case in cases() for one in found_in(case)}

    assert found - set(PROBLEM_CODES) == set()


def test_every_code_that_is_explained_is_found():
    """One that no broken workflow has is a promise nobody has seen kept."""
    found = {one["code"] for case in cases() for one in found_in(case)}

    assert set(PROBLEM_CODES) - found == set()


def test_every_code_in_the_source_is_explained():
    sources = [one.text for one in python_sources() if one.path.startswith("construction_mcp/workflow/")]
    named = {code for text in sources for code in RAISED.findall(text)}

    assert len(named) > 30
    assert named - set(PROBLEM_CODES) == set()


def test_every_entry_is_two_sentences():
    assert all(entry.meaning.endswith(".") and entry.fix.endswith(".") for entry in PROBLEM_CODES.values())
