"""What deploying an action agrees to, and how a person is told; a run never widens it by itself."""

from collections.abc import Mapping
from typing import Any

import pytest

from construction_mcp.actions.action import Consent, Setting, Unbounded
from construction_mcp.actions.catalogue import Catalogue

TYPES = Catalogue()
SETTING = Setting(project_id=1001)
COMPUTED = "{{ steps.people.output.value }}"
SLACK = "https://hooks.slack.com/services/T0/B0/x"


def consents(name: str, config: Mapping[str, Any], setting: Setting = SETTING) -> list[Consent | Unbounded]:
    found = TYPES.get(name)
    assert found is not None
    return list(found.consents(config, setting))


@pytest.mark.parametrize(
    ("name", "config", "agreed"),
    [
        ("notify.email", {"to": "Ann@X.com"}, [("mail", "ann@x.com", None)]),
        ("notify.email", {"to": "b@x.com, a@x.com; b@x.com"}, [("mail", "a@x.com", None), ("mail", "b@x.com", None)]),
        ("notify.email", {"to": ["b@x.com"], "cc": "a@x.com"}, [("mail", "a@x.com", None), ("mail", "b@x.com", None)]),
        ("notify.email", {"to": "{{ vars.to }}"}, []),
        (
            "notify.email",
            {"to": COMPUTED, "allow": {"to": "@Builder.com", "max_per_run": 9}},
            [("mail", "@builder.com", 9)],
        ),
        (
            "notify.email",
            {"to": COMPUTED, "cc": "a@x.com", "allow": {"to": "project_directory", "max_per_run": 3}},
            [("mail", "a@x.com", None), ("mail", "project_directory of project 1001", 3)],
        ),
        ("notify.slack", {"text": "Hi"}, [("slack", "default", None)]),
        ("notify.teams", {"text": "Hi"}, [("teams", "default", None)]),
        ("notify.slack", {"text": "Hi", "webhook_url": "{{ vars.channel }}"}, []),
        ("notify.webhook", {"url": "https://Erp.X.com./in?id={{ trigger.id }}"}, [("webhook", "erp.x.com", None)]),
        ("notify.log", {"text": "Hi"}, []),
        ("http.request", {"url": "http://x.com/{{ steps.a.output.value }}"}, [("http", "x.com:80", None)]),
        ("http.request", {"url": "https://x.com:8443"}, [("http", "x.com:8443", None)]),
        ("http.request", {"url": "https://bücher.example/"}, [("http", "xn--bcher-kva.example", None)]),
        ("workflow.call", {"workflow_id": "wf_1"}, [("workflow", "wf_1", None)]),
        ("workflow.call", {"workflow_id": "{{ vars.which }}"}, []),
        ("approval.request", {"approvers": ["Ann@x.com", "local:1000"]}, [("mail", "ann@x.com", None)]),
        ("approval.request", {"approvers": "Lopez, Ana"}, []),
        ("approval.request", {"approvers": "Jo", "escalate_to": ["b@x.com"]}, [("mail", "b@x.com", None)]),
        ("state.set", {"name": "seen", "value": 1}, []),
        ("wait.for", {"duration": 60}, []),
        ("transform.set", {"value": COMPUTED}, []),
    ],
)
def test_deploying_agrees_to_exactly_what_is_written_out(
    name: str, config: Mapping[str, Any], agreed: list[tuple[str, str, int | None]]
) -> None:
    assert consents(name, config) == [Consent(*one) for one in agreed]


@pytest.mark.parametrize(
    ("name", "config", "field"),
    [
        ("notify.email", {"to": COMPUTED}, "to"),
        ("notify.email", {"to": ["a@x.com", COMPUTED]}, "to"),
        ("notify.email", {"to": "a@x.com", "cc": COMPUTED}, "cc"),
        ("notify.email", {"to": "{{ vars.name + steps.a.output.value }}"}, "to"),
        ("notify.email", {"to": "{{ vars.a }}@{{ trigger.body.domain }}"}, "to"),
        ("notify.slack", {"webhook_url": "https://hooks.slack.com/{{ trigger.body.path }}"}, "webhook_url"),
        ("notify.webhook", {"url": COMPUTED}, "url"),
        ("http.request", {"url": "https://{{ trigger.body.host }}/"}, "url"),
        ("http.request", {"url": "https://good.example{{ trigger.body.more }}"}, "url"),
        ("http.request", {"url": "https://good.example:{{ trigger.body.port }}/"}, "url"),
        ("http.request", {"url": "https://good.example\\{{ trigger.body.x }}/"}, "url"),
        ("http.request", {"url": "https://me@{{ trigger.body.x }}/"}, "url"),
        ("http.request", {"url": "{{ vars.origin + trigger.body.path }}"}, "url"),
        ("workflow.call", {"workflow_id": COMPUTED}, "workflow_id"),
        ("approval.request", {"approvers": COMPUTED}, "approvers"),
        ("approval.request", {"approvers": "Jo", "escalate_to": [COMPUTED]}, "escalate_to"),
    ],
)
def test_what_only_a_run_would_decide_is_agreed_to_by_nobody(name: str, config: Mapping[str, Any], field: str) -> None:
    found = [one for one in consents(name, config) if isinstance(one, Unbounded)]

    assert [one.field for one in found] == [field]
    assert found[0].fix


