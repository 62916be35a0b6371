"""Signed, opaque cursors: a page's position, bound to the query it belongs to."""

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

from construction_mcp.core.errors import Invalid
from construction_mcp.core.json import write_json

_MAC_BYTES = 16
_CURSOR_CHARS_MAX = 4096


class Cursors:
    """Makes and reads cursors with one key (`KeyRing.derive("cursor")`)."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, position: Any, query: Any) -> str:
        """A cursor for `position` (JSON) in the list that `query` (tool, filters, order, principal) describes."""
        payload = write_json(position).encode()
        return base64.urlsafe_b64encode(self._mac(payload, query) + payload).rstrip(b"=").decode()

    def read(self, cursor: str, query: Any) -> Any:
        """The position in `cursor`.

        Raises:
            Invalid: VALIDATION_CURSOR; it was altered, or made for another query or by another workspace.
        """
        try:
            text = cursor[:_CURSOR_CHARS_MAX].encode("ascii")
            raw = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error):
            raise _refused() from None
        mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(payload, query)):
            raise _refused()
        return json.loads(payload)

    def _mac(self, payload: bytes, query: Any) -> bytes:
        digest = hashlib.sha256(write_json(query).encode()).digest()  # fixed length, so the two parts cannot shift
        return hmac.digest(self._key, digest + payload, "sha256")[:_MAC_BYTES]


def _refused() -> Invalid:
    return Invalid("The cursor was altered or belongs to another query.", code="VALIDATION_CURSOR")
