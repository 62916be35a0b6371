"""Signatures by which a receiver of our webhooks knows who sent them.

Source: Standard Webhooks, "Signature scheme": HMAC-SHA256 over `id.timestamp.body`, in base64 after `v1,`.
"""

import base64
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

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
