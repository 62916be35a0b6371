"""Changing a client's config file: planned first, shown, then written in one step, with a copy of what was there."""

import contextlib
import difflib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from platformdirs import user_config_path

from construction_mcp.cli.install import jsonc
from construction_mcp.cli.install.clients import Client
from construction_mcp.cli.install.entry import NAME, is_ours
from construction_mcp.core.errors import Conflict, Invalid

BACKUP_SUFFIX = ".before-construction-mcp"
BOM = "\ufeff"  # Windows editors put it first; kept where it was


@dataclass(frozen=True, slots=True)
class Change:
    """One file before and after; None where there is no file."""

    client: Client
    path: Path
    before: str | None
    after: str | None

    @property
    def is_empty(self) -> bool:
        return self.before == self.after

    def diff(self) -> str:
        """The changed lines alone: the lines around them belong to other servers and may hold their secrets."""
        before, after = ((text or "").splitlines(keepends=True) for text in (self.before, self.after))
        lines = difflib.unified_diff(before, after, str(self.path), str(self.path), n=0)
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True)
class Trace:
    """What an install left on one file, so that uninstall can undo exactly that."""

    path: str
    created_file: bool
    created_section: bool
    created_directories: tuple[str, ...] = ()
    backup: str | None = None


def plan_install(client: Client, path: Path, entry: dict[str, Any], *, force: bool) -> Change:
    """The change that puts `entry` into the file.

    Raises:
        Invalid: the file is not JSON this client could read.
        Conflict: an entry of our name starts something else, and not `force`.
    """
    with _named(path):
        before = _read(path)
        text = (before or "").removeprefix(BOM)
        servers = jsonc.read(text, comments=client.comments).data.get(client.section) or {}
        present = servers.get(NAME) if isinstance(servers, dict) else None
        if present is not None and not is_ours(present) and not force:
            raise Conflict(
                f"{path} has an entry {NAME!r} that starts something else; the file was left alone.",
                hint="Rename or remove that entry, or repeat with --force to replace it.",
                code="VALIDATION_INVALID",
            )
        if present == entry:
            return Change(client, path, before, before)
        after = jsonc.put(text, client.section, NAME, entry, comments=client.comments)
    return Change(client, path, before, BOM + after if (before or "").startswith(BOM) else after)


def plan_uninstall(client: Client, path: Path) -> Change:
    """The change that takes our entry out again, and the section or file if we made them.

    Raises:
        Invalid: the file is no longer JSON.
    """
    with _named(path):
        before = _read(path)
        text = (before or "").removeprefix(BOM)
        servers = jsonc.read(text, comments=client.comments).data.get(client.section) or {}
        if before is None or not isinstance(servers, dict) or not is_ours(servers.get(NAME)):
            return Change(client, path, before, before)
        trace = traces().get(str(path), Trace(str(path), created_file=False, created_section=False))
        original = _untouched_original(client, trace, text, servers[NAME])
        after = original
        if after is None:
            after = jsonc.take_out(
                text, client.section, NAME, drop_empty=trace.created_section, comments=client.comments
            )
        if trace.created_file and not jsonc.read(after, comments=client.comments).data:
            return Change(client, path, before, None)
    return Change(client, path, before, BOM + after if before.startswith(BOM) else after)


def perform_install(change: Change) -> Path | None:
    """Write the file and remember what was made; the path of the copy of what was there before, if there was a file."""
    known = traces()
    path = change.path
    missing = {str(parent) for new in (path, _note()) for parent in new.parents if not parent.exists()}
    path.parent.mkdir(parents=True, exist_ok=True)
    trace = known.get(str(path))
    if trace is None:
        trace = Trace(
            str(path),
            created_file=change.before is None,
            created_section=change.client.section not in _data(change),
            created_directories=tuple(sorted(missing, key=len, reverse=True)),
        )
        if change.before is not None:
            backup = path.with_name(path.name + BACKUP_SUFFIX)
            _write(backup, change.before, like=path)
            trace = replace(trace, backup=str(backup))
    _remember({**known, str(path): trace})
    _write(path, change.after or "", like=path)
    return Path(trace.backup) if trace.backup else None


def perform_uninstall(change: Change) -> None:
    """Write or delete the file, then remove the copy, the directories and the note that install made."""
    if change.after is None:
        change.path.unlink()
    else:
        _write(change.path, change.after, like=change.path)
    known = traces()
    trace = known.pop(str(change.path), None)
    if trace and trace.backup:
        Path(trace.backup).unlink(missing_ok=True)
    _remember(known)
    for directory in trace.created_directories if trace else ():
        with contextlib.suppress(OSError):  # gone already, or somebody uses it now: then it is no longer ours
            Path(directory).rmdir()


def traces() -> dict[str, Trace]:
    """What earlier installs left, by path; empty when the note is missing or unreadable."""
    try:
        found = json.loads(_note().read_text(encoding="utf-8"))
        return {
            item["path"]: Trace(**{**item, "created_directories": tuple(item["created_directories"])}) for item in found
        }
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _note() -> Path:
    return user_config_path(NAME, appauthor=False) / "installed.json"


def _remember(known: dict[str, Trace]) -> None:
    note = _note()
    if known:
        note.parent.mkdir(parents=True, exist_ok=True)
        _write(note, json.dumps([asdict(trace) for trace in known.values()], indent=2) + "\n", like=note)
        return
    note.unlink(missing_ok=True)


def _untouched_original(client: Client, trace: Trace, text: str, entry: Any) -> str | None:
    """The copy made at install, if the file is still what install made of it: undone to the byte."""
    backup = Path(trace.backup) if trace.backup else None
    if backup is None or not backup.is_file():
        return None
    try:
        original = (_read(backup) or "").removeprefix(BOM)
        same = jsonc.put(original, client.section, NAME, entry, comments=client.comments) == text
    except Invalid:
        return None
    had_other = NAME in (jsonc.read(original, comments=client.comments).data.get(client.section) or {})
    return original if same and not had_other else None


def _data(change: Change) -> dict[str, Any]:
    text = (change.before or "").removeprefix(BOM)
    data: dict[str, Any] = jsonc.read(text, comments=change.client.comments).data
    return data


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Say which file a problem is about, and that it was left alone."""
    try:
        yield
    except Conflict:
        raise
    except Invalid as problem:
        raise Invalid(f"{path}: {problem.message} It was left alone.", hint="Correct the file, then repeat.") from None
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8 text"
        raise Invalid(f"{path} cannot be read: {reason}.") from None


def _read(path: Path) -> str | None:
    """The text with its own line ends, or None without a file."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None


def _write(path: Path, text: str, *, like: Path) -> None:
    """Replace the file in one step, so that a crash leaves the old or the new one; mode and symlink stay."""
    target = path.resolve()
    mode = like.stat().st_mode & 0o777 if like.exists() else 0o600
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
