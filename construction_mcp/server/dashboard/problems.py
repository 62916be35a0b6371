"""A failure as a page: our own words, and the status that fits."""

from construction_mcp.core.errors import ConstructionError, NeedsLogin, NotFound, NotPermitted, Unavailable
from construction_mcp.server.dashboard.layout import PATH
from construction_mcp.server.dashboard.markup import Html, el

_TITLES = {
    "APPROVAL_EXPIRED": "Too late",
    "APPROVAL_DECIDED": "Decided before",
    "APPROVAL_CHANGED": "It has changed",
    "APPROVAL_NOT_YOURS": "Not yours to decide",
}
_STATUSES = {"APPROVAL_EXPIRED": 410, "APPROVAL_DECIDED": 409, "APPROVAL_CHANGED": 409}
_KINDS: dict[type[ConstructionError], int] = {NotFound: 404, NotPermitted: 403, NeedsLogin: 401, Unavailable: 503}


def problem(error: ConstructionError) -> tuple[str, Html, int]:
    """The title, the content and the status of the page about it."""
    title = _TITLES.get(error.code, "There is nothing here" if isinstance(error, NotFound) else "This cannot be done")
    content = el(
        "div",
        el("h1", title),
        el("p", error.message, class_="more"),
        el("p", error.hint) if error.hint else None,
        el("p", el("a", "To the overview", href=PATH), class_="more"),
        class_="card",
    )
    kind = next((status for kind, status in _KINDS.items() if isinstance(error, kind)), 400)
    return title, content, _STATUSES.get(error.code, kind)