@pytest.mark.parametrize("url", ["https://user@x.com/", "ftp://x.com", "https://", "https://[::1]/", "//x.com", ""])
def test_an_address_that_the_config_refuses_agrees_to_nothing(url: str) -> None:
    assert consents("http.request", {"url": url}) == []


def test_two_channels_are_told_apart_without_showing_their_secret() -> None:
    one, other = (consents("notify.slack", {"webhook_url": SLACK + end})[0] for end in ("a", "b"))

    assert isinstance(one, Consent)
    assert isinstance(other, Consent)
    assert one.target != other.target
    assert one.target.startswith("hooks.slack.com#")
    assert "T0" not in one.target


@pytest.mark.parametrize(
    ("name", "config", "words"),
    [
        ("notify.email", {"to": "b@x.com", "cc": ["a@x.com"]}, "mail a@x.com and b@x.com"),
        (
            "notify.email",
            {"to": "a@x.com,b@x.com,c@x.com,d@x.com,e@x.com"},
            "mail a@x.com, b@x.com, c@x.com and 2 more",
        ),
        ("notify.email", {"to": COMPUTED}, "mail people chosen in the run"),
        (
            "notify.email",
            {"to": COMPUTED, "allow": {"to": "@x.com", "max_per_run": 5}},
            "mail up to 5 people of @x.com",
        ),
        ("notify.slack", {"text": "Hi"}, "post to Slack"),
        ("notify.teams", {"webhook_url": "https://x.com/1"}, "post to Teams through x.com"),
        ("notify.webhook", {"url": "https://x.com/1"}, "post to x.com"),
        ("http.request", {"url": "https://x.com/"}, "read from x.com"),
        ("http.request", {"url": COMPUTED, "method": "PUT"}, "send a PUT request to an address given by a template"),
        ("wait.for", {"duration": "P1DT2H"}, "wait 1 day 2 hours"),
        ("wait.for", {"duration": "{{ vars.days }}"}, "wait as long as a template says"),
        ("wait.until", {"at": "2026-12-01"}, "wait until 2026-12-01"),
        ("wait.until", {"next": "working_day", "time": "07:00"}, "wait until 07:00 of the next working day"),
        ("approval.request", {"approvers": ["Jo", "a@x.com"]}, "ask Jo and a@x.com to approve"),
        ("approval.request", {"approvers": COMPUTED}, "ask somebody to approve"),
        ("workflow.call", {"workflow_id": "wf_1"}, "run the workflow wf_1"),
        ("state.set", {"name": "seen"}, "remember seen for later runs"),
    ],
)
def test_an_effect_is_told_in_words(name: str, config: Mapping[str, Any], words: str) -> None:
    found = TYPES.get(name)
    assert found is not None
    assert found.words is not None

    assert found.words(config, SETTING) == words


@pytest.mark.parametrize(
    ("name", "config", "effect"),
    [
        ("http.request", {}, "read"),
        ("http.request", {"method": "HEAD"}, "read"),
        ("http.request", {"method": "DELETE"}, "write"),
        ("http.request", {"method": "{{ vars.method }}"}, "write"),
        ("notify.log", {}, "notify"),
        ("state.get", {}, "read"),
        ("state.set", {}, "write"),
        ("transform.map", {}, "pure"),
        ("wait.until", {}, "wait"),
        ("approval.request", {}, "wait"),
        ("workflow.call", {}, "write"),
    ],
)
def test_an_action_keeps_its_place_in_the_order_unless_it_only_reads(
    name: str, config: Mapping[str, Any], effect: str
) -> None:
    found = TYPES.get(name)
    assert found is not None

    assert found.effect_of(config) == effect


def test_only_an_approval_asks_a_person() -> None:
    asking = [name for name in TYPES.names() if (found := TYPES.get(name)) and found.asks_person]

    assert asking == ["approval.request"]
