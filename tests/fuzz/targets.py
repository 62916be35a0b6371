"""Where bytes of strangers enter, as functions of bytes: what may come out, and nothing else.

Each target returns quietly for anything it is given; what it raises is a finding. `python -m tests.fuzz` feeds them.
"""

from collections.abc import Callable, Mapping

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Invalid
from construction_mcp.core.json import depth_of, read_json, write_json
from construction_mcp.expressions.lexing import chains_of, tokens_of
from construction_mcp.expressions.templates import Hole, parse
from construction_mcp.front.frames import FrameSplitter, Oversize, find_id
from construction_mcp.front.static import modern_call
from construction_mcp.procore.webhooks import read_event
from construction_mcp.server.codec import Refused, decode, encode

LIMITS = Limits()
SMALL_FRAME = 4096  # so that lines over the cap are met often


def frame(data: bytes) -> None:
    """A stream on stdin: lines are cut the same however they arrive, and each is a message or a refusal."""
    whole = FrameSplitter(SMALL_FRAME)
    lines = whole.feed(data) + whole.finish()
    bitten = FrameSplitter(SMALL_FRAME)
    assert [line for byte in data for line in bitten.feed(bytes([byte]))] + bitten.finish() == lines
    for line in lines:
        if isinstance(line, Oversize):
            find_id(line.head, line.tail)
            continue
        modern_call(line)
        answer = _answer(line)
        assert answer.endswith(b"\n")
        assert answer.count(b"\n") == 1


def _answer(line: bytes) -> bytes:
    """The line back for a message, or for what is none."""
    try:
        return encode(decode(line, LIMITS.json_depth_max))
    except Refused as refused:
        return refused.answer


def json(data: bytes) -> None:
    """A body: a value that fits its bounds and survives being written, or Invalid."""
    try:
        value = read_json(data, bytes_max=SMALL_FRAME, depth_max=LIMITS.json_depth_max, unique_keys=True)
    except Invalid:
        return
    assert depth_of(value, LIMITS.json_depth_max + 1) <= LIMITS.json_depth_max
    assert read_json(write_json(value), depth_max=LIMITS.json_depth_max) == value


def template(data: bytes) -> None:
    """A text of a workflow: its parts are its text in order, and a text without holes is one part."""
    text = data.decode("utf-8", "replace")
    parts = parse(text).parts
    rest = text
    for part in parts:
        words = part.text if isinstance(part, Hole) else part
        at = rest.find(words)
        assert at >= 0
        rest = rest[at + len(words) :]
    if "{{" not in text:
        assert parts == (text,)
    for part in parts:
        if isinstance(part, Hole):
            tokens_of(part.text)
            chains_of(part.text)


def webhook(data: bytes) -> None:
    """A delivery: an event that has an id, or Invalid."""
    try:
        body = read_json(data, bytes_max=LIMITS.delivery_bytes_max, depth_max=LIMITS.json_depth_max, unique_keys=True)
        event = read_event(body)
    except Invalid:
        return
    assert event.id
    assert event.resource_name


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "frame": frame,
    "json": json,
    "template": template,
    "webhook": webhook,
}
