"""What SQLite reports, in the house's words."""

import errno
import sqlite3

from construction_mcp.core.errors import Invalid, Unavailable

_READONLY = ("The database cannot be written.", "SYSTEM_STORAGE_READONLY")
_DAMAGED = ("The database file is damaged; it was left untouched.", "SYSTEM_STORAGE_CORRUPT")
_BUSY = ("Another program holds the database locked.", "SYSTEM_STORAGE_BUSY")

# primary result code -> sentence and public code. Source: SQLite "Result and Error Codes".
_FAILURES = {
    sqlite3.SQLITE_FULL: ("The disk is full; nothing was changed.", "SYSTEM_STORAGE_FULL"),
    sqlite3.SQLITE_READONLY: _READONLY,
    sqlite3.SQLITE_CANTOPEN: _READONLY,
    sqlite3.SQLITE_PERM: _READONLY,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_INTERRUPT: ("A database statement reached its time limit and was stopped.", "SYSTEM_TIMEOUT"),
    sqlite3.SQLITE_IOERR: ("The disk failed to read or write; nothing was changed.", "SYSTEM_UNAVAILABLE"),
}
_LASTING = ("SYSTEM_STORAGE_READONLY", "SYSTEM_STORAGE_CORRUPT")  # repeating does not help until a person acts


def translate(problem: Exception) -> Exception:
    """The house error for a failure of the storage itself; anything else (a constraint, a bug) comes back unchanged.

    Source: SQLite "Result and Error Codes"; the low byte is the primary code.
    """
    if isinstance(problem, OverflowError | UnicodeEncodeError):
        return Invalid("A number is beyond 64 bits or a text is not valid Unicode.")
    if isinstance(problem, UnicodeDecodeError):  # SQLite's own message quotes what is damaged
        return damaged()
    if not isinstance(problem, sqlite3.Error):
        return problem
    code = _extended_code(problem)
    # A quota or file size limit is not ENOSPC, so SQLite reports it as a failed write.
    primary = sqlite3.SQLITE_FULL if code == sqlite3.SQLITE_IOERR_WRITE else code & 0xFF
    return _unavailable(*_FAILURES[primary]) if primary in _FAILURES else problem


def file_failure(problem: OSError) -> Unavailable:
    """The house error for a file or directory that cannot be made, read or written."""
    is_full = problem.errno in (errno.ENOSPC, errno.EDQUOT)
    return _unavailable(*(_FAILURES[sqlite3.SQLITE_FULL] if is_full else _READONLY))


def damaged() -> Unavailable:
    """The refusal for a file SQLite cannot trust."""
    return _unavailable(*_DAMAGED)


def _unavailable(message: str, code: str) -> Unavailable:
    return Unavailable(message, code=code, retryable=code not in _LASTING)


def is_busy(problem: Exception) -> bool:
    """Whether waiting may help: a foreign lock."""
    return isinstance(problem, sqlite3.Error) and _extended_code(problem) & 0xFF in (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
    )


def is_damage(problem: Exception) -> bool:
    """Whether SQLite found the file itself broken."""
    if isinstance(problem, UnicodeDecodeError):
        return True
    return isinstance(problem, sqlite3.Error) and _extended_code(problem) & 0xFF in (
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    )


def _extended_code(problem: sqlite3.Error) -> int:
    # What the Python module itself raises has no code. One such error is damage: Python only ever stores valid UTF-8.
    if str(problem).startswith("Could not decode to UTF-8"):
        return sqlite3.SQLITE_CORRUPT
    return getattr(problem, "sqlite_errorcode", None) or 0
