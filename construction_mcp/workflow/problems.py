"""What can be wrong with a workflow: one shape for every problem, whoever finds it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: where, what, and how. `error` keeps a workflow from being deployed, `warning` does not.

    path: as in the document, `actions.alert.config.to`; an action is named by its key.
    """

    path: str
    code: str
    severity: Literal["error", "warning"]
    message: str
    fix: str


def error(path: str, code: str, message: str, fix: str) -> Problem:
    """A problem that has to be mended before the workflow can be deployed."""
    return Problem(path, code, "error", message, fix)


def warning(path: str, code: str, message: str, fix: str) -> Problem:
    """A problem that a person may accept."""
    return Problem(path, code, "warning", message, fix)


def as_json(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """The shape of PRODUCT.md section 4.3, for error details."""
    return [
        {"path": one.path, "code": one.code, "severity": one.severity, "message": one.message, "fix": one.fix}
        for one in problems
    ]


def either(words: Sequence[str]) -> str:
    """`a, b or c`."""
    return " or ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
