"""What no committed file may hold. Patterns are broken up so that this file does not hold it either."""

import io
import re
import tokenize
from collections.abc import Iterator

from tests.tidy.source import Source

MACHINE_PATH = re.compile(
    r"(?<![\w./~-])/(?:wor[k]|tmp/[w]|roo[t]|home/(?!you\b|me\b)[a-z][\w-]*|Users/(?!you\b)[a-z][\w-]*)/"
)
REGISTRY_HOST = re.compile(
    r"\b(?:(?:test\.)?pyp[i]\.org|files\.pythonhoste[d]\.org|registry\.(?:npmj[s]|yarnpk[g])\.(?:org|com)|crate[s]\.io"
    r"|proxy\.golan[g]\.org|inde[x]-url|extra-inde[x])",
    re.IGNORECASE,
)
NOQA = re.compile(r"#\s*noqa(?P<codes>: ?[A-Z]+[0-9]+(?:, ?[A-Z]+[0-9]+)*)?(?P<reason>.*)")
IGNORE = re.compile(r"#\s*type: ?ignore(?P<codes>\[[\w, -]+\])?(?P<reason>.*)")


def machine_path(source: Source) -> Iterator[str]:
    """A path of one person's machine works on no other."""
    yield from _hits(source, MACHINE_PATH)


def registry_host(source: Source) -> Iterator[str]:
    """Where packages come from is the installer's choice, not ours."""
    yield from _hits(source, REGISTRY_HOST)


def excuse_without_reason(source: Source) -> Iterator[str]:
    """Every silenced check names its code, and says on the same line why."""
    if not source.path.endswith(".py"):
        return
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type != tokenize.COMMENT:
            continue
        for pattern in (NOQA, IGNORE):
            found = pattern.search(token.string)
            if found and not (found["codes"] and found["reason"].strip(" -#()")):
                yield f"{source.path}:{token.start[0]}: {token.string}"


def _hits(source: Source, pattern: re.Pattern[str]) -> Iterator[str]:
    for number, line in enumerate(source.text.splitlines(), 1):
        for found in pattern.finditer(line):
            yield f"{source.path}:{number}: {found[0]}"
