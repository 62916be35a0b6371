"""Handing mail to the operator's mail server, encrypted or not at all.

Source: RFC 5321 (SMTP), RFC 3207 (STARTTLS), RFC 4954 (AUTH), RFC 8314 (TLS for submission), RFC 3834 (automatic mail).
"""

import asyncio
import contextlib
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Literal

import aiosmtplib

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.destinations import MAIL_ADDRESS, MailFrom, MailServer
from construction_mcp.core.errors import ConstructionError, Invalid
from construction_mcp.core.ids import new_id
from construction_mcp.net.sockets import connected
from construction_mcp.notify import mail_parts
from construction_mcp.notify.message import Message
from construction_mcp.notify.receipt import Receipt, bad_credentials, insecure, outcome_unknown, refused, unavailable

_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_PERMANENT = 500
_SERVICE_CLOSING = 421  # RFC 5321 section 3.8: the server ends the connection


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as it goes over the wire."""

    sender: str
    message_id: str
    raw: bytes


@dataclass
class _Attempt:
    """How far one mail came: what a failure means depends on it."""

    stage: Literal["connect", "tls", "login", "envelope", "data"] = "connect"


class Mailer:
    """One mail server, one sender. A connection lives as long as one mail: servers close idle ones anyway."""

    def __init__(
        self,
        server: MailServer,
        sender: MailFrom,
        *,
        clock: Clock,
        limits: Limits,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        """trust: the authorities to believe; the system's own by default, where a firm keeps those of its own."""
        self._server = server
        self._sender = sender
        self._clock = clock
        self._limits = limits
        self._trust = trust

    def letter(self, to: Sequence[str], message: Message) -> Letter:
        """The mail as it goes out, with both parts.

        Raises:
            Invalid: an address is none, or the mail is too large.
        """
        for address in to:
            if not re.fullmatch(MAIL_ADDRESS, address):
                raise Invalid(f"{address[:100]!r} is not a mail address.", details={"field": "to"})
        letter = EmailMessage(policy=SMTP)
        letter["From"] = Address(self._sender.name, addr_spec=self._sender.address)
        letter["To"] = [Address(addr_spec=address) for address in to]
        letter["Date"] = format_datetime(self._clock.now())
        letter["Message-ID"] = message_id = f"<{new_id('mail')}@{self._domain}>"
        letter["Auto-Submitted"] = "auto-generated"  # absence notices do not answer it
        # Quoted-printable keeps lines short and ASCII whatever the text holds, for servers without 8BITMIME.
        letter.set_content(mail_parts.plain(message), cte="quoted-printable")
        letter.add_alternative(mail_parts.html(message), subtype="html", cte="quoted-printable")
        raw = _subject_line(message.subject) + letter.as_bytes()
        if len(raw) > self._limits.mail_bytes_max:
            raise Invalid(
                f"The mail would have {len(raw)} bytes; at most {self._limits.mail_bytes_max} are sent.",
                code="VALIDATION_TOO_LARGE",
            )
        return Letter(str(letter["From"]), message_id, raw)

    async def send(self, to: Sequence[str], message: Message) -> Receipt:
        """Hand one mail to the server, for all of `to`.

        Raises:
            Invalid: as `letter`.
            Unavailable: NOTIFY_UNAVAILABLE (later perhaps), NOTIFY_REFUSED, NOTIFY_INSECURE; nothing was sent.
            NotPermitted: NOTIFY_CREDENTIALS, SYSTEM_EGRESS_REFUSED; nothing was sent.
            Uncertain: NOTIFY_OUTCOME_UNKNOWN; the connection ended after the mail had left.
        """
        letter = self.letter(to, message)
        attempt = _Attempt()
        try:
            async with asyncio.timeout(self._limits.mail_timeout_s):
                not_taken = await self._hand_in(to, letter.raw, attempt)
        except (aiosmtplib.SMTPException, OSError) as problem:  # TimeoutError is an OSError
            raise self._failure(problem, attempt) from None
        taken = tuple(address for address in to if address not in not_taken)
        return Receipt(taken, tuple(not_taken), letter.message_id)

    async def _connect(self, attempt: _Attempt) -> aiosmtplib.SMTP:
        """A connection that is as encrypted and logged in as the settings want it."""
        server = self._server
        async with asyncio.timeout(self._limits.connect_timeout_s):
            opened = await connected(server.host, server.port)
        client = aiosmtplib.SMTP(
            hostname=server.host,
            sock=opened,
            use_tls=server.tls == "implicit",
            start_tls=False,
            tls_context=None if server.tls == "none" else self._trust or ssl.create_default_context(),
            local_hostname=self._domain,  # the machine's own name is nobody's business
            timeout=self._limits.read_timeout_s,
        )
        try:
            await client.connect()
            if server.tls == "starttls":
                attempt.stage = "tls"
                await client.starttls()
            if server.username is not None:
                attempt.stage = "login"
                await client.login(server.username, server.password or "")
        except BaseException:  # also a cancelled attempt leaves no socket behind
            opened.close() if client.transport is None else client.close()
            raise
        return client

    async def _hand_in(
        self, to: Sequence[str], raw: bytes, attempt: _Attempt
    ) -> dict[str, aiosmtplib.SMTPRecipientRefused]:
        """Whom the server did not take.

        Raises:
            SMTPException, OSError: it took nobody, or not the mail.
        """
        client = await self._connect(attempt)
        try:
            not_taken = await self._name_recipients(client, to, attempt)
            attempt.stage = "data"
            await client.data(raw)
            with contextlib.suppress(aiosmtplib.SMTPException):
                await client.quit(timeout=self._limits.linger_s)  # a courtesy: the mail is the server's by now
        finally:
            client.close()
        return not_taken

    async def _name_recipients(
        self, client: aiosmtplib.SMTP, to: Sequence[str], attempt: _Attempt
    ) -> dict[str, aiosmtplib.SMTPRecipientRefused]:
        attempt.stage = "envelope"
        await client.mail(self._sender.address)
        not_taken: dict[str, aiosmtplib.SMTPRecipientRefused] = {}
        for address in to:
            try:
                await client.rcpt(address)
            except aiosmtplib.SMTPRecipientRefused as problem:
                if problem.code == _SERVICE_CLOSING:
                    raise
                not_taken[address] = problem
        if len(not_taken) == len(to):
            raise aiosmtplib.SMTPRecipientsRefused(list(not_taken.values()))
        return not_taken

    def _failure(self, problem: Exception, attempt: _Attempt) -> ConstructionError:
        code, said = _said(problem)
        details = {"host": self._server.host, "stage": attempt.stage, **said}
        if attempt.stage == "data" and not isinstance(problem, aiosmtplib.SMTPDataError):
            return outcome_unknown("The mail server went silent after the mail had left.", details)
        if attempt.stage == "login" and (code >= _PERMANENT or not code) and not _is_break(problem):
            return bad_credentials("The mail server does not accept the user and password of the settings.", details)
        if _is_tls(problem) or (attempt.stage == "tls" and not _is_break(problem)):
            return insecure("No encrypted connection to the mail server that can be trusted.", details)
        if code >= _PERMANENT:
            return refused("The mail server refused the mail.", details)
        return unavailable("The mail server cannot be reached or takes no mail now.", details)

    @property
    def _domain(self) -> str:
        return self._sender.address.rpartition("@")[2]


