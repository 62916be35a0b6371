"""Where notifications arrive in tests: a real mail server and a plain HTTP server, both on loopback."""

import asyncio
import contextlib
import datetime
import json
import ssl
import warnings
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "automation", "p@ss/word:42"


@dataclass
class MailSink:
    """A mail server that keeps what it takes. `refuses`: address -> reply; `data_reply`: what it says to the mail."""

    refuses: Mapping[str, str] = field(default_factory=dict)
    data_reply: str = "250 2.0.0 taken"
    breaks_after_data: bool = False
    is_silent_after_data: bool = False
    port: int = 0
    letters: list[tuple[Envelope, EmailMessage]] = field(default_factory=list)

    def letter(self) -> EmailMessage:
        """The only one that came, as Python's own parser reads it. (aiosmtpd reads every property at once.)"""
        ((_, letter),) = self.letters
        return letter

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        """aiosmtpd's hook for one recipient."""
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """aiosmtpd's hook for a whole mail."""
        letter = message_from_bytes(envelope.content, policy=default)  # type: ignore[arg-type]  # bytes by default
        if self.data_reply.startswith("250"):
            self.letters.append((envelope, letter))
        if self.is_silent_after_data:
            await asyncio.get_running_loop().create_future()  # until the server is closed
        if self.breaks_after_data:
            server.transport.abort()
        return self.data_reply


@contextlib.asynccontextmanager
async def mail_sink(
    *, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None, login: bool = False, **behaviour: Any
) -> AsyncIterator[MailSink]:
    """A listening MailSink; with `login` only USER with PASSWORD gets in."""

    def authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        is_right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_right, handled=False)

    sink = MailSink(**behaviour)
    made: list[SMTP] = []

    def protocol() -> SMTP:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of a login in clear, which is what a test is about
            one = SMTP(
                sink,
                hostname="mail.test",
                tls_context=starttls,
                require_starttls=starttls is not None,
                auth_required=login,
                auth_require_tls=False,
                authenticator=authenticate if login else None,
                loop=asyncio.get_running_loop(),
            )
        made.append(one)
        return one

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0, ssl=tls)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()
        for one in made:
            if one._handler_coroutine is not None:
                one._handler_coroutine.cancel()
            if one.transport is not None:
                one.transport.abort()


@dataclass
class Posted:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class PostSink:
    """Keeps what is posted and answers `status`; `breaks` resets the connection instead."""

    status: str = "200 OK"
    headers: tuple[str, ...] = ()
    answer: bytes = b"ok"
    breaks: bool = False
    port: int = 0
    posts: list[Posted] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/services/T0/B0/canary-of-a-channel"

    @property
    def post(self) -> Posted:
        """The only one that came."""
        (post,) = self.posts
        return post

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, path, _ = head[0].split(" ")
                headers = {
                    name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:]) if name
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.posts.append(Posted(method, path, headers, body))
                if self.breaks:
                    writer.transport.abort()
                    return
                lines = [f"HTTP/1.1 {self.status}", f"content-length: {len(self.answer)}", *self.headers]
                writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + self.answer)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def post_sink(**behaviour: Any) -> AsyncIterator[PostSink]:
    """A listening PostSink."""
    sink = PostSink(**behaviour)
    server = await asyncio.start_server(sink.serve, "127.0.0.1", 0)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()


@dataclass(frozen=True)
class Trust:
    """A certificate for `localhost` and 127.0.0.1 that vouches for itself, and who believes it."""

    server: ssl.SSLContext
    client: ssl.SSLContext
    file: Path


def trust(folder: Path, name: str = "localhost") -> Trust:
    """A fresh one."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    names += [x509.IPAddress(ip_address("127.0.0.1"))] if name == "localhost" else []
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, file = folder / f"{name}.pem", folder / f"{name}-key.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    encoding, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file.write_bytes(key.private_bytes(encoding, pkcs8, serialization.NoEncryption()) + public.read_bytes())
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return Trust(server, ssl.create_default_context(cafile=str(public)), public)
