"""A server that misbehaves on the wire exactly as told, for what no web framework would send."""

import asyncio
import contextlib
import datetime
import ssl
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Wire:
    """Answers every request with `script(head, writer)`; counts the requests whose head arrived, by method."""

    def __init__(self, script):
        self.script = script
        self.requests = []
        self.port = 0

    @property
    def url(self):
        """Its plain address."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader, writer):
        """One connection."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(_length(head))
                self.requests.append(head.split(b" ", 1)[0].decode())
                await self.script(head, writer)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def wire(script, *, tls=None):
    """A listening Wire on loopback."""
    server_of = Wire(script)
    server = await asyncio.start_server(server_of.serve, "127.0.0.1", 0, ssl=tls)
    server_of.port = server.sockets[0].getsockname()[1]
    try:
        yield server_of
    finally:
        server.close()


def answer(body=b"{}", *, status="200 OK", headers=()):
    """A script that sends one whole answer."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "content-type: application/json", *headers]
    raw = "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    async def script(_head, writer):
        writer.write(raw)

    return script


def raw(data, *, close=True, reset=False):
    """A script that sends these bytes, then ends the connection."""

    async def script(_head, writer):
        writer.write(data)
        await writer.drain()
        if reset:
            writer.transport.abort()
        elif close:
            writer.close()

    return script


def drip(first, piece, every_s):
    """A script that sends `first`, then `piece` again and again, slower than anybody has patience for."""

    async def script(_head, writer):
        writer.write(first)
        while not writer.is_closing():
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(every_s)

    return script


def _length(head):
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0


def untrusted_tls(folder):
    """A TLS context with a certificate nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
