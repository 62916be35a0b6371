"""Finding a tool by a few words: BM25 over names, purposes and arguments; few enough to score all of them each time."""

import math
import re
from collections import Counter
from collections.abc import Iterable

from construction_mcp.registry.manifest import ToolEntry

_K1, _B = 1.4, 0.6  # the usual BM25 constants, with less weight on length: descriptions differ little
_WEIGHTS = {"name": 4, "title": 2, "toolset": 2, "description": 1, "arguments": 1}
_SAME = {  # how people say it -> how tools say it
    "automation": "workflow",
    "automations": "workflow",
    "flow": "workflow",
    "show": "get",
    "read": "get",
    "view": "get",
    "see": "list",
    "find": "list",
    "search": "list",
    "all": "list",
    "make": "create",
    "new": "create",
    "edit": "update",
    "change": "update",
    "modify": "update",
    "erase": "delete",
    "drop": "delete",
    "step": "action",
    "question": "rfi",
    "mail": "notification",
    "email": "notification",
    "health": "status",
    "punchlist": "punch",
}


def words(text: str) -> list[str]:
    """Lower-case words without plural endings, each said the way tools say it."""
    found = re.findall(r"[a-z0-9]+", text.lower())
    singular = [
        word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word for word in found
    ]
    return [_SAME.get(word, word) for word in singular]


class ToolSearch:
    """An index over one view's tools."""

    def __init__(self, tools: Iterable[ToolEntry]) -> None:
        self._tools = list(tools)
        self._documents = [_document(tool) for tool in self._tools]
        self._frequency = Counter(word for document in self._documents for word in document)
        lengths = [document.total() for document in self._documents]
        self._mean = sum(lengths) / max(1, len(lengths))

    def find(self, query: str, limit: int) -> list[ToolEntry]:
        """The best `limit` tools; those that share no word with the query are left out."""
        asked = set(words(query))
        scored = [
            (self._score(asked, document), tool) for tool, document in zip(self._tools, self._documents, strict=True)
        ]
        ranked = sorted((pair for pair in scored if pair[0] > 0), key=lambda pair: (-pair[0], pair[1].name))
        return [tool for _, tool in ranked[:limit]]

    def _score(self, asked: Iterable[str], document: Counter[str]) -> float:
        length = 1 - _B + _B * document.total() / self._mean
        return sum(
            self._rarity(word) * document[word] * (_K1 + 1) / (document[word] + _K1 * length)
            for word in asked
            if word in document
        )

    def _rarity(self, word: str) -> float:
        count, total = self._frequency[word], len(self._tools)
        return math.log(1 + (total - count + 0.5) / (count + 0.5))


def _document(tool: ToolEntry) -> Counter[str]:
    texts = {
        "name": tool.name.replace("_", " "),
        "title": tool.title,
        "toolset": tool.toolset.replace("_", " "),
        "description": tool.description,
        "arguments": " ".join(tool.input_schema["properties"]).replace("_", " "),
    }
    counts: Counter[str] = Counter()
    for part, text in texts.items():
        for word in words(text):
            counts[word] += _WEIGHTS[part]
    return counts
