"""A stream pair for the SDK over anything that carries lines: our own stdio and the owner's local connections.

The SDK cancels whatever runs as soon as its read stream ends. So the end of input is passed on only when every call
read before it is answered, or after `drain_s`.
"""

import asyncio
from collections import deque
from secrets import token_hex
from types import TracebackType
from typing import Any

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import CONNECTION_CLOSED, ErrorData, JSONRPCError, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from construction_mcp.core.config import Limits
from construction_mcp.front.bounds import UNSENT_BYTES_HIGH
from construction_mcp.front.conversation import LISTEN, REPLAY, Conversation
from construction_mcp.front.frames import RequestId
from construction_mcp.server.codec import Refused, decode, encode
from construction_mcp.server.lines import Lines, Outlet


class Channel:
    """One client's frames in, one client's lines out. Everything happens on the event loop."""

    def __init__(self, outlet: Outlet, conversation: Conversation, limits: Limits) -> None:
        self.incoming = Incoming(self)
        self.outgoing = Outgoing(self)
        self._outlet = outlet
        self._conversation = conversation
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._queue: deque[SessionMessage] = deque()
        self._reader: asyncio.Future[None] | None = None
        # Our questions to the client, by the id it sees. The SDK's ids start at 1 in every process, so without a mark
        # a late answer to a dead owner's question would be taken for an answer to its successor's.
        self._asked: dict[str | int, str | int] = {}
        self._mark = token_hex(4)
        self._lines = Lines(outlet)
        self._ended_at: float | None = None
        self._is_closed = False
        self._keeps_listens = False
        self._deadline: asyncio.TimerHandle | None = None

    # the sink side

    def frames(self, frames: list[bytes]) -> None:
        """Take lines from the client; what is no message is answered at once."""
        for frame in frames:
            try:
                message = decode(frame, self._limits.json_depth_max)
            except Refused as refusal:
                self._write(refusal.answer)
                continue
            self._take(message)
        self._wake()

    def end(self) -> None:
        """No more lines will come: answer what was read, then let the SDK see the end."""
        if self._ended_at is not None:
            return
        self._ended_at = self._loop.time()
        self._deadline = self._loop.call_later(self._limits.drain_s, self._close)
        for request_id in self._asked.values():  # nobody is left to answer them, and handlers wait
            gone = ErrorData(code=CONNECTION_CLOSED, message="The client closed its end")
            self._queue.append(SessionMessage(JSONRPCError(jsonrpc="2.0", id=request_id, error=gone)))
        self._asked.clear()
        self._close_if_done()
        self._wake()

    @property
    def drain_left_s(self) -> float:
        """Seconds until the end of input has to be the end of everything."""
        spent = 0.0 if self._ended_at is None else self._loop.time() - self._ended_at
        return max(0.0, self._limits.drain_s - spent)

    def end_for_successor(self) -> None:
        """As `end`, for a client that another server goes on with: open listens get no answer here."""
        self._keeps_listens = True
        self.end()

    def answer(self, request_id: RequestId, line: bytes) -> None:
        """Send an answer that was found without the SDK, to a request that the conversation has heard."""
        self._write(line)
        self._settle(request_id)

    # the SDK side

    async def receive(self) -> SessionMessage | None:
        """The next message; None at the end."""
        while not self._queue:
            if self._is_closed:
                return None
            self._reader = self._loop.create_future()
            await self._reader
        return self._queue.popleft()

    async def send(self, item: SessionMessage) -> None:
        """Send one message, waiting while the client leaves too much unread."""
        message = item.message
        if isinstance(message, JSONRPCResponse | JSONRPCError):
            if self._is_kept_listen(message.id):
                return
            if not _is_replayed(message.id):
                self._write(encode(message))
            self._settle(message.id)
        else:
            if self._is_hidden_notification(message):
                return
            self._write(encode(self._marked(message)))
        if self._outlet.unsent_bytes > UNSENT_BYTES_HIGH:
            sent = asyncio.Event()
            self._outlet.when_sent(sent.set)
            await sent.wait()

    def _take(self, message: Any) -> None:
        if isinstance(message, JSONRPCRequest):
            self._conversation.heard(message.method, message.id, message.params)
        elif isinstance(message, JSONRPCNotification):
            self._conversation.heard(message.method, None, message.params)
        else:
            asked = self._asked.pop(message.id or 0, None)
            if asked is None:
                return  # nobody asked, or not in this process
            message = message.model_copy(update={"id": asked})
        self._queue.append(SessionMessage(message))

    def _marked(self, message: JSONRPCRequest | JSONRPCNotification) -> JSONRPCRequest | JSONRPCNotification:
        """Give our questions ids of their own, and use them where we take a question back."""
        if isinstance(message, JSONRPCRequest):
            shown = f"{self._mark}-{message.id}"
            self._asked[shown] = message.id
            return message.model_copy(update={"id": shown})
        if message.method == "notifications/cancelled" and message.params:
            shown = f"{self._mark}-{message.params.get('requestId')}"
            if self._asked.pop(shown, None) is not None:
                return message.model_copy(update={"params": {**message.params, "requestId": shown}})
        return message

    def _settle(self, request_id: str | int | None) -> None:
        self._conversation.answered(request_id)
        if self._ended_at is not None:
            self._close_if_done()

    def _is_kept_listen(self, request_id: str | int | None) -> bool:
        return self._keeps_listens and request_id is not None and self._conversation.in_flight.get(request_id) == LISTEN

    def _is_hidden_notification(self, message: JSONRPCRequest | JSONRPCNotification) -> bool:
        return message.method == "notifications/subscriptions/acknowledged" and self._conversation.is_hidden(
            {"method": message.method, "params": message.params}
        )

    # ends

    def _close_if_done(self) -> None:
        if self._conversation.is_idle:
            self._close()

    def _close(self) -> None:
        self._is_closed = True
        if self._deadline is not None:
            self._deadline.cancel()
        self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def _write(self, line: bytes) -> None:
        self._lines.write(line, is_alone=len(self._conversation.in_flight) <= 1)

    def flush(self) -> None:
        """Hand over what is collected."""
        self._lines.flush()


def _is_replayed(request_id: str | int | None) -> bool:
    return isinstance(request_id, str) and request_id.startswith(REPLAY)


class Incoming:
    """The SDK's `ReadStream` of a channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def receive(self) -> SessionMessage | Exception:
        item = await self._channel.receive()
        if item is None:
            raise anyio.EndOfStream
        return item

    async def aclose(self) -> None:
        """Nothing to close: the channel's lines belong to the transport."""

    def __aiter__(self) -> "Incoming":
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        item = await self._channel.receive()
        if item is None:
            raise StopAsyncIteration
        return item

    async def __aenter__(self) -> "Incoming":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class Outgoing:
    """The SDK's `WriteStream` of a channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def send(self, item: SessionMessage, /) -> None:
        await self._channel.send(item)

    async def aclose(self) -> None:
        self._channel.flush()

    async def __aenter__(self) -> "Outgoing":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
