"""Which texts fit some words best: BM25, with every weight worked out once."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

_K1, _B = 1.4, 0.6  # the usual constants, with less weight on length: what is ranked here differs little in it


class Ranking:
    """An index over documents that never change, each a count of its words (a weight is a larger count)."""

    def __init__(self, documents: Sequence[Counter[str]]) -> None:
        lengths = [document.total() for document in documents]
        mean = sum(lengths) / max(1, len(documents))
        rarities = _rarities(documents)
        self._weights: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
        for index, document in enumerate(documents):
            damping = _K1 * (1 - _B + _B * lengths[index] / mean)
            for word, count in document.items():
                self._weights[word].append((index, rarities[word] * count * (_K1 + 1) / (count + damping)))

    def scores(self, words: Iterable[str]) -> dict[int, float]:
        """A score for each document, by its place, that shares a word with these."""
        found: defaultdict[int, float] = defaultdict(float)
        for word in set(words):
            for index, weight in self._weights.get(word, ()):
                found[index] += weight
        return dict(found)


def _rarities(documents: Sequence[Counter[str]]) -> dict[str, float]:
    """How much a word tells: little when most documents have it."""
    counts = Counter(word for document in documents for word in document)
    return {word: math.log(1 + (len(documents) - count + 0.5) / (count + 0.5)) for word, count in counts.items()}
