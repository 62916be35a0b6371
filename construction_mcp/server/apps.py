"""The dashboard's views inside MCP hosts: HTML documents at `ui://`, each shown with the result of one tool.

A document says the same to everybody: the dashboard's style sheet and words, and one script of ours. What it shows is
what tools answer to whoever looks, as text. It loads nothing and sends nothing but MCP requests to its host, of which
the script makes a few reads, with arguments that no record chose. Nothing in it decides: an approval is decided on the
dashboard, behind its sign-in, to which a view can only ask the host to lead.

Source: MCP Apps (SEP-1865) 2026-01-26, "UI Resource Format", "Resource Discovery", "Client<>Server Capability
Negotiation", "Content Security Policy Enforcement".
"""

import json
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, Final

from construction_mcp import __version__
from construction_mcp.core.apps import EXTENSION, MIME_TYPE
from construction_mcp.core.catalogue import CATALOGUE
from construction_mcp.core.config import Settings
from construction_mcp.core.errors import NotFound
from construction_mcp.core.nearest import nearest
from construction_mcp.notify.message import UNSEEN
from construction_mcp.registry.catalog import Catalog, View
from construction_mcp.server.dashboard import layout, words
from construction_mcp.server.dashboard.charts import LONG_MS
from construction_mcp.server.listing import tool_wire
from construction_mcp.store.overview import BEATS

SCHEME: Final = "ui://"
ANNOUNCED: Final[dict[str, dict[str, Any]]] = {
    EXTENSION: {}
}  # SEP-2133, without settings; the SDK sends it since 2026-07-28
# As the specification's hosts build it where a resource declares nothing, and said again inside: a host that is more
# generous opens no way out for what the view shows.
_POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)
_META: Final = {
    "ui": {
        "csp": {"connectDomains": [], "resourceDomains": [], "frameDomains": [], "baseUriDomains": []},
        "prefersBorder": True,
    }
}


@dataclass(frozen=True, slots=True)
class AppView:
    """One view: its name in `assets/apps.js`, and the tool whose results it shows."""

    name: str
    title: str
    tool: str

    @property
    def uri(self) -> str:
        return f"{SCHEME}construction-mcp/{self.name}"


_VIEWS: Final = (
    AppView("overview", "Health, quota, queue and recent errors", "get_system_health"),
    AppView("workflows", "Workflows with their health", "list_workflows"),
    AppView("runs", "Runs of workflows", "list_executions"),
    AppView("run", "One run through time", "observe_workflow_execution"),
    AppView("approvals", "What people are asked", "decide_approval"),
)
READ_BY_VIEWS: Final = frozenset(
    {"get_system_health", "get_workflow_stats", "explain_stuck_executions", *(view.tool for view in _VIEWS)}
)
VIEWS: Final = {view.uri: view for view in _VIEWS}
_OF_TOOL: Final = {view.tool: view.uri for view in _VIEWS}


def tools_wire(catalog: Catalog, view: View) -> list[dict[str, Any]]:
    """What tools/list says to a client that shows views: which view a tool has, and what else the views read.

    The latter is for views alone: a host tells no model of it, and lets a view call what it was told of.
    Source: MCP Apps 2026-01-26, "Visibility".
    """
    listed = {tool.name for tool in catalog.listed_tools(view)}
    return [
        tool_wire(tool, _meta_of(tool.name) if tool.name in listed else {"ui": {"visibility": ["app"]}})
        for tool in catalog.callable_tools(view).values()
        if tool.name in listed or tool.name in READ_BY_VIEWS
    ]


def _meta_of(name: str) -> dict[str, Any] | None:
    uri = _OF_TOOL.get(name)
    return None if uri is None else {"ui": {"resourceUri": uri}}


def listed() -> list[dict[str, Any]]:
    """The views as resources/list shows them."""
    return [
        {"uri": view.uri, "name": f"{view.name}_view", "title": view.title, "mimeType": MIME_TYPE} for view in _VIEWS
    ]


def contents(uri: str, settings: Settings) -> list[dict[str, Any]]:
    """What resources/read answers.

    Raises:
        NotFound: there is no such view.
    """
    view = VIEWS.get(uri)
    if view is None:
        raise NotFound(
            f"There is no view {uri[:200]!r}.",
            hint=f"There are: {', '.join(VIEWS)}.",
            details={"nearest": nearest(uri, VIEWS)},
        )
    served = settings.serve_url and (settings.public_url or settings.serve_url)
    dashboard = served.rstrip("/") + layout.PATH if served else None
    return [{"uri": uri, "mimeType": MIME_TYPE, "text": _document(view, dashboard), "_meta": _META}]


@cache
def _document(view: AppView, dashboard: str | None) -> str:
    """The whole page. dashboard: where approvals are decided; None where this process serves none."""
    told = {
        "view": view.name,
        "version": __version__,
        "dashboard": dashboard,
        "tones": words.TONES,
        "starts": words.STARTS,
        "remedies": {code: entry.remedy for code, entry in CATALOGUE.items()},
        "beats": BEATS,
        "long_ms": LONG_MS,
        "unseen": UNSEEN.pattern,
    }
    return (
        '<!doctype html><html lang="en" class="app"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(view.title)} · construction-mcp</title><style>{_asset('dashboard.css')}</style></head><body>"
        '<header class="top"><nav aria-label="Views" id="menu" hidden></nav>'
        '<button type="button" id="again" class="plain" hidden>Refresh</button></header>'
        '<main id="content" tabindex="-1"><h1 class="unseen">Loading</h1><p class="quiet">Waiting for the result.</p>'
        '</main><p id="told" class="unseen" role="status"></p>'
        f'<script type="application/json" id="words">{_data(told)}</script>'
        f"<script>{_asset('apps.js')}</script></body></html>"
    )


def _data(value: Any) -> str:
    """JSON that ends no element: there is no `<` in it, and nothing beyond ASCII."""
    return json.dumps(value).replace("<", "\\u003c")


def _asset(name: str) -> str:
    return files(layout.__package__).joinpath("assets", name).read_text(encoding="utf-8")
