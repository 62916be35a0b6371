"""The smallest files that are what they say: a one-pixel PNG and a WAV without sound."""

import base64
import struct
import zlib


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png() -> bytes:
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    red_pixel = zlib.compress(b"\x00\xe8\x59\x0c")
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", red_pixel) + _chunk(b"IEND", b"")


def _wav() -> bytes:
    samples = b"\x00\x00"
    form = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(body)) + body


PNG = _png()
PNG_BASE64 = base64.b64encode(PNG).decode()
WAV_BASE64 = base64.b64encode(_wav()).decode()
IMAGE = {"type": "image", "data": PNG_BASE64, "mimeType": "image/png"}


def embedded(uri: str, mime_type: str, text: str) -> dict[str, object]:
    """A text resource as a content block."""
    return {"type": "resource", "resource": {"uri": uri, "mimeType": mime_type, "text": text}}
