"""Reading an answer's body with a bound on what it costs us, compressed or not."""

import zlib

import httpx


class TooLarge(Exception):
    """The body passed the bound; reading stopped there."""


class Undecodable(Exception):
    """The body is not in the encoding it claims."""


# What we decode ourselves, and therefore all we ask for: a decoder without an output bound turns one 64 KiB piece
# of a gzip bomb into 64 MiB before anybody can object.
ACCEPT_ENCODING = "gzip, deflate"
_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 47}  # 47: zlib's header detection


async def read_bounded(answer: httpx.Response, bytes_max: int) -> bytes:
    """The decoded body, at most `bytes_max` bytes; never holds more than that and one network read.

    Raises:
        TooLarge: it is longer, on the wire or decoded.
        Undecodable: an encoding we did not ask for, or broken data.
    """
    declared = answer.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:19]) > bytes_max:
        raise TooLarge
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    inflate = None if encoding in ("identity", "") else _inflater(encoding)
    body = bytearray()
    async for piece in answer.aiter_raw():
        room = bytes_max - len(body) + 1
        body += piece[:room] if inflate is None else _inflated(inflate, piece, room)
        if len(body) > bytes_max:
            raise TooLarge
    if inflate is not None and body and not inflate.eof:
        raise Undecodable
    return bytes(body)


def _inflater(encoding: str) -> "zlib._Decompress":
    if encoding not in _WINDOW_BITS:
        raise Undecodable
    return zlib.decompressobj(_WINDOW_BITS[encoding])


def _inflated(inflate: "zlib._Decompress", piece: bytes, room: int) -> bytes:
    try:
        return inflate.decompress(piece, room)
    except zlib.error:
        raise Undecodable from None
