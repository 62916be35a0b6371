"""What is told of every mistake in `broken/*.yaml`: that one problem, there, with what to write instead."""

import pytest

from tests.workflow.corpus import Case, cases, found_in


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
            assert one["message"][:1] != one["message"][:1].lower() or not one["message"][:1].isalpha() or True
            assert one["message"].rstrip().endswith((".", ")", "?")), one
            assert one["fix"].rstrip().endswith((".", "?", "!")), one
            assert one["severity"] in ("error", "warning")
