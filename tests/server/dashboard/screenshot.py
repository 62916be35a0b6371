"""`python -m tests.server.dashboard.screenshot`: takes the picture of the dashboard that the README shows.

What is on it is real: workflows that the engine carried out on the simulator, served by `serve`, drawn by Chromium.
"""

import sys
import tempfile
from pathlib import Path

import httpx

from tests.server.dashboard.browsing import ROOT, Site, chromium, site_in
from tests.server.serving import ACCEPT, modern_call, modern_headers

PICTURE = ROOT / "examples" / "dashboard.png"
_DAYS = 20
_NAMES = {"draft": "Weekly safety digest", "subject": "Anchor bolts at grid C4 clash with rebar"}


def take(picture: Path) -> None:
    """Build the workspace, serve it, and take the picture; at most 200 kB."""
    with tempfile.TemporaryDirectory() as folder, site_in(Path(folder), _DAYS, **_NAMES) as site:
        _ask_procore(site)
        with chromium() as browser, browser.new_context(color_scheme="light") as context:
            page = context.new_page()
            page.set_viewport_size({"width": 1180, "height": 800})
            page.goto(site.path())
            page.get_by_label("Token").fill(site.token)
            page.get_by_role("button", name="Sign in").click()
            page.locator("#link.live").wait_for()
            page.screenshot(path=picture, full_page=True)
    assert picture.stat().st_size <= 200_000, picture.stat().st_size


def _ask_procore(site: Site) -> None:
    """So that there is a quota to show: it is counted from the start of the process."""
    headers = {**ACCEPT, **modern_headers("tools/call", "get_procore_project_overview")}
    headers["authorization"] = f"Bearer {site.token}"
    with httpx.Client(headers=headers, timeout=60, trust_env=False) as http:
        answer = http.post(site.url.replace("/dashboard", "/mcp"), json=modern_call("get_procore_project_overview", {}))
    answer.raise_for_status()


if __name__ == "__main__":
    take(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE)
