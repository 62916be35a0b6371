"""A bounded, strict reader for JSON from outside, and one canonical writer."""

import json
from typing import Any

from construction_mcp.core.errors import Invalid


def read_json(raw: bytes | str, *, bytes_max: int = 1024 * 1024, depth_max: int = 64, unique_keys: bool = False) -> Any:
    """Parse outside JSON: no NaN or Infinity, no lone surrogates, at most `bytes_max` bytes and `depth_max` levels.

    Raises:
        Invalid: what is wrong with it, never what it contains.
    """
    import pydantic_core  # 20 ms: not for the front

    data = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
    if len(data) > bytes_max:
        raise Invalid(f"The JSON is larger than {bytes_max} bytes.", code="VALIDATION_TOO_LARGE")
    try:
        value = pydantic_core.from_json(data, allow_inf_nan=False)
    except ValueError:
        raise Invalid("The body is not valid JSON.") from None
    if depth_of(value, depth_max + 1) > depth_max:
        raise Invalid(f"The JSON is nested deeper than {depth_max} levels.", code="VALIDATION_TOO_LARGE")
    if unique_keys:
        _refuse_duplicate_keys(data)
    return value


def write_json(value: Any) -> str:
    """Canonical JSON: sorted keys, no spaces, so that equal values have equal bytes and digests."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def depth_of(value: Any, stop_at: int) -> int:
    """Levels of nesting, counted no further than `stop_at`; iterative, so hostile depth costs no stack."""
    level, nodes = 1, [value] if isinstance(value, dict | list) else []
    while level < stop_at:
        within = [
            child
            for node in nodes
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, (dict, list))  # not a union: it is asked of every value
        ]
        if not within:
            return level + any(nodes)
        level, nodes = level + 1, within
    return level


def _refuse_duplicate_keys(data: bytes) -> None:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        if len(set(keys)) < len(keys):
            raise Invalid("The JSON repeats a key.")
        return dict(pairs)

    json.loads(data, object_pairs_hook=unique)
