"""The views as a person meets them inside an MCP host: framed, sandboxed, fed by a real server, in a real browser.

On a machine without a Chromium these are left out and say so; with `CI` set that is a failure.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import BrowserContext, Page, expect

from tests.server.dashboard.browsing import NAMES, Site, browser_file, chromium, watched
from tests.server.dashboard.hosting import Hosted, Served, hosted
from tests.server.dashboard.workspace import ANSWER, HOSTILE

pytestmark = pytest.mark.skipif(
    browser_file() is None and not os.environ.get("CI"),
    reason=f"no Chromium on the PATH (looked for {', '.join(NAMES)}); apt-get install chromium brings one",
)

SEEN = HOSTILE.replace("\u202e", "").replace("\u202c", "")  # what turns text around is not shown
VIEWS: dict[str, tuple[str, dict[str, Any]]] = {
    "overview": ("get_system_health", {}),
    "workflows": ("list_workflows", {}),
    "runs": ("list_executions", {}),
    "run": ("observe_workflow_execution", {"execution_id": "{failed}"}),
    "approvals": ("decide_approval", {}),
}
SHOWN = {
    "overview": ["failed in 24 h", "Watch the RFI about the crane pad", "A person has to decide", "Fix: ", "This hour"],
    "workflows": ["Overdue RFIs, every morning", "error", "schedule", SEEN],
    "runs": ["Watch the RFI about the crane pad", "PROCORE_NOT_FOUND", "waiting"],
    "run": ["Watch the RFI about the crane pad", "procore.rfi.get", "Accepted, started by manual", "Fix: "],
    "approvals": ["Send this answer to the RFI?", ANSWER, "closes in", "Decide on the dashboard", SEEN],
}
THEMES = ("light", "dark")
_LOOKS_MAX = 1000  # at what is asked, each a call: only a hang takes as many


@pytest.fixture(scope="module")
def context() -> Iterator[BrowserContext]:
    """One browser for all, because each new one costs a second of processor time."""
    with chromium() as browser, browser.new_context(viewport={"width": 360, "height": 740}) as made:
        yield made


@pytest.fixture(scope="module")
def ana(site: Site) -> Iterator[Served]:
    """The server as the approver's host reaches it; she is asked something, whoever decided before."""
    served, builder = Served(site, site.ids["ana"]), Served(site, site.token)
    builder.call("run_workflow", {"workflow_id": site.ids["answering"], "wait_s": 0})
    builder.call(
        "list_procore_projects", {}
    )  # so that there is a quota to show: it is counted from the process's start
    builder.close()
    for _ in range(_LOOKS_MAX):
        if served.call("decide_approval", {})["structuredContent"]["approvals"]:
            break
    yield served
    served.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    page = watched(context.new_page())
    yield page
    page.close()


def call_of(view: str, site: Site) -> tuple[str, dict[str, Any]]:
    """The tool whose result brings a view up, and arguments for it."""
    tool, arguments = VIEWS[view]
    return tool, {name: value.format(**site.ids) for name, value in arguments.items()}


def drawn(host: Hosted) -> None:
    """Until the view shows what it was given."""
    expect(host.frame.locator("#told")).to_contain_text("shown")


def violations(host: Hosted, *rules: str) -> list[str]:
    """What axe-core finds in the frame that is more than minor, by these rules or by all."""
    only = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
    if host.frame.evaluate("typeof axe") == "undefined":
        host.frame.evaluate(AXE_SCRIPT)
    found = host.frame.evaluate("(options) => axe.run(document, options)", {**only, "resultTypes": ["violations"]})
    assert found["passes"], "it checked nothing"
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"] if one["impact"] != "minor"]


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_shows_what_its_tool_answered_fits_360_pixels_and_is_accessible(
    site: Site, ana: Served, page: Page, view: str
) -> None:
    """In both themes, which the host says; without a word of complaint from the browser's policies."""
    found: dict[str, list[str]] = {}
    with hosted(page, ana, view, *call_of(view, site)) as host:
        drawn(host)
        for text in SHOWN[view]:
            expect(host.frame.locator("main")).to_contain_text(text)
        wide = host.frame.evaluate("document.documentElement.scrollWidth")
        grounds = {}
        for theme in THEMES:
            page.evaluate("(theme) => told('ui/notifications/host-context-changed', { theme })", theme)
            host.frame.wait_for_function("(theme) => document.documentElement.style.colorScheme === theme", arg=theme)
            grounds[theme] = host.frame.evaluate("getComputedStyle(document.body).backgroundColor")
            found[theme] = violations(host, *(() if theme == "light" else ("color-contrast",)))

        assert found == {"light": [], "dark": []}
        assert wide <= 360
        assert grounds["light"] != grounds["dark"]
        assert host.frame.locator("h1").count() == 1


@pytest.mark.parametrize("view", ["workflows", "approvals"])
def test_a_hostile_subject_is_text_in_a_host_too(site: Site, ana: Served, page: Page, view: str) -> None:
    """It came by way of Procore, and the host's policy is not what stops it: no element is made of it."""
    with hosted(page, ana, view, *call_of(view, site)) as host:
        drawn(host)

        expect(host.frame.get_by_text(SEEN, exact=True).first).to_be_visible()
        assert host.frame.locator("main img, main script").count() == 0
        assert host.frame.evaluate("window.hacked") is None


