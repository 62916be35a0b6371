"""R6: every malformed frame has an answer, with the id wherever one can be found."""

import json
import time

import pytest

from construction_mcp.core.config import Limits
from construction_mcp.front import bounds
from construction_mcp.front.frames import FrameSplitter, Oversize, find_id
from construction_mcp.server.codec import Refused, decode

DEEP = '{"a":' * 70 + "1" + "}" * 70

# frame, code, id of the answer
MALFORMED = {
    "empty line": (b"", -32700, None),
    "spaces": (b"   ", -32700, None),
    "not json": (b"hello", -32700, None),
    "truncated": (b'{"jsonrpc":"2.0","id":7,"method":"ping"', -32700, None),
    "two in one line": (b'{"jsonrpc":"2.0","id":7,"method":"ping"}{}', -32700, None),
    "invalid utf-8": (b'{"jsonrpc":"2.0","id":7,"method":"\xff\xfe"}', -32700, None),
    "byte order mark": (b'\xef\xbb\xbf{"jsonrpc":"2.0","id":7,"method":"ping"}', -32700, None),
    "utf-16": ('{"jsonrpc":"2.0","id":7,"method":"ping"}'.encode("utf-16-le"), -32700, None),
    "NUL byte": (b'{"jsonrpc":"2.0","id":7,"method":"pi\x00ng"}', -32700, None),
    "NaN": (b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":NaN}}', -32700, None),
    "number of 5,000 digits": (
        b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":%s}}' % (b"9" * 5000),
        -32700,
        None,
    ),
    "lone surrogate": (b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":"\\ud800"}}', -32600, 7),
    "lone surrogate as id": (b'{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}', -32600, None),
    "string": (b'"ping"', -32600, None),
    "number": (b"7", -32600, None),
    "null": (b"null", -32600, None),
    "batch": (b'[{"jsonrpc":"2.0","id":7,"method":"ping"}]', -32600, None),
    "empty batch": (b"[]", -32600, None),
    "empty object": (b"{}", -32600, None),
    "no jsonrpc": (b'{"id":7,"method":"ping"}', -32600, 7),
    "jsonrpc 1.0": (b'{"jsonrpc":"1.0","id":7,"method":"ping"}', -32600, 7),
    "jsonrpc as number": (b'{"jsonrpc":2.0,"id":"a","method":"ping"}', -32600, "a"),
    "no method": (b'{"jsonrpc":"2.0","id":7}', -32600, 7),
    "method as number": (b'{"jsonrpc":"2.0","id":7,"method":1}', -32600, 7),
    "notification with a bad method": (b'{"jsonrpc":"2.0","method":null}', -32600, None),
    "params as list": (b'{"jsonrpc":"2.0","id":7,"method":"ping","params":[1]}', -32600, 7),
    "params as string": (b'{"jsonrpc":"2.0","id":7,"method":"ping","params":"x"}', -32600, 7),
    "id null": (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600, None),
    "id true": (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', -32600, None),
    "id fraction": (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600, None),
    "id object": (b'{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600, None),
    "too deep": (b'{"jsonrpc":"2.0","id":7,"method":"ping","params":%s}' % DEEP.encode(), -32600, 7),
    "far too deep": (
        b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":%s}}' % (b"[" * 5000 + b"]" * 5000),
        -32600,
        7,
    ),
    "answer with both": (b'{"jsonrpc":"2.0","id":7,"result":{},"error":{"code":1,"message":""}}', -32600, None),
    "answer with a bad result": (b'{"jsonrpc":"2.0","id":7,"result":3}', -32600, None),
    "answer with a bad error": (b'{"jsonrpc":"2.0","id":7,"error":"no"}', -32600, None),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_each_kind_of_malformed_frame_is_refused_with_its_code_and_id(kind: str) -> None:
    frame, code, request_id = MALFORMED[kind]
    with pytest.raises(Refused) as refused:
        decode(frame, Limits().json_depth_max)
    answer = json.loads(refused.value.answer)

    assert (answer["error"]["code"], answer["id"]) == (code, request_id)


def test_the_worst_line_is_refused_within_a_second() -> None:
    """As large as a line may be, and nothing but brackets: parsers recurse, walkers walk."""
    frame = b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":' + b"[[]," * 1_000_000 + b"0"
    started = time.monotonic()
    with pytest.raises(Refused):
        decode(frame, Limits().json_depth_max)

    assert time.monotonic() - started < 1.0


@pytest.mark.parametrize(
    ("frame", "request_id"),
    [
        (b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"x":"%s"}}', 7),
        (b'{"jsonrpc":"2.0","id":"a-7","method":"tools/call","params":{"x":"%s"}}', "a-7"),
        (b'{"method":"tools/call","params":{"id":1,"x":"%s"},"jsonrpc":"2.0","id":7}', 7),
        (b'{"method":"tools/call","params":{"x":"%s","id":1}}', None),
        (b'{"method":"tools/call","params":{"x":"%s"},"id":1.5}', None),
        (b'{"id":true,"method":"tools/call","params":{"x":"%s"}}', None),
        (b'[{"id":7,"x":"%s"}]', None),
    ],
)
def test_a_line_over_the_cap_is_skipped_and_its_id_found(frame: bytes, request_id: int | str | None) -> None:
    splitter = FrameSplitter(bytes_max=20_000)
    large = frame % (b"y" * 50_000)
    pieces = [large[start : start + 7000] for start in range(0, len(large), 7000)]
    frames = [found for piece in [*pieces, b"\r\nnext\n"] for found in splitter.feed(piece)]

    assert isinstance(frames[0], Oversize)
    assert find_id(frames[0].head, frames[0].tail) == request_id
    assert frames[1:] == [b"next"]


def test_lines_may_end_in_crlf_and_arrive_in_any_pieces() -> None:
    data = b'{"a":1}\r\n{"b":2}\n\n{"c":3}'
    for size in range(1, len(data) + 1):
        splitter = FrameSplitter()
        frames = [frame for start in range(0, len(data), size) for frame in splitter.feed(data[start : start + size])]

        assert frames + splitter.finish() == [b'{"a":1}', b'{"b":2}', b"", b'{"c":3}']


def test_the_fronts_bounds_are_the_houses_limits() -> None:
    limits = Limits()

    assert limits.frame_bytes_max == bounds.FRAME_BYTES_MAX
    assert limits.drain_s == bounds.DRAIN_S
