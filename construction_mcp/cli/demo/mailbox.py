"""The mail server of the demo: keeps what is sent to it on loopback, to show it as it arrived.

As much of RFC 5321 as a sender needs: EHLO, MAIL, RCPT, DATA, RSET, NOOP, QUIT, without TLS and login. One address is
refused, as a mail server refuses somebody who has left.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

import anyio
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

_LINE_BYTES_MAX = 2_000
_MAIL_BYTES_MAX = 1_000_000


@dataclass
class Mailbox:
    """What arrived, oldest first. `refused`: the address that is answered 550."""

    refused: str
    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list)
    _came: anyio.Event = field(default_factory=anyio.Event)

    async def wait_for(self, subject: str, seconds: float, after: int = 0) -> EmailMessage | None:
        """The first, from the one numbered `after`, whose subject contains that; None when the time is up before."""
        with anyio.move_on_after(seconds):
            while (found := self._letter(subject, after)) is None:
                await self._came.wait()
            return found
        return None

    def _letter(self, subject: str, after: int) -> EmailMessage | None:
        return next((one for one in self.letters[after:] if subject in str(one["subject"])), None)

    def keep(self, content: bytes) -> None:
        """Take one mail."""
        letter = message_from_bytes(content, policy=SMTP)
        assert isinstance(letter, EmailMessage)
        self.letters.append(letter)
        self._came.set()
        self._came = anyio.Event()


@asynccontextmanager
async def open_mailbox(refused: str) -> AsyncIterator[Mailbox]:
    """A mailbox that listens on a free port of this machine, and on no other."""
    box = Mailbox(refused)
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    async with listener, anyio.create_task_group() as tasks:
        box.port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - anyio's, not Django's
        tasks.start_soon(listener.serve, lambda stream: _converse(stream, box))
        yield box
        tasks.cancel_scope.cancel()


async def _converse(stream: SocketStream, box: Mailbox) -> None:
    """One sender, until it says goodbye."""
    lines = BufferedByteReceiveStream(stream)
    await stream.send(b"220 demo ESMTP\r\n")
    try:
        while True:
            line = (await lines.receive_until(b"\r\n", _LINE_BYTES_MAX)).decode("utf-8", "replace")
            verb = line[:4].upper()
            if verb == "DATA":
                await stream.send(b"354 go on\r\n")
                content = await lines.receive_until(b"\r\n.\r\n", _MAIL_BYTES_MAX)
                box.keep(re.sub(rb"(?m)^\.\.", b".", content))
            await stream.send(_answer(verb, line, box.refused))
            if verb == "QUIT":
                return
    except (anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError):
        return  # a sender that was killed says no goodbye
    finally:
        await stream.aclose()


def _answer(verb: str, line: str, refused: str) -> bytes:
    if verb == "EHLO":
        return b"250-demo\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
    if verb == "QUIT":
        return b"221 goodbye\r\n"
    if verb == "RCPT" and f"<{refused}>" in line:
        return b"550 5.1.1 nobody of that name here\r\n"
    if verb in ("HELO", "MAIL", "RCPT", "DATA", "RSET", "NOOP"):
        return b"250 ok\r\n"
    return b"502 not here\r\n"
