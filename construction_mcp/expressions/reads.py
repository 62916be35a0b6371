"""What an expression reads, and handing over no more than that.

A read is a path below a root, `("steps", "open_rfis", "output", "total")`, with two marks of its own: `EACH` for every
element of a list that is walked, `SIZE` where only the length counts. So `size(items) > 0` of a thousand records costs
no more than their number, and `items.exists(r, r.is_overdue)` one field of each.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from construction_mcp.expressions.ast import Call, Constant, Loop, Name, Node, Select, parts_of

EACH, SIZE = "\ud800each", "\ud800size"  # not valid Unicode, so no key of a document can be one
Path = tuple[str, ...]


def reads_of(root: Node, names: Mapping[str, Path]) -> set[Path]:
    """Every longest chain of fields and indexes; `names` maps variables of the tree to the paths they stand for."""
    return set(_reads(root, dict(names)))


def _reads(node: Node, names: Mapping[str, Path | None]) -> Iterator[Path]:
    path = path_of(node, names)
    if path is not None:
        yield path
        yield from _inside_indexes(node, names)
    elif isinstance(node, Loop):
        yield from _loop_reads(node, names)
    elif isinstance(node, Call) and node.function == "size":
        measured = node.target or node.arguments[0]
        path = path_of(measured, names)
        yield from [(*path, SIZE)] if path is not None else _reads(measured, names)
    else:
        for part in parts_of(node):
            yield from _reads(part, names)


def _loop_reads(node: Loop, names: Mapping[str, Path | None]) -> Iterator[Path]:
    items = path_of(node.items, names)
    if items is None:
        yield from _reads(node.items, names)
    else:
        yield (*items, SIZE)
        yield from _inside_indexes(node.items, names)
    element = None if items is None else (*items, EACH)
    inside = {**names, **dict.fromkeys(node.names), node.names[0]: element}
    for part in node.parts:
        yield from _reads(part, inside)


def path_of(node: Node, names: Mapping[str, Path | None]) -> Path | None:
    """The path that a chain of selects and indexes stands for; None for anything else."""
    if isinstance(node, Name):
        return names.get(node.name)
    if isinstance(node, Select):
        path = path_of(node.operand, names)
        return None if path is None else (*path, node.field)
    if isinstance(node, Call) and node.function == "_[_]":
        path = path_of(node.arguments[0], names)
        key = node.arguments[1]
        step = str(key.value) if isinstance(key, Constant) and key.value is not None else EACH
        return None if path is None else (*path, step)
    return None


def _inside_indexes(node: Node, names: Mapping[str, Path | None]) -> Iterator[Path]:
    """`m[vars.key]` reads all of m and vars.key."""
    if isinstance(node, Select):
        yield from _inside_indexes(node.operand, names)
    elif isinstance(node, Call):
        yield from _inside_indexes(node.arguments[0], names)
        if not isinstance(node.arguments[1], Constant):
            yield from _reads(node.arguments[1], names)


def references(reads: set[Path]) -> tuple[Path, ...]:
    """The paths for people and for the compiler: they end where a list is walked."""
    return tuple(sorted({_plain(path) for path in reads}))


def _plain(path: Path) -> Path:
    for at, step in enumerate(path):
        if step in (EACH, SIZE):
            return path[:at]
    return path


Wanted = dict[str, Any]
"""A tree of reads: what is wanted below each step; None where everything below is."""


def wanted(reads: set[Path]) -> Wanted:
    """All reads as one tree."""
    tree: Wanted = {}
    for path in sorted(reads, key=len, reverse=True):
        below = tree
        for step in path[:-1]:
            below = below.setdefault(step, {})
        below[path[-1]] = {} if path[-1] == SIZE else None  # shorter paths come last and win over longer ones
    return tree


def project(value: Any, want: Wanted | None) -> Any:
    """The part of the value that is wanted. Lists keep their length, and what is absent stays absent."""
    if want is None:
        return value
    if isinstance(value, Mapping):
        if EACH in want:
            return value
        if SIZE in want:
            return {key: project(inner, want[key]) if key in want else None for key, inner in value.items()}
        return {key: project(value[key], below) for key, below in want.items() if key in value}
    return _project_list(value, want) if isinstance(value, list) else value


def _project_list(items: Sequence[Any], want: Wanted) -> list[Any]:
    if EACH in want:
        every = want[EACH]
        return list(items) if every is None else [project(item, every) for item in items]
    kept: list[Any] = [None] * len(items)
    for step, below in want.items():
        if step == SIZE:
            continue
        if not step.lstrip("-").isdigit():
            return list(items)  # a field of a list: evaluation says what is wrong with that
        if 0 <= int(step) < len(items):
            kept[int(step)] = project(items[int(step)], below)
    return kept