def test_nothing_that_a_view_says_decides_and_its_link_leads_to_the_dashboard(
    site: Site, ana: Served, page: Page
) -> None:
    """A model's call that put a decision brought it up. What the person presses repeats none of it."""
    asked = ana.call("decide_approval", {})["structuredContent"]["approvals"][0]["id"]
    brought = {"approval_id": asked, "decision": "approve", "code": "ABCD-EFGH", "edits": {"answer": "No."}}
    with hosted(page, ana, "approvals", "decide_approval", brought, result=ana.call("decide_approval", {})) as host:
        drawn(host)
        for button in host.frame.get_by_role("button").all():
            if button.inner_text() != "Refresh":
                continue
            button.click()
        page.wait_for_function("heard.some((one) => one.method === 'tools/call')")
        drawn(host)
        host.frame.get_by_role("button", name="Decide on the dashboard").first.click()
        page.wait_for_function("heard.some((one) => one.method === 'ui/open-link')")
        links = [one["params"]["url"] for one in host.heard if one.get("method") == "ui/open-link"]

    assert host.calls == [("decide_approval", {})]
    assert links == [site.path(f"/approvals/{asked}")]
    assert ana.call("decide_approval", {})["structuredContent"]["approvals"][0]["status"] == "pending"


def test_from_the_workflows_a_person_reaches_a_run_and_what_is_wrong(site: Site, ana: Served, page: Page) -> None:
    """By keyboard: each step is a button, and the focus goes on in what it brought."""
    with hosted(page, ana, "workflows", *call_of("workflows", site)) as host:
        drawn(host)
        host.frame.get_by_role("button", name="Watch the RFI about the crane pad").press("Enter")
        expect(host.frame.get_by_role("heading", level=1)).to_have_text("Runs")
        assert host.frame.evaluate("document.activeElement.id") == "content"
        host.frame.get_by_role("button", name=site.ids["failed"]).press("Enter")
        expect(host.frame.get_by_role("heading", level=1)).to_have_text("Run")
        expect(host.frame.locator(".alert")).to_contain_text("PROCORE_NOT_FOUND")
        host.frame.get_by_role("button", name="Overview").press("Enter")
        expect(host.frame.locator("main")).to_contain_text("Procore quota")

        assert host.frame.get_by_role("button", name="Overview").get_attribute("aria-current") == "page"


def test_a_result_that_comes_after_the_person_went_on_takes_nothing_away(site: Site, ana: Served, page: Page) -> None:
    with hosted(page, ana, "workflows", *call_of("workflows", site)) as host:
        drawn(host)
        host.frame.get_by_role("button", name="Approvals").click()
        expect(host.frame.locator("main")).to_contain_text(ANSWER)
        page.evaluate("told('ui/notifications/tool-result', window.host.result); ask('after', 'ping')")
        page.wait_for_function("heard.some((one) => one.id === 'after')")

        expect(host.frame.locator("main")).to_contain_text(ANSWER)
        assert host.frame.get_by_role("alert").count() == 0


def test_a_host_that_offers_nothing_is_still_shown_the_result(site: Site, ana: Served, page: Page) -> None:
    """No call, no link: the address to decide at is told instead."""
    with hosted(page, ana, "approvals", *call_of("approvals", site), capabilities={}) as host:
        drawn(host)

        expect(host.frame.locator("main")).to_contain_text(site.path("/approvals/"))
        assert host.frame.get_by_role("button").count() == 0
        assert host.calls == []


def test_a_failed_call_is_told_in_its_own_words(site: Site, ana: Served, page: Page) -> None:
    arguments = {"execution_id": "exe_<b>none</b>"}
    with hosted(page, ana, "run", "observe_workflow_execution", arguments) as host:
        expect(host.frame.get_by_role("alert")).to_contain_text("EXECUTION_NOT_FOUND")

        assert host.frame.locator("main b").count() == 0


def test_a_part_of_a_result_is_read_again_whole(site: Site, ana: Served, page: Page) -> None:
    """A model may ask for a few fields, which are too few for a view."""
    arguments = {"limit": 3, "fields": ["id"]}
    with hosted(page, ana, "workflows", "list_workflows", arguments) as host:
        drawn(host)
        expect(host.frame.locator("tbody tr")).to_have_count(3)

        assert ("list_workflows", {"limit": 3}) in host.calls
        expect(host.frame.locator("tbody")).to_contain_text("Watch the RFI about the crane pad")


def test_the_host_hears_how_high_the_view_is_and_is_answered(site: Site, ana: Served, page: Page) -> None:
    with hosted(page, ana, "run", *call_of("run", site)) as host:
        drawn(host)
        page.evaluate("ask('end', 'ui/resource-teardown'); ask('odd', 'no/such')")
        page.wait_for_function("heard.some((one) => one.id === 'odd')")
        answers = {one["id"]: one for one in host.heard if one.get("id") in ("end", "odd")}
        high = host.frame.evaluate("Math.ceil(document.documentElement.getBoundingClientRect().height)")

        page.wait_for_function("(high) => frame.style.height === `${high}px`", arg=high)
        assert answers["end"]["result"] == {}
        assert answers["odd"]["error"]["code"] == -32601


def test_messages_of_other_windows_are_nobodys(site: Site, ana: Served, page: Page) -> None:
    """A frame beside it, or inside it, cannot put words into the view's host's mouth."""
    with hosted(page, ana, "approvals", *call_of("approvals", site)) as host:
        drawn(host)
        forged = {"jsonrpc": "2.0", "method": "ui/notifications/tool-result", "params": {"isError": True}}
        host.frame.evaluate("(forged) => window.postMessage(forged, '*')", forged)
        host.frame.evaluate("() => new Promise((done) => setTimeout(done, 0))")

        expect(host.frame.get_by_role("alert")).to_have_count(0)
        expect(host.frame.locator("main")).to_contain_text(ANSWER)
