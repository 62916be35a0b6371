"""What a successor is told, and what the client hears about calls that were lost."""

import json
from typing import Any

from construction_mcp.front.bounds import STANDING_BYTES_MAX
from construction_mcp.front.conversation import REPLAY, Conversation

INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-11-25"}}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


def request(request_id: Any, method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}


def heard(*messages: dict[str, Any]) -> Conversation:
    conversation = Conversation()
    for message in messages:
        conversation.heard(message["method"], message.get("id"), message.get("params"))
    return conversation


def replayed(conversation: Conversation) -> list[dict[str, Any]]:
    return [json.loads(frame) for frame in conversation.replay()]


def test_the_handshake_is_replayed_under_an_id_of_our_own() -> None:
    first, second = replayed(heard(INITIALIZE, INITIALIZED))

    assert first == {**INITIALIZE, "id": f"{REPLAY}0"}
    assert second == INITIALIZED


def test_a_modern_opening_is_replayed_without_its_effect() -> None:
    """The first request may be a tools/call; replaying it would act twice."""
    (opening,) = replayed(heard(request(1, "tools/call", name="deploy", _meta={**META, "progressToken": 1})))

    assert opening["method"] == "server/discover"
    assert opening["params"] == {"_meta": META}


def test_the_era_is_kept_even_where_the_client_never_initialized() -> None:
    (opening,) = replayed(heard(request(1, "tools/list")))

    assert opening["method"] == "ping"


def test_live_subscriptions_and_the_log_level_are_replayed_and_dropped_ones_are_not() -> None:
    conversation = heard(
        INITIALIZE,
        request(2, "resources/subscribe", uri="workflow://a/status"),
        request(3, "resources/subscribe", uri="workflow://b/status"),
        request(4, "resources/unsubscribe", uri="workflow://a/status"),
        request(5, "logging/setLevel", level="error"),
        request(6, "logging/setLevel", level="debug"),
    )
    methods = [(message["method"], message["params"]) for message in replayed(conversation)[1:]]

    assert methods == [
        ("resources/subscribe", {"uri": "workflow://b/status"}),
        ("logging/setLevel", {"level": "debug"}),
    ]


def test_subscriptions_are_replayed_as_far_as_there_is_room_and_dropped_ones_make_some() -> None:
    """What a client makes us remember is bounded, whether by one huge frame or by many."""
    long = "workflow://" + "x" * (STANDING_BYTES_MAX // 3)
    conversation = heard(INITIALIZE, *(request(n, "resources/subscribe", uri=f"{long}{n}") for n in range(2, 7)))
    full = len(replayed(conversation))
    for number in (2, 3):
        conversation.heard("resources/unsubscribe", 10 + number, {"uri": f"{long}{number}"})
    conversation.heard("resources/subscribe", 20, {"uri": "workflow://a/status"})

    assert full == 1 + 2
    assert [message.get("params", {}).get("uri") for message in replayed(conversation)[1:]] == ["workflow://a/status"]


def test_a_listen_keeps_its_id_and_its_second_acknowledgement_is_hidden() -> None:
    conversation = heard(request(1, "server/discover", _meta=META), request("s", "subscriptions/listen", _meta=META))
    listen = replayed(conversation)[1]
    acknowledged = {
        "method": "notifications/subscriptions/acknowledged",
        "params": {"_meta": {"io.modelcontextprotocol/subscriptionId": "s"}},
    }

    conversation.heard("subscriptions/listen", "s", {"_meta": META})
    conversation.answered("s")

    assert conversation.in_flight == {1: "server/discover"}
    assert listen["id"] == "s"
    assert [conversation.is_hidden(acknowledged) for _ in range(2)] == [True, False]


def test_a_finished_or_cancelled_listen_is_not_replayed() -> None:
    conversation = heard(
        request(1, "subscriptions/listen", _meta=META),
        request(2, "subscriptions/listen", _meta=META),
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}},
    )
    conversation.answered(1)

    assert [message["method"] for message in replayed(conversation)] == ["server/discover"]


def test_answers_to_the_replay_are_hidden_and_nothing_else() -> None:
    conversation = Conversation()

    assert conversation.is_hidden({"id": f"{REPLAY}0", "result": {}})
    assert not conversation.is_hidden({"id": 0, "result": {}})


def test_calls_left_behind_are_answered_once_and_cancelled_ones_never() -> None:
    conversation = heard(
        INITIALIZE,
        request(2, "tools/call", name="x"),
        request(3, "resources/read", uri="x"),
        request(4, "tools/call", name="x"),
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "4"}},
    )
    conversation.answered(1)
    call, read = (json.loads(line) for line in conversation.fail_in_flight())

    assert call["result"]["isError"] is True
    assert call["result"]["structuredContent"]["error"]["code"] == "SYSTEM_OWNER_GONE"
    assert read["error"]["data"]["error"]["retryable"] is True
    assert conversation.fail_in_flight() == []


def test_a_dead_servers_questions_are_taken_back() -> None:
    conversation = heard(INITIALIZE)
    conversation.answered(1)
    conversation.questions.add("mark-1")
    (line,) = conversation.fail_in_flight()

    assert json.loads(line)["params"]["requestId"] == "mark-1"
    assert conversation.fail_in_flight() == []


def test_a_nonsense_cancellation_cancels_nothing() -> None:
    conversation = heard(INITIALIZE)
    for nonsense in (True, "9" * 5000, None, 1.0, {}):
        conversation.heard("notifications/cancelled", None, {"requestId": nonsense})

    assert conversation.in_flight == {1: "initialize"}


def test_an_id_used_twice_at_once_is_in_flight_until_both_are_answered() -> None:
    conversation = heard(request(1, "ping"), request(1, "ping"))
    conversation.answered(1)
    was_idle = conversation.is_idle
    conversation.answered(1)

    assert (was_idle, conversation.is_idle) == (False, True)
