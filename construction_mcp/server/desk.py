"""Plain reads, answered by the house itself: all of a process's first calls while the SDK is still being imported,
and afterwards those that stay inside this data directory.

The house needs a quarter of the time that the SDK does, and most first calls are plain reads, for which the wire is
only wrapping: the same dispatcher gives the same outcome, and the line around it is the SDK's to the byte (a test
compares them). Whatever needs more than that, and whatever is not answered when the SDK is ready, is the SDK's: its
frames are handed on in the order they came. A read that may wait for Procore is the SDK's once it is there, which lets
the client cancel it; one that takes a millisecond is over before anybody could.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from pydantic_core import to_json

from construction_mcp.bootstrap import House
from construction_mcp.core.types import Principal
from construction_mcp.front.session import Sink
from construction_mcp.front.static import MODERN, StaticFront, ToolCall
from construction_mcp.registry.catalog import View
from construction_mcp.registry.dispatch import Call
from construction_mcp.registry.shape import Outcome
from construction_mcp.server.result import run_tool, tool_result


class Desk:
    """The session's sink from the house's opening on; once there is a successor it passes on what is not its own."""

    def __init__(
        self, front: StaticFront, write: Callable[[bytes], None], house: House, view: View, person: Principal
    ) -> None:
        self._front = front
        self._write = write
        self._house = house
        self._surroundings = Call(person, view)
        self._running: dict[asyncio.Task[None], bytes] = {}
        self._kept: list[bytes] = []
        self._quick: dict[str, bool] = {}
        self._has_ended = False
        self._stirred = asyncio.Event()
        self._successor: Sink | None = None

    def frames(self, frames: list[bytes]) -> None:
        """Answer what can be answered; the first frame that cannot and all later ones wait for the successor."""
        if self._successor is not None:
            others = [frame for frame in frames if not self._take_quick(frame)]
            if others:
                self._successor.frames(others)
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
            self._end_when_settled(self._successor)

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

    def hand_over(self, successor: Sink) -> None:
        """Give `successor` what is known and what is not answered. A read under way begins again there: only its server
        can tell the client of progress, hear of a cancellation or drain."""
        for task in self._running:
            task.cancel()
        self._successor = successor
        successor.frames([*self._front.conversation.replay(), *self._running.values(), *self._kept])
        if self._has_ended:
            successor.end()

    async def settled(self) -> None:
        """Every call that was taken here is answered."""
        if self._running:
            await asyncio.wait(self._running)

    def _end_when_settled(self, successor: Sink) -> None:
        if not self._running:
            successor.end()
            return
        waiting = asyncio.gather(*self._running, return_exceptions=True)
        waiting.add_done_callback(lambda _: successor.end())

    def _take_quick(self, frame: bytes) -> bool:
        """Answer a call of a tool that was seen to be a plain read inside this directory; all others are the SDK's."""
        if b'"tools/call"' not in frame or (call := self._front.call(frame)) is None:
            return False
        quick = self._quick.get(call.name)
        if quick is None:
            quick = self._quick[call.name] = self._house.dispatcher.is_quick_read(call.name, self._surroundings)
        if not quick:
            return False
        task = asyncio.get_running_loop().create_task(self._answer_quick(call, frame))
        self._running[task] = frame
        return True

    async def _answer_quick(self, call: ToolCall, frame: bytes) -> None:
        answered = False
        try:
            answered = await self._made(call)
        finally:
            task = asyncio.current_task()
            if task is not None:
                self._running.pop(task, None)
            if not answered and self._successor is not None:
                self._successor.frames([frame])  # an answer that only the SDK can write

    def _take(self, frame: bytes) -> bool:
        answer = self._front(frame)
        if answer is not None:
            self._write(answer)
            return True
        call = self._front.call(frame)
        if call is None:
            return False
        task = asyncio.get_running_loop().create_task(self._answer(call))
        self._running[task] = frame
        task.add_done_callback(lambda _: self._stirred.set())
        return True

    async def _answer(self, call: ToolCall) -> None:
        """Answer one call, or leave its frame among the unanswered."""
        if not self._house.dispatcher.is_plain_read(call.name, self._surroundings):
            return
        result = await self._result(call)
        task = asyncio.current_task()
        if result is not None and task is not None and self._successor is None:
            del self._running[task]
            self._write(self._front.answer(call.id, "tools/call", call.params, result))

    async def _made(self, call: ToolCall) -> bool:
        """Make and answer the call; False where the answer is not one that can be written here."""
        result = await self._result(call)
        if result is None:
            return False
        self._write(self._front.answer(call.id, "tools/call", call.params, result))
        return True

    async def _result(self, call: ToolCall) -> bytes | None:
        outcome, trace = await run_tool(self._house, call.name, call.arguments, self._surroundings)
        modern = call.version == MODERN
        return _as_sent(outcome, tool_result(outcome, trace, call.version, modern=modern), modern=modern)


def _as_sent(outcome: Outcome, result: dict[str, Any], *, modern: bool) -> bytes | None:
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
