"""Ids: a prefix that says what, then 48 bits of time and 80 random ones: they sort by age and cannot be guessed."""

import os
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base32: no i, l, o, u


def new_id(prefix: str) -> str:
    """For example `wf_01kaw3r9v2c8k4q6t0zxn5hbme` (26 characters after the underscore)."""
    number = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    return f"{prefix}_" + "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))
