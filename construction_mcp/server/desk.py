"""Plain reads, answered by the house itself: all of a process's first calls while the SDK is still being imported,
and afterwards those that stay inside this data directory.

The house needs a quarter of the time that the SDK does, and most first calls are plain reads, for which the wire is
only wrapping: the same dispatcher gives the same outcome, and the line around it is the SDK's to the byte (a test
compares them). Whatever needs more than that, and whatever is not answered when the SDK is ready, is the SDK's: its
frames are handed on in the order they came.

Afterwards the SDK holds the connection's state, so a read is answered here only while nothing of that state bears on
it: the front settled era and version itself, and no call is with the SDK that this one would overtake. Such a read
counts in the conversation as any call does, which is how it is cancelled and drained.
"""

import asyncio
from typing import Any, Protocol

from pydantic_core import to_json

from construction_mcp.bootstrap import House
from construction_mcp.core.types import Principal
from construction_mcp.front.frames import RequestId
from construction_mcp.front.session import Sink
from construction_mcp.front.static import MODERN, StaticFront, ToolCall, answer_line
from construction_mcp.registry.catalog import View
from construction_mcp.registry.dispatch import Call
from construction_mcp.registry.shape import Outcome
from construction_mcp.server.lines import Lines, Outlet
from construction_mcp.server.result import run_tool, tool_result


class Successor(Sink, Protocol):
    """Who answers what the desk does not."""

    def answer(self, request_id: RequestId, line: bytes) -> None:
        """Send the desk's answer to a request that the conversation has heard."""
        ...


