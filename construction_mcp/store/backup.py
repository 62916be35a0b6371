"""Copies of a workspace: taken from the live database, verified when made and again before they are put back.

A backup is a directory: the database, `manifest.json` with a checksum for each file, and the key file if asked for.
Without the keys a backup opens nothing it contains; with them it must be kept like a password.
"""

import asyncio
import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from construction_mcp import __version__
from construction_mcp.core.config import Settings
from construction_mcp.core.errors import Invalid, Unavailable
from construction_mcp.core.json import read_json
from construction_mcp.core.keys import KEY_FILE, key_file
from construction_mcp.store.columns import time_text
from construction_mcp.store.database import Database
from construction_mcp.store.failures import damaged, file_failure, translate
from construction_mcp.store.meta import STANDBY
from construction_mcp.store.migrate import known_migrations
from construction_mcp.store.queries import load

DATABASE_FILE = "construction.db"
MANIFEST_FILE = "manifest.json"

_COMPANIONS = ("", "-wal", "-shm")  # SQLite's own files beside a database


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds: `files` maps each name to its SHA-256, `schema` is the last migration's number."""

    version: str
    schema: int
    created_at: str
    files: Mapping[str, str]

    @property
    def has_keys(self) -> bool:
        return KEY_FILE in self.files


async def back_up(
    database: Database, settings: Settings, target: Path, *, now: datetime, with_keys: bool = False
) -> Manifest:
    """Copy the live workspace into the directory `target`, which must be new or empty. Other work goes on meanwhile.

    Raises:
        Invalid: the target holds something, or there is no key file to take. Unavailable: SYSTEM_STORAGE_*.
    """
    keys = key_file(settings) if with_keys else None
    if keys is not None and not keys.is_file():
        raise Invalid("There is no key file to back up.", hint="Leave --with-keys out, or keep the key setting apart.")
    copy = await asyncio.to_thread(_prepare, target)
    try:
        await database.copy_into(copy)
    finally:
        await asyncio.to_thread(copy.close)
    return await asyncio.to_thread(_finish, target, keys, database.migrated.after, now)


def restore(source: Path, settings: Settings, *, now: datetime, force: bool = False) -> Manifest:
    """Put a backup into the data directory, in standby: it reads and fires nothing until it takes over.

    The caller holds the data directory's owner lock. What a forced restore replaces stays beside it as `*.replaced`.

    Raises:
        Invalid: not a backup, or the data directory is in use and `force` is not given.
        Unavailable: SYSTEM_STORAGE_CORRUPT (a checksum or the structure is wrong), SYSTEM_STORAGE_NEWER.
        Nothing was changed then.
    """
    manifest = read_manifest(source)
    _verify(source, manifest)
    database, keys = settings.database_file, key_file(settings)
    if not force and (database.exists() or (manifest.has_keys and keys.exists())):
        raise Invalid("The data directory already holds a workspace.", hint="Use another --data-dir, or --force.")
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = database.with_name(f"{DATABASE_FILE}.restoring")
    _copy_private(source / DATABASE_FILE, fresh)
    _put_in_standby(fresh, now)
    if manifest.has_keys:
        _set_aside(keys)
        _copy_private(source / KEY_FILE, keys)
    for suffix in _COMPANIONS:
        _set_aside(database.with_name(DATABASE_FILE + suffix))
    fresh.replace(database)
    return manifest


def read_manifest(source: Path) -> Manifest:
    """The manifest of a backup.

    Raises:
        Invalid: the directory is not a backup of ours.
    """
    try:
        shape = read_json((source / MANIFEST_FILE).read_bytes())
        manifest = Manifest(**shape)
        names = set(manifest.files)
    except (OSError, TypeError, ValueError):
        raise Invalid(f"{source.name} is not a backup.") from None
    if not {DATABASE_FILE} <= names <= {DATABASE_FILE, KEY_FILE}:  # names from outside never become paths
        raise Invalid(f"{source.name} is not a backup of a workspace.")
    return manifest


def _prepare(target: Path) -> sqlite3.Connection:
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(target.iterdir()):
            raise Invalid("The backup directory is not empty.", hint="Name a new one.")
        file = target / DATABASE_FILE
        file.touch(mode=0o600, exist_ok=False)
        return sqlite3.connect(file, check_same_thread=False)  # the copy is written on the live connection's thread
    except OSError as problem:
        raise file_failure(problem) from None
    except (sqlite3.Error, UnicodeDecodeError) as problem:
        raise translate(problem) from None


def _finish(target: Path, keys: Path | None, schema: int, now: datetime) -> Manifest:
    _check_structure(target / DATABASE_FILE)
    if keys is not None:
        _copy_private(keys, target / KEY_FILE)
    files = {file.name: _digest(file) for file in sorted(target.iterdir())}
    manifest = Manifest(__version__, schema, time_text(now), files)
    (target / MANIFEST_FILE).touch(mode=0o600)
    (target / MANIFEST_FILE).write_text(json.dumps(asdict(manifest), indent=2) + "\n", "utf-8")
    return manifest


def _verify(source: Path, manifest: Manifest) -> None:
    for name, expected in manifest.files.items():
        if not (source / name).is_file() or _digest(source / name) != expected:
            raise damaged()
    if manifest.schema > len(known_migrations()):
        raise Unavailable("The backup is from a newer version.", code="SYSTEM_STORAGE_NEWER", retryable=False)
    _check_structure(source / DATABASE_FILE)


def _check_structure(file: Path) -> None:
    # Immutable: the check leaves no companion files in the backup, which would spoil nothing but confuse people.
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?immutable=1", uri=True)) as connection:
            verdict: Any = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except (sqlite3.Error, UnicodeDecodeError) as problem:
        raise translate(problem) from None
    if verdict != "ok":
        raise damaged()


def _put_in_standby(file: Path, now: datetime) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(load("meta").set.text, {"key": STANDBY, "value": time_text(now)})


def _set_aside(file: Path) -> None:
    if file.exists():
        file.replace(file.with_name(f"{file.name}.replaced"))


def _copy_private(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    target.touch(mode=0o600, exist_ok=False)
    with source.open("rb") as reader, target.open("wb") as writer:
        shutil.copyfileobj(reader, writer)
        writer.flush()
        os.fsync(writer.fileno())


def _digest(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
