"""What code may look like, beyond what the linter knows."""

import ast
import re
from collections.abc import Iterator

from tests.tidy.source import Source

FUNCTION_LINES_MAX = 60
NAMELESS = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "base", "misc", "shared"}

# STRICT tables and named queries live in sql/; the modules that open, migrate and copy the file speak to it directly,
# and the simulator keeps its state by its own means.
SQL_ROOMS = ("construction_mcp/store/", "construction_mcp/simulator/")
SQL = re.compile(
    r"^\s*(SELECT\s.+|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|WITH\s+\w+\s+AS\s*\("
    r"|(CREATE|DROP|ALTER)\s+(TABLE|INDEX|VIEW|TRIGGER)\s)",
    re.IGNORECASE | re.DOTALL,
)
SECRET = re.compile(
    r"(^|_)(token|secret|signature|password|bearer|hmac|mac|(token|secret|code|key)_(digest|hash))s?$", re.IGNORECASE
)


def long_function(source: Source) -> Iterator[str]:
    """A function fits a screen."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES_MAX:
                yield f"{source.path}:{node.lineno}: {node.name} has {length} lines"


def nameless_module(source: Source) -> Iterator[str]:
    """A module that cannot be named is two modules."""
    for part in source.path.removesuffix(".py").split("/"):
        if NAMELESS & set(part.lower().split("_")):
            yield f"{source.path}: {part!r} says nothing"


def sql_in_python(source: Source) -> Iterator[str]:
    """SQL lives in sql/, where it is explained, planned and tested."""
    if source.path.startswith(SQL_ROOMS):
        return
    docs = {id(text) for text in _docstrings(source.tree)}
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in docs:
            continue
        if SQL.match(node.value):
            yield f"{source.path}:{node.lineno}: {node.value[:40]!r}"


def forgotten_task(source: Source) -> Iterator[str]:
    """A task nobody holds may vanish while it runs, and nobody hears it fail."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            made_by = ast.unparse(node.value.func)
            if re.search(r"(asyncio|loop(\(\))?)\.(create_task|ensure_future)$", made_by):
                yield f"{source.path}:{node.lineno}: {made_by}"


def secret_compared_plainly(source: Source) -> Iterator[str]:
    """`==` on a secret tells its first wrong byte by time: hmac.compare_digest."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.Eq | ast.NotEq):
            continue
        sides = [node.left, *node.comparators]
        if any(_is_secret(side) for side in sides) and not any(isinstance(side, ast.Constant) for side in sides):
            yield f"{source.path}:{node.lineno}: {ast.unparse(node)}"


def _is_secret(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return bool(SECRET.search(name))


def _docstrings(tree: ast.Module) -> Iterator[ast.Constant]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first.value