class Desk:
    """The session's sink from the house's opening on; once there is a successor it passes on what is not its own."""

    def __init__(self, front: StaticFront, outlet: Outlet, house: House, view: View, person: Principal) -> None:
        self._front = front
        self._conversation = front.conversation
        self._lines = Lines(outlet)
        self._house = house
        self._surroundings = Call(person, view)
        self._running: dict[asyncio.Task[None], bytes] = {}  # before there is a successor
        self._quick: dict[RequestId, asyncio.Task[None]] = {}  # afterwards
        self._kept: list[bytes] = []
        self._has_ended = False
        self._stirred = asyncio.Event()
        self._successor: Successor | None = None

    def frames(self, frames: list[bytes]) -> None:
        """Answer what can be answered; the first frame that cannot and all later ones are the successor's."""
        if self._successor is not None:
            self._share(frames, self._successor)
            return
        self._stirred.set()
        for frame in frames:
            if self._kept or not self._take(frame):
                self._kept.append(frame)

    def end(self) -> None:
        """The end of input is the successor's to judge, after everything that came before it."""
        self._has_ended = True
        self._stirred.set()
        if self._successor is not None:
            self._successor.end()

    async def serve_first(self, patience_s: float, quiet_s: float, most_s: float) -> None:
        """Let calls have the CPU until none came for `quiet_s` or one takes `patience_s`; not once one needs the SDK.

        Beside the import of the SDK every call takes twice its time, and so does the import. At most `most_s`: other
        processes wait at a door that the SDK opens.
        """
        now = asyncio.get_running_loop().time
        until = now() + most_s
        while now() < until and not (self._needs_sdk or self._has_ended):
            self._stirred.clear()
            try:
                async with asyncio.timeout(patience_s if self._running else quiet_s):
                    await self._stirred.wait()
            except TimeoutError:
                return

    @property
    def _needs_sdk(self) -> bool:
        """A frame waits for it, or a call that was looked at and left."""
        return bool(self._kept) or any(task.done() for task in self._running)

    def hand_over(self, successor: Successor) -> None:
        """Give `successor` what is known and what is not answered. A read under way begins again there: only its server
        can tell the client of progress."""
        self._lines.flush()
        running, self._running = self._running, {}
        for task in running:
            task.cancel()
        self._successor = successor
        successor.frames([*self._conversation.replay(), *running.values(), *self._kept])
        self._kept.clear()
        if self._has_ended:
            successor.end()

    def leave(self) -> None:
        """Give up what is not answered: the successor's server has ended, and with it its own calls."""
        for task in self._quick.values():
            task.cancel()

    # before the SDK is there

    def _take(self, frame: bytes) -> bool:
        taken = self._front.take(frame)
        if isinstance(taken, bytes):
            self._lines.write(taken, is_alone=not self._running)
            return True
        if taken is None or not self._house.dispatcher.is_read(taken.name, self._surroundings):
            return False
        task = asyncio.get_running_loop().create_task(self._answer(taken))
        self._running[task] = frame
        task.add_done_callback(lambda _: self._stirred.set())
        return True

    async def _answer(self, call: ToolCall) -> None:
        """Answer one call, or leave its frame among the unanswered."""
        line = await self._line(call)
        task = asyncio.current_task()
        if line is not None and task is not None and self._successor is None:
            del self._running[task]
            self._conversation.heard("tools/call", call.id, call.params)
            self._conversation.answered(call.id)
            self._lines.write(line, is_alone=not self._running)

    # beside the SDK

    def _share(self, frames: list[bytes], successor: Successor) -> None:
        for number, frame in enumerate(frames):
            if not self._take_quick(frame):
                successor.frames(frames[number:])
                self._stop_cancelled()
                return

    def _take_quick(self, frame: bytes) -> bool:
        if b'"tools/call"' not in frame or not self._may_answer():
            return False
        call = self._front.call(frame)
        if call is None or call.id in self._conversation.in_flight:
            return False
        if not self._house.dispatcher.is_quick_read(call.name, self._surroundings):
            return False
        self._conversation.heard("tools/call", call.id, call.params)
        self._quick[call.id] = asyncio.get_running_loop().create_task(self._answer_quick(call, frame))
        return True

    def _may_answer(self) -> bool:
        conversation, own = self._conversation, len(self._quick)
        is_alone = (
            len(conversation.in_flight) == own or conversation.calls_in_flight == own
        )  # the first is the cheap one
        return is_alone and self._front.knows_the_connection

    async def _answer_quick(self, call: ToolCall, frame: bytes) -> None:
        line = None
        try:
            line = await self._line(call)
        finally:
            if self._quick.get(call.id) is asyncio.current_task():  # else it was cancelled, and nobody wants an answer
                del self._quick[call.id]
                self._finish(call, frame, line)

    def _finish(self, call: ToolCall, frame: bytes, line: bytes | None) -> None:
        assert self._successor is not None
        if line is not None:
            self._successor.answer(call.id, line)
        else:
            self._conversation.answered(call.id)  # as if never heard: an answer that only the SDK can write
            self._successor.frames([frame])

    def _stop_cancelled(self) -> None:
        for request_id in self._quick.keys() - self._conversation.in_flight.keys():
            self._quick.pop(request_id).cancel()

    async def _line(self, call: ToolCall) -> bytes | None:
        """Make the call; its answer as the SDK writes it, or None for one that the SDK should judge."""
        if not self._house.dispatcher.is_plain_read(call.name, self._surroundings):
            return None
        outcome, trace = await run_tool(self._house, call.name, call.arguments, self._surroundings)
        modern = call.version == MODERN
        result = as_sent(outcome, tool_result(outcome, trace, call.version, modern=modern), modern=modern)
        return None if result is None else answer_line(call.id, result)


def as_sent(outcome: Outcome, result: dict[str, Any], *, modern: bool) -> bytes | None:
    """The result as the SDK writes it: known keys in the order of the alphabet. None for what the SDK should judge."""
    if outcome.structured is None:
        return None  # content blocks of the tool's own making
    if not modern:
        del result["resultType"]
    content = [{"text": block["text"], "type": block["type"]} for block in result["content"]]
    try:
        return to_json(dict(sorted({**result, "content": content}.items())))
    except ValueError:  # a lone surrogate
        return None
