"""What stands where in an expression: tokens, dotted names, loop variables, the end of a template's hole.

A lexer, not a parser: CEL's own parser decides what is an expression; this one knows enough to name places in it.
Source: cel-spec "Language Definition", section Syntax, terminals.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

LOOPS = frozenset({"map", "filter", "exists", "exists_one", "all"})
KEYWORDS = frozenset({"true", "false", "null", "in"})
_TOKEN = re.compile(
    r"""
      (?P<text>[bB]?[rR][bB]?(?:\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''|"[^"\n]*"|'[^'\n]*')
        |[bB]?(?:\"\"\"(?:\\[\s\S]|[^\\])*?\"\"\"|'''(?:\\[\s\S]|[^\\])*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*|`[^`\n]*`)
    | (?P<number>\d[0-9A-Za-z_]*(?:\.\d[0-9A-Za-z_]*)?)
    | (?P<note>//[^\n]*)
    | (?P<sign>&&|\|\||[=!<>]=|\S)
    """,
    re.VERBOSE,
)
_HIDES_NAMES = re.compile("[\"'`/]")
_CHAINS = r"""
      \d[0-9A-Za-z_]* | \.\s*[A-Za-z_][A-Za-z0-9_]*
    | (?P<chain>[A-Za-z_][A-Za-z0-9_]*(?:\s*\.\s*[A-Za-z_][A-Za-z0-9_]*)*)(?P<called>\s*\()?
"""
_BARE_CHAIN = re.compile(_CHAINS, re.VERBOSE)
_CHAIN = re.compile(
    rf"""
      [bB]?[rR][bB]?(?:\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''|"[^"\n]*"|'[^'\n]*')
    | \"\"\"(?:\\[\s\S]|[^\\])*?\"\"\"|'''(?:\\[\s\S]|[^\\])*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'
    | //[^\n]* | `[^`\n]*` | {_CHAINS}
    """,
    re.VERBOSE,
)
_BARE_HOLE = re.compile(r"[^{}\"'`/]*(?=\}\})")  # nothing in it can hide a brace
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_OPENS, _CLOSES = "([{", ")]}"


class Token(NamedTuple):
    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


class Chain(NamedTuple):
    """A dotted name, `steps.open_rfis.output`: its parts, where it begins, and how it is written."""

    parts: Sequence[str]
    start: int
    written: str

    def end(self, name: str) -> int:
        """Where the first of its parts end that are `name`."""
        if self.written.startswith(name):
            return self.start + len(name)
        return self.start + [found.end() for found in _NAME.finditer(self.written)][name.count(".")]


def tokens_of(text: str) -> list[Token]:
    """Everything but space and comments. What cannot be a token comes as single signs."""
    return [
        Token(found.lastgroup or "", found.group(), found.start())
        for found in _TOKEN.finditer(text)
        if found.lastgroup != "note"
    ]


def chains_of(text: str) -> list[Chain]:
    """The dotted names that begin with a variable: no functions, keywords, or fields of something computed."""
    chains = []
    for found in (_CHAIN if _HIDES_NAMES.search(text) else _BARE_CHAIN).finditer(text):
        written, called = found.groups()
        if written is None:
            continue
        parts = _NAME.findall(written) if called or not written.isprintable() or " " in written else written.split(".")
        if called:
            parts.pop()
        if parts and parts[0] not in KEYWORDS:
            chains.append(Chain(parts, found.start(1), written))
    return chains


def loop_variables(tokens: Sequence[Token]) -> list[Token]:
    """The names that `.map(name, ...)` and its kin give to an element."""
    return [
        tokens[at + 3]
        for at in range(len(tokens) - 4)
        if tokens[at].text == "."
        and tokens[at + 1].text in LOOPS
        and tokens[at + 2].text == "("
        and tokens[at + 3].kind == "name"
        and tokens[at + 4].text == ","
    ]


def closing(tokens: Sequence[Token], at: int) -> int:
    """The index of the bracket that closes the one at `at`; the last token where none does."""
    depth = 0
    for index in range(at, len(tokens)):
        if tokens[index].kind == "sign" and tokens[index].text in _OPENS:
            depth += 1
        elif tokens[index].kind == "sign" and tokens[index].text in _CLOSES:
            depth -= 1
            if depth == 0:
                return index
    return len(tokens) - 1


def end_of_hole(text: str, start: int) -> int:
    """Where the `}}` stands that closes the hole whose expression begins at `start`; -1 where there is none.

    Braces of map literals are counted, and nothing inside a text literal counts.
    """
    bare = _BARE_HOLE.match(text, start)
    if bare is not None:
        return bare.end()
    depth = 0
    at = start
    while at < len(text):
        if depth == 0 and text.startswith("}}", at):
            return at
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup == "note":
            at += 1  # space; a comment may not swallow the end of its hole
            continue
        if found.lastgroup == "sign":
            depth += {"{": 1, "}": -1}.get(found.group(), 0)
        at = found.end()
    return -1