def _subject_line(subject: str) -> bytes:
    """The header, encoded here: EmailMessage decodes what looks like an encoded word in a subject, and a line break
    that was hidden in it would then start a header of its own."""
    charset = "us-ascii" if subject.isascii() and "=?" not in subject else "utf-8"
    encoded = Header(subject, charset, header_name="Subject").encode(linesep="\r\n")
    return f"Subject: {encoded}\r\n".encode("ascii")


def _said(problem: Exception) -> tuple[int, dict[str, int | str]]:
    """The code of the server's answer, 0 without one, and what may be shown of it: its words are its own."""
    if isinstance(problem, aiosmtplib.SMTPRecipientsRefused):
        # One that may be taken later makes the mail worth another try.
        problem = min(problem.recipients, key=lambda one: one.code)
    if not isinstance(problem, aiosmtplib.SMTPResponseException):
        return 0, {}
    enhanced = _ENHANCED.match(problem.message)
    return problem.code, {"smtp_code": problem.code, **({"smtp_enhanced": enhanced[0]} if enhanced else {})}


def _is_break(problem: BaseException) -> bool:
    """The other side fell silent or went away, which says nothing about what it would have said."""
    return isinstance(problem, OSError) and not _is_tls(problem)


def _is_tls(problem: BaseException | None) -> bool:
    while problem is not None:
        if isinstance(problem, ssl.SSLError):
            return True
        problem = problem.__cause__ or problem.__context__
    return False
