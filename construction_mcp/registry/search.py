"""Finding a tool by a few words: BM25 over names, purposes and arguments."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

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
    """An index over one view's tools: for each word, the tools it speaks for and how strongly.

    The tools never change, so every word's BM25 weight is computed once and a search only adds up a few numbers.
    """

    def __init__(self, tools: Iterable[ToolEntry]) -> None:
        self._tools = list(tools)
        documents = [_document(tool) for tool in self._tools]
        lengths = [document.total() for document in documents]
        mean = sum(lengths) / max(1, len(documents))
        rarities = _rarities(documents)
        self._weights: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
        for index, document in enumerate(documents):
            damping = _K1 * (1 - _B + _B * lengths[index] / mean)
            for word, count in document.items():
                self._weights[word].append((index, rarities[word] * count * (_K1 + 1) / (count + damping)))

    def find(self, query: str, limit: int) -> list[ToolEntry]:
        """The best `limit` tools; those that share no word with the query are left out."""
        scores: defaultdict[int, float] = defaultdict(float)
        for word in set(words(query)):
            for index, weight in self._weights.get(word, ()):
                scores[index] += weight
        ranked = sorted(scores, key=lambda index: (-scores[index], self._tools[index].name))
        return [self._tools[index] for index in ranked[:limit]]


def _rarities(documents: Sequence[Counter[str]]) -> dict[str, float]:
    """How much a word tells: little when most tools have it."""
    counts = Counter(word for document in documents for word in document)
    return {word: math.log(1 + (len(documents) - count + 0.5) / (count + 0.5)) for word, count in counts.items()}


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
