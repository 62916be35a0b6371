"""Names of actions, variables and items: which cannot be used in expressions, and what to call them instead."""

import re

ROOTS = ("vars", "steps", "trigger", "workflow", "execution", "project", "index", "event")
"""What expressions begin with; nothing else may be called so where it would hide them."""

# cel-spec "Language Definition", section Syntax, RESERVED: words that are no identifiers.
_LITERALS = frozenset({"true", "false", "null", "in"})
_WORDS = _LITERALS | {
    *("as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package"),
    *("namespace", "return", "var", "void", "while"),
}


def cannot_name_an_item(name: str) -> bool:
    """Whether `name` means something else where an expression begins."""
    return name in ROOTS or name in _WORDS


def cannot_follow_a_dot(name: str) -> bool:
    """Whether `steps.<name>` or `vars.<name>` would be no expression."""
    return name in _LITERALS


def as_key(text: str) -> str:
    """The text as a key: `Open RFIs` and `OpenRfis` become `open_rfis`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", text).strip("_").lower()
    return (words if words[:1].isalpha() else f"a_{words}")[:64].rstrip("_")
