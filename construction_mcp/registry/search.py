"""Finding a tool by a few words: BM25 over names, purposes and arguments."""

import re
from collections import Counter
from collections.abc import Iterable

from construction_mcp.core.ranking import Ranking
from construction_mcp.registry.manifest import ToolEntry

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
    """An index over one view's tools: for each word, the tools it speaks for and how strongly."""

    def __init__(self, tools: Iterable[ToolEntry]) -> None:
        self._tools = list(tools)
        self._ranking = Ranking([_document(tool) for tool in self._tools])

    def find(self, query: str, limit: int) -> list[ToolEntry]:
        """The best `limit` tools; those that share no word with the query are left out."""
        scores = self._ranking.scores(words(query))
        ranked = sorted(scores, key=lambda index: (-scores[index], self._tools[index].name))
        return [self._tools[index] for index in ranked[:limit]]


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
