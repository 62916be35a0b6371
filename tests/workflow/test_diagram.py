"""A diagram that any text can stand in. The grammar is Mermaid's "Flowcharts - Basic Syntax", as far as it is used."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from construction_mcp.workflow.diagram import mermaid
from construction_mcp.workflow.document import shaped
from construction_mcp.workflow.plan import Plan
from tests.workflow.corpus import SOUND, compiled

LABEL = r'"(?:[\w ._:,\-/@()]|#\d+;)*"'
ID = r"(?:trigger|step_[a-z][a-z0-9_]*)"
NODE = re.compile(rf"  {ID}(?:\[\({LABEL}\)\]|\[\[{LABEL}\]\]|>{LABEL}\]|\(\[{LABEL}\]\)|\[{LABEL}\])")
EDGE = re.compile(rf"  ({ID}) -->(?:\|{LABEL}\|)? ({ID})")

ASK = {"key": "ask", "type": "approval.request", "config": {"approvers": "sam", "message": "Go?"}}
LOG = {"key": "note", "type": "notify.log", "config": {"text": "Hi"}}
OPEN = {"key": "end", "type": "procore.rfi.list"}


def plan(*actions: dict[str, object]) -> Plan:
    found = compiled(shaped({**SOUND, "actions": list(actions)})).plan
    assert found is not None
    return found


def edges(text: str) -> set[tuple[str, str]]:
    """Every arrow, after every line was found to be of the grammar."""
    first, *lines = text.rstrip("\n").split("\n")
    assert first == "flowchart TD"
    assert all(NODE.fullmatch(line) or EDGE.fullmatch(line) for line in lines), text
    return {(found[1], found[2]) for line in lines if (found := EDGE.fullmatch(line))}


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_no_text_leaves_its_label(text):
    """A condition is the one place where a user's own text stands in the diagram."""
    literal = text.translate({ord(sign): None for sign in "\"'\\\r\n\0"}).encode("utf-8", "ignore").decode()
    drawn = mermaid(plan(OPEN, {**LOG, "condition": f"trigger.input.x == '{literal}'"}))

    assert ("trigger", "step_note") in edges(drawn)


@pytest.mark.parametrize("text", ['"] --> evil', "end", "%%{init: {}}%%", "<script>alert(1)</script>", "a|b", "`x`"])
def test_words_of_mermaids_own_stay_words(text):
    drawn = mermaid(plan({**LOG, "condition": f"trigger.input.x == '{text}'"}))

    assert edges(drawn) == {("trigger", "step_note")}


def test_an_arrow_stands_for_each_thing_waited_for_directly():
    steps = plan(OPEN, {**ASK, "depends_on": ["end"]}, {**LOG, "depends_on": ["end"]})

    drawn = mermaid(steps)

    assert edges(drawn) == {("trigger", "step_end"), ("step_end", "step_ask"), ("step_ask", "step_note")}
    assert 'step_ask -->|"if approved"| step_note' in drawn
