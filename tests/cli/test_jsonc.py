"""Editing a file in place: properties over generated files."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from construction_mcp.cli.install import jsonc
from construction_mcp.core.errors import Invalid

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=5), VALUES, max_size=4)
SECTIONS = st.dictionaries(st.text(max_size=5).filter(lambda name: name != "ours"), VALUES, max_size=3)
ENTRY = {"command": "/bin/x", "args": ["a"]}


def written(data, indent, newline):
    return json.dumps(data, indent=indent).replace("\n", newline)


@given(OBJECTS, SECTIONS, st.sampled_from([None, 1, 2, 4, "\t"]), st.sampled_from(["\n", "\r\n"]))
def test_putting_and_taking_out_gives_the_same_text_back(others, servers, indent, newline):
    text = written({**others, "servers": servers}, indent, newline)

    after = jsonc.put(text, "servers", "ours", ENTRY, comments=False)

    assert json.loads(after) == {**json.loads(text), "servers": {**servers, "ours": ENTRY}}
    assert jsonc.take_out(after, "servers", "ours", drop_empty=False, comments=False) == text


@given(OBJECTS.filter(lambda data: "servers" not in data), st.sampled_from([None, 2, "\t"]))
def test_a_section_that_was_added_is_taken_out_again(others, indent):
    text = written(others, indent, "\n")

    after = jsonc.put(text, "servers", "ours", ENTRY, comments=False)

    assert json.loads(after) == {**others, "servers": {"ours": ENTRY}}
    assert jsonc.take_out(after, "servers", "ours", drop_empty=True, comments=False) == text


@given(VALUES)
def test_the_reader_agrees_with_the_standard_library(data):
    text = json.dumps({"data": data})

    assert jsonc.read(text, comments=False).data == json.loads(text)


@given(st.text(alphabet='{}[]:,"ab1 \n/*\\', max_size=30))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(Invalid):
        assert isinstance(jsonc.read(text, comments=True).data, dict)


@pytest.mark.parametrize(
    "text",
    [
        '{\n  "servers": {\n    "a": 1 // one\n  }\n}',
        '{\n  "servers": {\n    "a": 1, /* x */ // y\n  }, // z\n}',
        '{"servers": {"a": 1} /* , */}',
        '{"servers": {"a": 1, // one\n "ours": 2 } }',
        '{"servers": {"a": 1, // one\n "ours": 2, "b": 3} }',
        '{"servers": { // one\n "ours": 2 } }',
        '{ // "servers": {}\n  "servers": { /* "ours": 1 */ }\n}',
    ],
)
def test_comments_stay_where_they_were(text):
    after = jsonc.put(text, "servers", "ours", ENTRY, comments=True)

    assert jsonc.read(after, comments=True).data["servers"]["ours"] == ENTRY
    assert all(comment in after for comment in ("// one", "/* x */ // y", "// z", "/* , */") if comment in text)
    back = jsonc.take_out(after, "servers", "ours", drop_empty=False, comments=True)
    others = {key: value for key, value in jsonc.read(text, comments=True).data["servers"].items() if key != "ours"}
    assert jsonc.read(back, comments=True).data["servers"] == others


def test_an_edit_that_reads_back_as_something_else_is_refused():
    with pytest.raises(Invalid):
        jsonc.proven('{"a": 1}', {"a": 2}, comments=False)
