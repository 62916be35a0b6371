"""The doctor on this installation: Python, SQLite, packages, the fast start, toolsets, action types, templates."""

import platform
import sqlite3
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from construction_mcp.cli.doctor.findings import Finding
from construction_mcp.core.errors import ConstructionError
from construction_mcp.core.launch import Launch

SECTION = "This installation"
SQLITE_SAFE = (3, 51, 3)  # first without the WAL-reset bug of two writing connections; source: sqlite.org/wal.html


def installation(launch: Launch) -> Iterator[Finding]:
    """Everything that does not depend on a workspace."""
    yield Finding(SECTION, "Python", "ok", f"{platform.python_version()} at {sys.executable}")
    yield _sqlite(sqlite3.sqlite_version_info)
    yield from map(_package, ("construction-mcp", "mcp"))
    yield _front(launch)
    yield _toolsets()
    yield from _actions()
    yield from _templates()


def _sqlite(found: tuple[int, ...]) -> Finding:
    name = ".".join(map(str, found))
    if found >= SQLITE_SAFE:
        return Finding(SECTION, "SQLite", "ok", name)
    return Finding(
        SECTION,
        "SQLite",
        "warning",
        f"{name} can damage a database that two programs write at once; construction-mcp lets only one.",
        "Do not write to construction.db with other programs; a Python with SQLite 3.51.3 or newer ends the risk.",
    )


def _package(name: str) -> Finding:
    try:
        return Finding(SECTION, name, "ok", version(name))
    except PackageNotFoundError:
        return Finding(
            SECTION, name, "warning", "not installed, run from source", "pip install the package into this Python."
        )


def _front(launch: Launch) -> Finding:
    """Whether the first answers are ready before the SDK is imported."""
    from construction_mcp.front.answers import load_answers

    if load_answers(launch) is not None:
        return Finding(SECTION, "fast start", "ok", "the first answers are ready in advance")
    return Finding(
        SECTION,
        "fast start",
        "warning",
        "no kept answers fit this installation; the server makes its own at the first start with this workspace",
    )


def _toolsets() -> Finding:
    from construction_mcp.registry.catalog import load_catalog, outside_packages

    try:
        catalog = load_catalog()
    except ConstructionError as problem:
        return Finding(SECTION, "toolsets", "broken", problem.message, problem.hint)
    outside = outside_packages()
    others = f"; from other packages: {', '.join(outside)}" if outside else ""
    return Finding(SECTION, "toolsets", "ok", f"{', '.join(catalog.toolsets)} ({len(catalog.tools)} tools){others}")


def _actions() -> Iterator[Finding]:
    from construction_mcp.actions.catalogue import Catalogue

    types = Catalogue()
    broken = types.problems
    yield Finding(SECTION, "action types", "ok", f"{len(types.names())} that can be used")
    for one in broken:
        yield Finding(SECTION, f"actions {one.family} of {one.module}", "broken", one.why, _MEND)


def _templates() -> Iterator[Finding]:
    from construction_mcp.core.config import Limits
    from construction_mcp.workflow.template import Templates

    templates = Templates(Limits())
    yield Finding(SECTION, "templates", "ok", f"{len(templates.all())} that can be used")
    for one in templates.problems:
        yield Finding(SECTION, f"template {one.id}", "broken", one.why, _MEND)


_MEND = "Update or uninstall the package that brings it; everything else works."
