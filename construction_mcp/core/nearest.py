"""Did-you-mean, for tools, arguments, query names and whatever else people misspell."""

from collections.abc import Iterable


def nearest(word: str, candidates: Iterable[str], limit: int = 3) -> list[str]:
    """The candidates most like `word`, best first; none that are unlike it."""
    from difflib import get_close_matches

    return get_close_matches(word[:200], list(candidates), n=limit, cutoff=0.6)
