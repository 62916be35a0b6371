"""Answers are read leniently, errors in every shape seen."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from construction_mcp.procore.responses import (
    Answer,
    Unreadable,
    links_of,
    number_or_none,
    read_answer,
    read_error,
    reason_codes,
    total_of,
)

ROWS = [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize(
    "body",
    [ROWS, {"data": ROWS}, {"data": ROWS, "meta": {"total": 2}}, {"meetings": ROWS}, [*ROWS, None, 7, "x"]],
    ids=["v1", "v2", "v2 with meta", "under its name", "with holes"],
)
def test_the_rows_of_a_list_are_found_however_it_is_drawn(body):
    assert read_answer(200, {}, json.dumps(body).encode(), bytes_max=1000).items == ROWS


def test_a_v1_record_with_a_field_named_data_stays_whole():
    record = {"id": 1, "data": {"x": 1}, "name": "n"}

    assert read_answer(200, {}, json.dumps(record).encode(), bytes_max=1000).item == record


@pytest.mark.parametrize(("status", "body"), [(204, b""), (200, b""), (200, b"  \n"), (201, b"")])
def test_an_answer_without_a_body_is_a_success(status, body):
    answer = read_answer(status, {}, body, bytes_max=1000)

    assert (answer.item, answer.items) == ({}, [])


@pytest.mark.parametrize("body", [b"<html>", b"{", b"NaN", b"\xff\xfe", b"[" * 100 + b"]" * 100])
def test_a_success_that_is_not_json_is_unreadable(body):
    with pytest.raises(Unreadable):
        read_answer(200, {}, body, bytes_max=1000)


@pytest.mark.parametrize(
    ("body", "sentences"),
    [
        ({"code": 1, "message": "m", "reason": "r", "error": "e"}, ("m", "r", "e")),
        ({"errors": ["App is not connected to this company."]}, ("App is not connected to this company.",)),
        ({"errors": {"assignees": ["required"]}}, ("assignees: required",)),
        ({"errors": {"base": ["taken"], "name": "long"}}, ("taken", "name: long")),
        ({"errors": "no"}, ("no",)),
        ({"error": "no"}, ("no",)),
        ({"message": "m", "exception": "Secret::Class"}, ("m",)),
        ([{"id": 1, "errors": {"number": ["taken"]}}], ("number: taken",)),
        (
            {"error": {"code": "BAD", "message": "m", "details": [{"reason_code": "R", "message": "d"}]}},
            ("m", "d"),
        ),
        ({"message": "same", "error": "same"}, ("same",)),
        ({"message": "a\n\u202eb\x00c"}, ("a b c",)),
        ({"message": "x" * 400}, ("x" * 299 + "\u2026",)),
        ("text", ("text",)),
        (None, ()),
        (7, ()),
    ],
)
def test_every_shape_of_error_is_read_into_sentences(body, sentences):
    assert read_error(json.dumps(body).encode()) == sentences


def test_an_error_that_is_not_json_says_nothing():
    assert read_error(b"<html>Traceback") == ()


def test_the_stable_codes_of_v2_are_found_in_both_spellings():
    body = {"error": {"code": "A", "details": [{"reason_code": "B"}, {"code": "C"}, 7]}}

    assert reason_codes(json.dumps(body).encode()) == {"A", "B", "C"}
    assert reason_codes(b'{"error": "x"}') == reason_codes(b"x") == frozenset()


def test_links_are_read_by_relation():
    header = '<https://a.test/x?page=2&per_page=5>; rel="next", <https://a.test/x?page=9>; rel=last; title="z"'

    assert links_of({"link": header}) == {
        "next": "https://a.test/x?page=2&per_page=5",
        "last": "https://a.test/x?page=9",
    }


@pytest.mark.parametrize("text", ["<a>" + ";" * 8000 + "<", "<a>; " * 2000, "<" * 8000, "<a>;" + " " * 8000 + "rel"])
def test_no_header_takes_longer_to_read_than_it_is_worth(text):
    began = time.perf_counter()
    links_of({"link": text})

    assert time.perf_counter() - began < 0.2


@given(st.text(max_size=300))
def test_no_header_breaks_the_reading(text):
    assert isinstance(links_of({"link": text}), dict)
    assert total_of({"total": text}) is None or total_of({"total": text}) >= 0


@given(
    st.binary(max_size=300)
    | st.recursive(
        st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["error", "errors", "message", "details", "code", "x"]), inner, max_size=4
            )
        ),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode())
)
def test_no_error_body_breaks_the_reading(body):
    assert all(len(sentence) <= 300 for sentence in read_error(body))
    assert isinstance(reason_codes(body), frozenset)


@pytest.mark.parametrize(
    ("value", "number"),
    [(7, 7), ("7", 7), ("", None), (None, None), (True, None), ("7a", None), (7.0, None), ("9" * 40, None), ([], None)],
)
def test_an_id_is_a_number_whichever_way_it_is_sent(value, number):
    assert number_or_none(value) == number


def test_an_answer_shows_no_headers_in_its_repr():
    assert "canary" not in repr(Answer(200, [], {"set-cookie": "canary"}))
