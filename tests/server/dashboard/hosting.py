"""An MCP host in a browser page: it frames a view as MCP Apps asks, and plays the host's part against a real server."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
from playwright.sync_api import Frame, Page, Route

from construction_mcp.core.apps import EXTENSION, MIME_TYPE
from tests.server.dashboard.browsing import Site
from tests.server.serving import ACCEPT, envelope, modern_headers

HOST = "http://host.example/"
VIEW = "http://view.example/"
# The header that a host builds for a resource without domains of its own, and one line more than it must have.
# Source: MCP Apps 2026-01-26, "Content Security Policy Enforcement".
POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "img-src 'self' data:; font-src 'self'; media-src 'self' data:; frame-src 'none'; object-src 'none'; "
    "base-uri 'self'; require-trusted-types-for 'script'"
)
EVERYTHING = {"serverTools": {}, "openLinks": {}}
SHOWS_VIEWS = {"extensions": {EXTENSION: {"mimeTypes": [MIME_TYPE]}}}
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Host</title>
<style>body { margin: 0 } iframe { display: block; border: 0; width: 100%; height: 200px }</style>
<iframe title="View" sandbox="allow-scripts"></iframe>
<script>
  const frame = document.querySelector("iframe");
  const say = (message) => frame.contentWindow.postMessage({ jsonrpc: "2.0", ...message }, "*");
  window.heard = [];
  window.told = (method, params) => say({ method, params });
  window.ask = (id, method) => say({ id, method, params: {} });
  window.addEventListener("message", async ({ source, data }) => {
    if (source !== frame.contentWindow) return;
    window.heard.push(data);
    const { id, method, params } = data;
    if (method === "ui/initialize") {
      const { capabilities, context } = window.host;
      const hostInfo = { name: "test", version: "1" };
      const told = { hostInfo, hostCapabilities: capabilities, hostContext: context };
      say({ id, result: { protocolVersion: "2026-01-26", ...told } });
    } else if (method === "ui/notifications/initialized") {
      window.told("ui/notifications/tool-input", { arguments: window.host.arguments });
      window.told("ui/notifications/tool-result", window.host.result);
    } else if (method === "tools/call") {
      say({ id, result: await window.callTool(params.name, params.arguments) });
    } else if (method === "ui/notifications/size-changed") {
      frame.style.height = `${params.height}px`;
    } else if (id !== undefined && method) {
      say({ id, result: {} });
    }
  });
</script></html>"""


class Served:
    """The MCP server of a site, as one person's host reaches it; each answer is a result."""

    def __init__(self, site: Site, bearer: str) -> None:
        self._url = site.url.replace("/dashboard", "/mcp")
        self._http = httpx.Client(headers={**ACCEPT, "authorization": f"Bearer {bearer}"}, timeout=30, trust_env=False)

    def ask(self, method: str, about: str, **params: Any) -> dict[str, Any]:
        """A 2026-07-28 request of a client that shows views. about: its `Mcp-Name`."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": envelope(**SHOWS_VIEWS)}}
        answer = self._http.post(self._url, json=body, headers=modern_headers(method, about)).json()
        return dict(answer["result"])

    def call(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return self.ask("tools/call", tool, name=tool, arguments=dict(arguments))

    def view(self, name: str) -> str:
        """The document of a view."""
        uri = f"ui://construction-mcp/{name}"
        (content,) = self.ask("resources/read", uri, uri=uri)["contents"]
        assert content["mimeType"] == MIME_TYPE
        return str(content["text"])

    def close(self) -> None:
        self._http.close()


class Hosted:
    """A view in its frame, and what it said to its host."""

    def __init__(self, page: Page, frame: Frame) -> None:
        self.page, self.frame = page, frame

    @property
    def heard(self) -> list[dict[str, Any]]:
        return list(self.page.evaluate("window.heard"))

    @property
    def calls(self) -> list[tuple[str, Any]]:
        """The tools that it had its host call, with their arguments."""
        made = [one["params"] for one in self.heard if one.get("method") == "tools/call"]
        return [(one["name"], one["arguments"]) for one in made]


@contextmanager
def hosted(
    page: Page,
    served: Served,
    view: str,
    tool: str,
    arguments: Mapping[str, Any],
    *,
    capabilities: Mapping[str, Any] = EVERYTHING,
    theme: str = "light",
    result: Mapping[str, Any] | None = None,
) -> Iterator[Hosted]:
    """A view, shown with what the server answers to this call of its tool; or with `result`."""
    document = served.view(view)

    def give(route: Route) -> None:
        is_view = route.request.url == VIEW
        headers = {"content-security-policy": POLICY} if is_view else {}
        route.fulfill(content_type="text/html; charset=utf-8", body=document if is_view else _PAGE, headers=headers)

    host = {
        "capabilities": dict(capabilities),
        "context": {"theme": theme},
        "arguments": dict(arguments),
        "result": dict(result or served.call(tool, arguments)),
    }
    page.route(HOST, give)
    page.route(VIEW, give)
    page.expose_function("callTool", served.call)
    page.goto(HOST)
    page.evaluate(f"window.host = {json.dumps(host)}; frame.src = {json.dumps(VIEW)}")
    page.wait_for_function("window.heard.some((one) => one.method === 'ui/notifications/initialized')")
    yield Hosted(page, page.frames[-1])
