"""Keys: derived for one purpose, seals for one place."""

import itertools
import os

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given, settings
from hypothesis import strategies as st

from construction_mcp.core.errors import Invalid, NotPermitted
from construction_mcp.core.keys import KeyRing, Place, read_key_file

PLACE = Place("connections", "conn_1", "refresh_token", "local:1", "sandbox")


def test_derived_keys_are_hkdf_sha256():
    """RFC 5869, judged by another implementation."""
    key = os.urandom(32)
    judge = HKDF(SHA256(), 32, salt=b"construction-mcp", info=b"cursors").derive(key)

    assert KeyRing([key]).derive("cursors") == judge
    assert KeyRing([key]).derive("confirmations") != judge


@given(st.binary(max_size=300))
@settings(max_examples=50)
def test_what_was_sealed_for_a_place_opens_there(plain):
    ring = KeyRing([b"k" * 32])
    sealed = ring.seal(plain, PLACE)

    assert ring.unseal(sealed, PLACE) == plain
    assert sealed != ring.seal(plain, PLACE)


@pytest.mark.parametrize("part", Place.__slots__)
def test_a_value_moved_elsewhere_does_not_open(part):
    from dataclasses import replace

    ring = KeyRing([b"k" * 32])
    with pytest.raises(NotPermitted) as caught:
        ring.unseal(ring.seal(b"token", PLACE), replace(PLACE, **{part: "other"}))

    assert caught.value.code == "AUTH_KEY_MISMATCH"


def test_every_altered_byte_is_noticed():
    ring = KeyRing([b"k" * 32])
    sealed = ring.seal(b"token", PLACE)
    for position, bit in itertools.product(range(len(sealed)), (1, 128)):
        altered = bytearray(sealed)
        altered[position] ^= bit
        with pytest.raises(NotPermitted):
            ring.unseal(bytes(altered), PLACE)


@pytest.mark.parametrize("length", [0, 1, 9, 21, 30])
def test_a_cut_value_is_refused(length):
    ring = KeyRing([b"k" * 32])
    with pytest.raises(NotPermitted):
        ring.unseal(ring.seal(b"token", PLACE)[:length], PLACE)


@pytest.mark.parametrize("text", ["", "short", "é" * 44, "A" * 43, "A" * 500])
def test_a_bad_key_file_is_refused_without_quoting_it(tmp_path, text):
    (tmp_path / "k").write_text(text)
    with pytest.raises(Invalid) as caught:
        read_key_file(tmp_path / "k")

    assert not text or text not in caught.value.message
