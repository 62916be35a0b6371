"""Cursors: opaque, bound to their query, refused when altered."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from construction_mcp.core.cursor import Cursors
from construction_mcp.core.errors import Invalid

CURSORS = Cursors(b"k" * 32)
QUERY = {"tool": "list_workflows", "status": None, "limit": 25}


@given(st.recursive(st.none() | st.integers() | st.text(), lambda children: st.lists(children, max_size=3)))
def test_a_cursor_gives_back_its_position(position):
    assert CURSORS.read(CURSORS.sign(position, QUERY), QUERY) == position


def test_equal_queries_are_equal_whatever_their_order():
    cursor = CURSORS.sign([1], QUERY)

    assert CURSORS.read(cursor, dict(reversed(QUERY.items()))) == [1]


@pytest.mark.parametrize("other", [{**QUERY, "status": "active"}, {**QUERY, "tool": "list_executions"}, {}, None])
def test_a_cursor_of_another_query_is_refused(other):
    with pytest.raises(Invalid) as caught:
        CURSORS.read(CURSORS.sign([1], QUERY), other)

    assert caught.value.code == "VALIDATION_CURSOR"


def test_a_cursor_of_another_workspace_is_refused():
    with pytest.raises(Invalid):
        CURSORS.read(Cursors(b"x" * 32).sign([1], QUERY), QUERY)


def test_every_altered_byte_is_noticed():
    raw = base64.urlsafe_b64decode(CURSORS.sign(["2026", "wf_1"], QUERY) + "===")
    for position in range(len(raw)):
        altered = bytearray(raw)
        altered[position] ^= 1
        with pytest.raises(Invalid):
            CURSORS.read(base64.urlsafe_b64encode(altered).decode().rstrip("="), QUERY)


@given(st.text(max_size=200))
def test_nonsense_is_refused(text):
    with pytest.raises(Invalid):
        CURSORS.read(text, QUERY)


def test_a_huge_cursor_is_refused():
    with pytest.raises(Invalid):
        CURSORS.read("A" * 10_000_000, QUERY)
