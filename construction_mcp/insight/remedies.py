"""From an error somebody met to what its catalogue entry says to do about it."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from construction_mcp.core.catalogue import CATALOGUE
from construction_mcp.core.ranking import Ranking
from construction_mcp.insight.advice import Call, Missing

_CODE = re.compile(r"\b[A-Z]{3,20}(?:_[A-Z]{2,20}){1,5}\b")
_WORD = re.compile(r"[a-z][a-z_]{2,40}")
_LIKELY = 6.0  # a message that shares less with an entry says too little to name it
_CODES_MAX = 3


@dataclass(frozen=True, slots=True)
class Remedy:
    """One error, what it means and what to do."""

    code: str
    meaning: str
    remedy: str


def remedies(text: str) -> list[Remedy]:
    """The errors a text names by code, else the one its words are most like."""
    named = [code for code in dict.fromkeys(_CODE.findall(text)) if code in CATALOGUE]
    return [Remedy(code, *CATALOGUE[code]) for code in (named or _likely(text))[:_CODES_MAX]]


def _likely(text: str) -> list[str]:
    codes = list(CATALOGUE)
    ranking = Ranking([Counter(_words(f"{one.meaning} {one.remedy}")) for one in CATALOGUE.values()])
    scores = ranking.scores(_words(text))
    best = max(scores, key=lambda at: scores[at], default=None)
    return [codes[best]] if best is not None and scores[best] >= _LIKELY else []


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def advised(
    found: Sequence[Remedy], tools: Mapping[str, Sequence[str]], known: Mapping[str, Any]
) -> tuple[list[Call], list[Missing]]:
    """The calls that the remedies name, where every argument they require is known; the rest in words.

    tools: the required arguments of each tool, by its name.
    """
    steps: list[Call] = []
    open_ones: list[Missing] = []
    for one in found:
        why = f"{one.code}: {one.meaning} {one.remedy}"
        named = [name for name in dict.fromkeys(_WORD.findall(one.remedy)) if name in tools]
        able = [name for name in named if all(argument in known for argument in tools[name])]
        steps += [Call(name, {argument: known[argument] for argument in tools[name]}, why) for name in able]
        open_ones += [] if able else [Missing(one.code, f"{one.meaning} {one.remedy}")]
    return steps, open_ones
