"""Pages by number with Link, Total and Per-Page headers (FACTS 4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from construction_mcp.simulator.answers import Refused
from construction_mcp.simulator.call import Call

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageSize:
    """What a list answers by default and at most; v1 rarely declares either (FACTS 4)."""

    default: int = 100
    largest: int = 2000


V1_PAGES = PageSize()
V2_PAGES = PageSize(10, 100)


def cut_page(call: Call, rows: Sequence[T], size: PageSize) -> tuple[Sequence[T], dict[str, str]]:
    """The asked page of `rows` and its headers; a page past the end is empty, without a `next` link."""
    per_page = min(_positive(call, "per_page", size.default), size.largest)
    page = _positive(call, "page", 1)
    start = (page - 1) * per_page
    headers = {"Total": str(len(rows)), "Per-Page": str(per_page)}
    last = max(1, -(-len(rows) // per_page))
    links = _links(page, last, prev_on_page_2=call.world.switches.link_prev_on_page_2)
    if links:
        kept = [] if call.world.switches.link_query == "dropped" else _other_parameters(call)
        headers["Link"] = ", ".join(
            f'<{call.base_url}{call.path}?{urlencode([*kept, ("page", number), ("per_page", per_page)])}>; rel="{rel}"'
            for rel, number in links
        )
    return rows[start : start + per_page], headers


def _links(page: int, last: int, *, prev_on_page_2: bool) -> list[tuple[str, int]]:
    """Page 1 has next and last; page 2 also first; from page 3 all four; the last one no next (FACTS 4)."""
    links = []
    if page > 1:
        links.append(("first", 1))
    if page > 2 or (page == 2 and prev_on_page_2):
        links.append(("prev", page - 1))
    if page < last:
        links += [("next", page + 1), ("last", last)]
    elif page > 2:
        links.append(("last", last))
    return links


def _other_parameters(call: Call) -> list[tuple[str, Any]]:
    return [
        (name, value) for name, values in call.query.items() if name not in ("page", "per_page") for value in values
    ]


def _positive(call: Call, name: str, default: int) -> int:
    raw = call.text(name)
    if raw is None or raw == "":
        return default
    if not raw.isascii() or not raw.isdigit() or int(raw) < 1:
        raise Refused(400, f"{name} must be a positive integer", field_name=name)
    return int(raw)
