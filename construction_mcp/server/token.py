"""The operator's token: made at the first `serve`, kept in a file only this user can read."""

import os
import secrets
import stat
from pathlib import Path
from typing import NamedTuple

from construction_mcp.core.errors import Invalid, Unavailable

_TOKEN_BYTES = 32  # 256 bits: not to be guessed
_LENGTH_MIN = 32  # a token somebody wrote by hand must not be guessable either
_FILE_BYTES_MAX = 4096


class OperatorToken(NamedTuple):
    """`is_new` when this start made it, so that it is shown to the person once."""

    value: str
    is_new: bool


def read_or_make(file: Path) -> OperatorToken:
    """The token in `file`, made there if the file does not exist.

    Raises:
        Invalid: others can read the file, or what it holds is no token.
        Unavailable: it can be neither read nor made.
    """
    try:
        return OperatorToken(_read(file), is_new=False)
    except FileNotFoundError:
        pass
    except OSError as problem:
        raise Unavailable(f"The token file {file} cannot be read: {problem.strerror}.") from None
    return _make(file)


def _make(file: Path) -> OperatorToken:
    value = secrets.token_urlsafe(_TOKEN_BYTES)
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Created with its mode, not changed afterwards: there is no moment at which others could open it.
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as out:
            out.write(value + "\n")
    except OSError as problem:
        raise Unavailable(f"The token file {file} cannot be made: {problem.strerror}.") from None
    return OperatorToken(value, is_new=True)


def _read(file: Path) -> str:
    with file.open("rb") as source:
        mode = os.fstat(source.fileno()).st_mode
        raw = source.read(_FILE_BYTES_MAX)
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Invalid(f"The token file {file} is open to other users.", hint=f"Run: chmod 600 {file}")
    token = raw.decode("ascii", "replace").strip()
    if len(token) < _LENGTH_MIN or not token.isprintable() or " " in token or not token.isascii():
        raise Invalid(
            f"The token file {file} holds no token.",
            hint=f"It is one line of at least {_LENGTH_MIN} letters and digits; delete it to have one made.",
        )
    return token
