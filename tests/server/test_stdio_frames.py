"""R6 through a real process: thousands of broken lines, none unanswered, none fatal."""

import json
import os
import random
import time
from pathlib import Path
from typing import Any

import pytest

from tests.stdio_process import INITIALIZE, ROOT, StdioProcess

BATCH = 100  # frames between two signs of life
HANG_S = 1.0


@pytest.mark.parametrize("count", [2_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_every_malformed_frame_is_answered(tmp_path: Path, count: int) -> None:
    seed = int(os.environ.get("FRAMES_SEED", "2611"))
    random_ = random.Random(seed)
    with StdioProcess(tmp_path / "data", plugins=False) as client:
        client.open_live()
        for start in range(0, count, BATCH):
            frames = [spoil(random_, start + number) for number in range(BATCH)]
            sign = f"alive-{start}"
            client.send_bytes(b"".join(frame + b"\n" for frame in frames))
            sent_at = time.monotonic()
            client.request("ping", request_id=sign)
            answers = collect(client, sign, sum(wants_answer(frame) for frame in frames))

            assert time.monotonic() - sent_at < HANG_S, f"seed {seed}, batch {start}"
            named = {answer["id"] for answer in answers if answer["id"] is not None}
            missing = [frame for frame in frames if (frame_id := id_of(frame)) is not None and frame_id not in named]
            assert not missing, f"seed {seed}, batch {start}"
            text = json.dumps(answers)
            assert "Traceback" not in text
            assert str(ROOT) not in text
        client.close_input()

        assert client.rest() == []
        assert client.wait() == 0


def test_a_line_over_the_cap_is_answered_and_the_next_one_served(tmp_path: Path) -> None:
    with StdioProcess(tmp_path / "data", plugins=False) as client:
        client.open()
        params = {"name": "find_tools", "arguments": {"query": "x" * (5 * 1024 * 1024)}}
        request_id = client.request("tools/call", params)

        assert client.answer(request_id)["error"]["code"] == -32600
        assert "result" in client.ask("ping")


@pytest.mark.parametrize("early", [b"\xff\n", b"[]\n", b"{}\n", b'{"jsonrpc":"1.0","id":1,"method":"initialize"}\n'])
def test_a_bad_first_frame_does_not_spoil_the_session(tmp_path: Path, early: bytes) -> None:
    with StdioProcess(tmp_path / "data", plugins=False) as client:
        client.send_bytes(early)
        refused = client.read()
        answer = client.answer(client.request("initialize", INITIALIZE, request_id="later"))

        assert "error" in refused
        assert answer["result"]["protocolVersion"] == "2025-11-25"


def spoil(random_: random.Random, number: int) -> bytes:
    """A request with an id of its own, damaged in one of many ways."""
    message: dict[str, Any] = {
        "jsonrpc": "2.0",
        "id": random_.choice([number, f"s{number}"]),
        "method": random_.choice(["ping", "tools/list", "tools/call", "no/such", "prompts/get", "resources/read"]),
        "params": random_.choice(
            [{}, {"name": "x"}, {"uri": "file:///etc/passwd"}, {"cursor": "\u0000"}, {"_meta": {}}]
        ),
    }
    spoiler = random_.randrange(8)
    if spoiler == 0:
        del message[random_.choice(list(message))]
    elif spoiler == 1:
        message[random_.choice(list(message))] = random_.choice([None, True, 1.5, [], {}, "", -1, "2.0"])
    elif spoiler == 2:
        message["params"] = json.loads('{"a":' * 80 + "1" + "}" * 80)
    elif spoiler == 3:
        message = {"result": random_.choice([1, None]), "id": number, "jsonrpc": "2.0"}
    frame = json.dumps(message).encode()
    if spoiler == 4:
        frame = frame[: random_.randrange(1, len(frame))]
    elif spoiler == 5:
        at = random_.randrange(len(frame))
        frame = frame[:at] + random_.randbytes(random_.randrange(1, 4)).replace(b"\n", b"?") + frame[at + 1 :]
    elif spoiler == 6:
        frame = random_.randbytes(random_.randrange(1, 60)).replace(b"\n", b"?")
    elif spoiler == 7:
        frame = random_.choice([b"[%s]" % frame, frame * 2, b"\xef\xbb\xbf" + frame, frame.decode().encode("utf-16")])
    return frame.replace(b"\n", b"?")


def parsed(frame: bytes) -> Any:
    """What an independent reader makes of it; None when it is not JSON."""
    try:
        return json.loads(frame.removesuffix(b"\r").decode("utf-8"))
    except (ValueError, RecursionError):
        return None


def id_of(frame: bytes) -> int | str | None:
    """The id the client waits for, if an independent reader finds a request with one."""
    message = parsed(frame)
    if not isinstance(message, dict) or "result" in message or "error" in message:
        return None
    request_id = message.get("id")
    return request_id if isinstance(request_id, int | str) and not isinstance(request_id, bool) else None


def wants_answer(frame: bytes) -> bool:
    """Everything but a well-formed notification."""
    message = parsed(frame)
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0" or "id" in message:
        return True
    is_named = isinstance(message.get("method"), str)
    return not (is_named and isinstance(message.get("params", {}), dict | None))


def collect(client: StdioProcess, sign: str, count: int) -> list[dict[str, Any]]:
    """The answers to one batch: `count` of them and the sign of life."""
    answers: list[dict[str, Any]] = []
    while len(answers) < count + 1:
        answers.append(client.read())
    assert any(answer.get("id") == sign for answer in answers)
    return answers
