"""The workspace's keys: one secret, from which every other key is derived, and AES-GCM for tokens at rest.

A key file holds base64 keys of 32 bytes, one a line: the first seals, the others (left by an
unfinished rotation) still open.
"""

import base64
import binascii
import hashlib
import hmac
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from construction_mcp.core.config import Settings
from construction_mcp.core.errors import Invalid, NotPermitted, Unavailable
from construction_mcp.core.json import write_json

log = logging.getLogger(__name__)

KEY_FILE = "workspace.key"

_KEY_BYTES = 32
_ID_BYTES = 8
_NONCE_BYTES = 12  # NIST SP 800-38D: the length AES-GCM is made for
_FORMAT = b"\x01"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value lives. Part of the seal, so a value moved to another row does not open."""

    table: str
    row: str
    column: str
    principal: str
    environment: str

    @property
    def associated_data(self) -> bytes:
        return write_json([self.table, self.row, self.column, self.principal, self.environment]).encode()


class KeyRing:
    """The keys of one workspace; the first is the current one."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        assert keys
        assert all(len(key) == _KEY_BYTES for key in keys)
        self._current = keys[0]
        self._by_id = {_key_id(key): key for key in keys}

    def __repr__(self) -> str:
        return f"KeyRing({self.fingerprint})"

    @property
    def fingerprint(self) -> str:
        """Names the current key without telling it; kept in the database."""
        return _key_id(self._current).hex()

    def derive(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose ("cursor", "confirmation", ...): HKDF-SHA256 with `purpose` as its info.

        Source: RFC 5869; 32 bytes are one block, so expanding is a single HMAC.
        """
        extracted = hmac.digest(b"construction-mcp", self._current, "sha256")
        return hmac.digest(extracted, purpose.encode() + b"\x01", "sha256")

    def seal(self, plain: bytes, place: Place) -> bytes:
        """Encrypt with the current key for one place."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # 20 ms: only for whoever keeps tokens

        nonce = os.urandom(_NONCE_BYTES)
        box = AESGCM(self._current).encrypt(nonce, plain, place.associated_data)
        return _FORMAT + _key_id(self._current) + nonce + box

    def unseal(self, sealed: bytes, place: Place) -> bytes:
        """What was sealed for this place.

        Raises:
            NotPermitted: AUTH_KEY_MISMATCH; sealed with a key we do not have, for another place, or altered.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key_id, nonce, box = sealed[1:9], sealed[9:21], sealed[21:]
        key = self._by_id.get(key_id)
        if sealed[:1] != _FORMAT or key is None:
            raise _mismatch()
        try:
            return AESGCM(key).decrypt(nonce, box, place.associated_data)
        except (InvalidTag, ValueError):
            raise _mismatch() from None


def load_key_ring(settings: Settings, fingerprint: str | None) -> KeyRing:
    """The ring from the key file setting, the key setting, or the data directory's own file, in this order.

    fingerprint: of the key the database was used with; None for a new database, and only then may a key be generated.

    Raises:
        NotPermitted: AUTH_KEY_MISMATCH; the key is another one or gone. Invalid: it is not 32 bytes of base64.
    """
    file = key_file(settings)
    if settings.key_file is None and settings.key is not None:
        keys = [_decode(settings.key)]
    elif file.exists():
        keys = read_key_file(file)
    elif fingerprint is None and settings.key_file is None:
        keys = [new_key()]
        write_key_file(file, keys)
        log.warning("A new key was written to %s. Whoever has it can read stored tokens; back it up apart.", file)
    else:
        raise _mismatch(f"There is no key at {file.name}.")
    return KeyRing(_current_first(keys, fingerprint))


def key_file(settings: Settings) -> Path:
    """Where the keys are, or would be generated."""
    return settings.key_file or settings.data_dir / KEY_FILE


def new_key() -> bytes:
    return os.urandom(_KEY_BYTES)


def read_key_file(file: Path) -> list[bytes]:
    """The keys of a file, current first.

    Raises:
        Invalid: a line is not 32 bytes of base64, or there is none. Unavailable: it cannot be read.
    """
    try:
        lines = file.read_text("ascii", "replace").split()
    except OSError:
        raise Unavailable(
            f"The key file {file.name} cannot be read.", code="SYSTEM_STORAGE_READONLY", retryable=False
        ) from None
    if not lines:
        raise Invalid(f"The key file {file.name} is empty.")
    return [_decode(line) for line in lines]


def write_key_file(file: Path, keys: Sequence[bytes]) -> None:
    """Replace the file in one step, readable by its owner only."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        os.write(handle, b"".join(base64.b64encode(key) + b"\n" for key in keys))
        os.fsync(handle)
    finally:
        os.close(handle)
    fresh.replace(file)


def _current_first(keys: list[bytes], fingerprint: str | None) -> list[bytes]:
    """The database decides which key is current: a rotation that was cut short left a file with two."""
    if fingerprint is None:
        return keys
    current = [key for key in keys if _key_id(key).hex() == fingerprint]
    if not current:
        raise _mismatch("The key is not the one this data directory was created with.")
    return current + [key for key in keys if key not in current]


def _decode(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise Invalid("An encryption key is 32 bytes of base64.", hint="`openssl rand -base64 32` makes one.")
    return key


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"construction-mcp key id\x00" + key).digest()[:_ID_BYTES]


def _mismatch(message: str = "A stored secret does not open with this key.") -> NotPermitted:
    return NotPermitted(message, code="AUTH_KEY_MISMATCH")
