"""What is told of every mistake in `broken/*.yaml`: that one problem, there, with what to write instead."""

import re

import pytest

from construction_mcp.core.errors import Invalid
from construction_mcp.workflow.document import shaped
from tests.workflow.corpus import SOUND, Case, cases, compiled, found_in


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case.file}: {case.title}")
def test_a_mistake_is_told_once_where_it_is_and_how_to_mend_it(case: Case):
    found = found_in(case)

    assert [(one["code"], one["path"]) for one in found] == [(one["code"], one["path"]) for one in case.expect], found
    for one, wanted in zip(found, case.expect, strict=True):
        assert wanted["fix"] in one["fix"], one


def test_the_corpus_is_large_and_names_every_mistake_once():
    titles = [case.title for case in cases()]

    assert len(titles) >= 180
    assert len(set(titles)) == len(titles)


def test_every_problem_is_a_sentence_with_a_remedy():
    """People read these: no bare words, no traces of the parser, no empty advice."""
    for case in cases():
        for one in found_in(case):
            assert one["message"].endswith((".", ")")), one
            assert one["fix"].endswith((".", "?", "!")), one
            assert one["severity"] in ("error", "warning")
            assert not PARSER.search(one["message"] + one["fix"]), one


PARSER = re.compile(r"pydantic|Traceback|<input>|Input should|string_pattern|wrapper\(|google\.protobuf|Hole\(")


def test_a_thousand_actions_are_taken_and_one_more_is_not():
    action = {"type": "transform.set", "config": {"value": 1}}
    thousand = [{"key": f"a{at}", **action} for at in range(1000)]

    assert compiled(shaped({**SOUND, "actions": thousand})).problems == []
    with pytest.raises(Invalid) as refused:
        shaped({**SOUND, "actions": [*thousand, {"key": "more", **action}]})
    [problem] = refused.value.details["problems"]
    assert (problem["code"], problem["path"]) == ("DOCUMENT_VALUE", "actions")
    assert "at most 1000" in problem["fix"]
