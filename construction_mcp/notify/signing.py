"""Signatures of webhooks: of ours, by which a receiver knows who sent them, and of those that are sent to us.

Source: Standard Webhooks, "Signature scheme": HMAC-SHA256 over `id.timestamp.body`, in base64 after `v1,`.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from construction_mcp.core.errors import NeedsLogin
from construction_mcp.core.keys import KeyRing
from construction_mcp.net.addresses import canonical_host


class Signatures:
    """Signs with one secret per receiving host, derived from the workspace's key: nothing more has to be kept."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def secret_of(self, url: str) -> str:
        """What the receiver at that address has to know."""
        return f"whsec_{base64.b64encode(self._key(url)).decode()}"

    def headers(self, url: str, message_id: str, now: datetime, body: bytes) -> Mapping[str, str]:
        """What goes with one body."""
        timestamp = str(int(now.timestamp()))
        signature = sign(self._key(url), message_id, timestamp, body)
        return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": signature}

    def _key(self, url: str) -> bytes:
        split = urlsplit(url)
        host = canonical_host(split.hostname or "")
        return self._keys.derive(f"webhook to {host}:{split.port or 443}")


def sign(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """The value of `webhook-signature`."""
    signed = b".".join([message_id.encode(), timestamp.encode(), body])
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


_ID = re.compile(r"[\x21-\x7e]{1,200}")
_SECONDS = re.compile(r"[0-9]{1,12}")
_SIGNATURES_MAX = 10  # two secrets at once are usual while one replaces the other


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a sender says about a body before it is read: its id, when it was sent, and its signatures."""

    id: str
    timestamp: str
    signatures: tuple[str, ...]

    @property
    def sent_at(self) -> datetime:
        return datetime.fromtimestamp(int(self.timestamp), UTC)


def read_stamp(headers: Mapping[str, str], now: datetime, window_s: float) -> Stamp:
    """The three headers of a signed webhook, sent within `window_s` seconds of now, either way.

    Raises:
        NeedsLogin: WEBHOOK_SIGNATURE_INVALID; one is missing or malformed, or the time is too far off.

    Source: Standard Webhooks, "Verifying webhook authenticity"; the window keeps an old delivery from being replayed.
    """
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    signatures = tuple(headers.get("webhook-signature", "").split(" ")[:_SIGNATURES_MAX])
    if not _ID.fullmatch(message_id) or not _SECONDS.fullmatch(timestamp) or not any(signatures):
        raise _unsigned("The delivery carries no signature headers.")
    if abs(int(timestamp) - now.timestamp()) > window_s:
        raise _unsigned("The delivery's time is too far from now.")
    return Stamp(message_id, timestamp, signatures)


def require_signed(secret: str, stamp: Stamp, body: bytes) -> None:
    """Refuse a body that none of the signatures fits. All are always compared.

    Raises:
        NeedsLogin: WEBHOOK_SIGNATURE_INVALID.
    """
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise _unsigned("The delivery's signature is not right.") from None
    expected = sign(key, stamp.id, stamp.timestamp, body).encode()
    fits = [hmac.compare_digest(expected, one.encode("utf-8", "surrogateescape")) for one in stamp.signatures]
    if not any(fits):
        raise _unsigned("The delivery's signature is not right.")


def _unsigned(message: str) -> NeedsLogin:
    return NeedsLogin(message, code="WEBHOOK_SIGNATURE_INVALID")
