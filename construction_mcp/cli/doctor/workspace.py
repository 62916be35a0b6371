"""The doctor on one workspace: directory, disk, owner, database, key. It looks and changes nothing."""

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from construction_mcp.cli.doctor.findings import Finding
from construction_mcp.cli.doctor.variables import misspelt, set_here
from construction_mcp.core.catalogue import CATALOGUE
from construction_mcp.core.config import Settings, load_settings
from construction_mcp.core.errors import ConstructionError
from construction_mcp.core.launch import Launch
from construction_mcp.core.ownership import LOCK_FILE, Holder, holder_of, take

if TYPE_CHECKING:
    from construction_mcp.store.inspection import Inspection

SECTION = "This workspace"
_OPEN_SHOWN_MAX = 5
DISK_WARN_BYTES = 1024**3
DISK_BROKEN_BYTES = 50 * 1024**2  # less than one checkpoint of a full log


def workspace(launch: Launch) -> Iterator[Finding]:
    """Everything about the data directory and the settings that go with it."""
    try:
        settings = load_settings(launch)
    except ConstructionError as problem:
        yield Finding(SECTION, "settings", "broken", problem.message, problem.hint)
        return
    yield _settings(settings, launch)
    yield from _directory(settings.data_dir)
    yield _disk(settings.data_dir)
    if settings.data_dir.is_dir():
        yield _owner(settings.data_dir)
        yield from _database(settings)


def _settings(settings: Settings, launch: Launch) -> Finding:
    source = f"file {launch.config_file}" if launch.config_file else "no file"
    said = f"environment {settings.environment}, {source}, variables: {', '.join(set_here(os.environ)) or 'none'}"
    unknown = misspelt(os.environ)
    if unknown:
        return Finding(SECTION, "settings", "warning", said, f"These mean nothing: {', '.join(unknown)}.")
    return Finding(SECTION, "settings", "ok", said)


def _directory(path: Path) -> Iterator[Finding]:
    if not path.exists():
        yield Finding(SECTION, "directory", "absent", f"{path} does not exist yet; the first start makes it")
        return
    if not path.is_dir() or not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        yield Finding(
            SECTION, "directory", "broken", f"{path} cannot be written", "Correct its permissions or pass --data-dir."
        )
        return
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield Finding(SECTION, "directory", "warning", f"{path} is open to other users", f"Run: chmod 700 {path}")
        return
    yield Finding(SECTION, "directory", "ok", str(path))


def _disk(path: Path) -> Finding:
    existing = next(place for place in (path, *path.parents) if place.exists())
    free = shutil.disk_usage(existing).free
    said = f"{free / 1024**3:.1f} GiB free"
    if free < DISK_BROKEN_BYTES:
        return Finding(SECTION, "disk", "broken", said, "Free space: nothing can be stored.")
    if free < DISK_WARN_BYTES:
        return Finding(SECTION, "disk", "warning", said, "Free space soon.")
    return Finding(SECTION, "disk", "ok", said)


def _owner(path: Path) -> Finding:
    try:
        owner = _holder(path)
    except ConstructionError as problem:
        return Finding(SECTION, "owner", "broken", problem.message, problem.hint)
    if owner is None:
        return Finding(SECTION, "owner", "absent", "no process works in it now")
    return Finding(SECTION, "owner", "ok", f"process {owner.pid} ({owner.kind}, version {owner.package_version})")


def _holder(path: Path) -> Holder | None:
    """Who works in the directory now: only the lock tells for certain, what the file says may be out of date."""
    if not (path / LOCK_FILE).exists():
        return None
    lock = take(path, kind="command")
    if lock is None:
        return holder_of(path) or Holder(0, "unknown", "starting")
    lock.release()
    return None


def _database(settings: Settings) -> Iterator[Finding]:
    from construction_mcp.store.inspection import inspect_database

    if not settings.database_file.exists():
        yield Finding(SECTION, "database", "absent", "none yet; the first use makes it")
        return
    try:
        # Read-only, so it is neither a second writer nor a second checkpointer beside an owner, and it works even when
        # the owner hangs, which is when people ask a doctor.
        seen = inspect_database(settings.database_file, settings.limits)
    except ConstructionError as problem:
        yield Finding(SECTION, "database", "broken", f"{problem.code}: {problem.message}", _remedy(problem))
        return
    except (sqlite3.Error, OSError) as problem:
        yield Finding(SECTION, "database", "broken", f"it cannot be read: {problem}", "Check the disk.")
        return
    yield _schema(seen)
    yield from _changes(seen)
    yield _key(settings, seen.key_fingerprint)


def _schema(seen: "Inspection") -> Finding:
    said = f"schema {seen.schema} of {seen.schema_known}, {seen.bytes / 1024**2:.1f} MiB"
    restore = "Restore the last backup: construction-mcp restore."
    if seen.problems:
        return Finding(SECTION, "database", "broken", f"{said}; damaged: {seen.problems[0]}", restore)
    if seen.schema > seen.schema_known:
        return Finding(SECTION, "database", "broken", f"{said}; from a newer version", "Install that version.")
    if seen.standby_since:
        said = f"{said}; a restored copy in standby since {seen.standby_since}"
        return Finding(SECTION, "database", "warning", said, "construction-mcp take-over, once the original is off.")
    if seen.schema < seen.schema_known:
        return Finding(SECTION, "database", "ok", f"{said}; the next start migrates it, after a backup")
    return Finding(SECTION, "database", "ok", f"{said}, whole")


def _changes(seen: "Inspection") -> Iterator[Finding]:
    """What was changed outside: whether the log of it is whole, and what has no known outcome."""
    if seen.audit_break is not None:
        said = f"the log of changes was altered from entry {seen.audit_break} on"
        look = "Compare it with a backup (construction-mcp backup), and see who can write the file."
        yield Finding(SECTION, "audit", "broken", said, look)
    for effect in seen.left_open[:_OPEN_SHOWN_MAX]:
        said = f"{effect.summary} ({effect.tool}, {effect.created_at[:16]}Z, {effect.id}) has no known outcome"
        look = "If no process is at it now, look in Procore whether it happened. It is not repeated by itself."
        yield Finding(SECTION, "change", "warning", said, look)
    if len(seen.left_open) > _OPEN_SHOWN_MAX:
        more = len(seen.left_open) - _OPEN_SHOWN_MAX
        yield Finding(SECTION, "change", "warning", f"{more} more have no known outcome", "Settle these first.")


def _key(settings: Settings, fingerprint: str | None) -> Finding:
    from construction_mcp.core.keys import key_file, load_key_ring

    if fingerprint is None:
        return Finding(SECTION, "key", "absent", "none was needed yet; the first use makes it")
    try:
        ring = load_key_ring(settings, fingerprint)
    except ConstructionError as problem:
        return Finding(SECTION, "key", "broken", f"{problem.code}: {problem.message}", _remedy(problem))
    if settings.key_file is None and settings.key is not None:
        return Finding(SECTION, "key", "ok", f"{ring.fingerprint}, from CONSTRUCTION_MCP_KEY")
    file = key_file(settings)
    if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
        return Finding(SECTION, "key", "warning", f"{file} is open to other users", f"Run: chmod 600 {file}")
    return Finding(
        SECTION,
        "key",
        "ok",
        f"{ring.fingerprint}, in {file}; whoever has this file can read stored tokens",
        "Keep a copy apart from the backups: construction-mcp backup --with-keys.",
    )


def _remedy(problem: ConstructionError) -> str:
    return problem.hint or CATALOGUE[problem.code].remedy
