"""The dashboard as a person meets it: a real browser on a real server, whose workspace the real engine made.

On a machine without a Chromium these are left out and say so; with `CI` set that is a failure.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.server.dashboard.browsing import NAMES, Site, browser_file, chromium, watched
from tests.server.dashboard.workspace import ANSWER, HOSTILE

pytestmark = pytest.mark.skipif(
    browser_file() is None and not os.environ.get("CI"),
    reason=f"no Chromium on the PATH (looked for {', '.join(NAMES)}); apt-get install chromium brings one",
)

SEEN = HOSTILE.replace("\u202e", "").replace("\u202c", "")  # what turns text around is not shown
expect.set_options(timeout=30_000)  # a machine may be busy; only a hang takes this long
VIEWS = {
    "overview": "",
    "workflows": "/workflows",
    "active": "/workflows/{submittals}",
    "stopped": "/workflows/{gone}",
    "draft": "/workflows/{draft}",
    "runs": "/runs",
    "completed": "/runs/{done}",
    "failed": "/runs/{failed}",
    "inbox": "/approvals",
    "question": "/approvals/{approval}",
    "nothing": "/runs/exe_none",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def context(site: Site, browser: Browser) -> Iterator[BrowserContext]:
    """An admin's browser: one for all, because each new one costs a second of processor time."""
    with browser.new_context() as made:
        sign_in(watched(made.new_page()), site, site.token)
        yield made


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    page = watched(context.new_page())
    yield page
    page.close()


def sign_in(page: Page, site: Site, bearer: str) -> None:
    page.goto(site.path())
    page.get_by_label("Token").fill(bearer)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_every_view_is_drawn_without_a_word_of_complaint_and_fits_360_pixels(site: Site, page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    wide = {}
    for name, path in VIEWS.items():
        if name != "nothing":  # a 404 is an error to the console
            page.goto(site.path(path.format(**site.ids)))
            expect(page.locator("h1")).to_have_count(1)
            expect(page.locator("#link")).to_have_text("Live")
            wide[name] = page.evaluate("document.documentElement.scrollWidth")

    assert {name: width for name, width in wide.items() if width > 360} == {}
    assert page.evaluate("window.hacked") is None


def test_axe_finds_nothing_of_weight_in_any_view(site: Site, page: Page) -> None:
    """WCAG as axe-core checks it: names, landmarks, headings; contrast in both schemes, which differ in no more."""
    page.emulate_media(color_scheme="light")
    found = {}
    for name in ("overview", "stopped", "runs", "failed", "inbox", "question", "sign in"):
        page.goto(site.path({**VIEWS, "sign in": "/login"}[name].format(**site.ids)))
        found[f"{name}, light"] = violations(page)
        page.emulate_media(color_scheme="dark")
        found[f"{name}, dark"] = violations(page, "color-contrast", script="0")
        page.emulate_media(color_scheme="light")

    assert {name: problems for name, problems in found.items() if problems} == {}


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_of_weight_anywhere(site: Site, page: Page, scheme: Any, width: int) -> None:
    """Every rule, view, scheme and width."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    found = {}
    for name, path in {**VIEWS, "sign in": "/login"}.items():
        if name != "nothing":  # a 404 is an error to the console
            page.goto(site.path(path.format(**site.ids)))
            found[name] = violations(page)

    assert {name: problems for name, problems in found.items() if problems} == {}


def violations(page: Page, *rules: str, script: str = AXE_SCRIPT) -> list[str]:
    """What axe-core finds that is more than minor, by these rules or by all. script: "0" where it is there already."""
    only = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
    answer = Axe(script).run(page, options={**only, "resultTypes": ["violations"]}).response
    assert answer["passes"], "it checked nothing"
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in answer["violations"] if one["impact"] != "minor"]


def test_a_hostile_subject_is_text_wherever_it_is_shown(site: Site, page: Page) -> None:
    """It came by way of Procore: the RFI has it as its subject, and a workflow shows it to its approver."""
    page.goto(site.path(f"/approvals/{site.ids['approval']}"))
    expect(page.get_by_text(SEEN, exact=True)).to_be_visible()
    page.goto(site.path(f"/workflows/{site.ids['draft']}"))
    expect(page.get_by_role("heading", level=1)).to_have_text(SEEN)
    page.goto(site.path("/workflows"))
    expect(page.get_by_role("link", name=SEEN, exact=True)).to_be_visible()

    assert page.evaluate("window.hacked") is None
    assert page.locator("main img, main script").count() == 0


def test_the_policy_stops_a_script_that_got_in_all_the_same(site: Site, context: BrowserContext) -> None:
    """Were the escaping wrong, the browser would still refuse to run it."""
    page = context.new_page()
    page.goto(site.path())
    blocked = page.evaluate(
        """async () => {
          const refused = new Promise((told) =>
            document.addEventListener("securitypolicyviolation", (event) => told(event.effectiveDirective)));
          try { document.body.innerHTML = '<img src=x onerror="window.hacked=1">'; } catch (error) { }
          return await refused;
        }"""
    )

    assert blocked in {"require-trusted-types-for", "script-src-attr"}
    assert page.evaluate("window.hacked") is None


def test_a_click_decides_and_the_run_goes_on_while_another_page_looks(site: Site, browser: Browser, page: Page) -> None:
    """The edit is what Procore gets; the page that was open shows the end without being loaded again."""
    page.goto(site.path(f"/runs/{site.ids['asking']}"))
    expect(page.locator("#stands .chip")).to_have_text("waiting")
    expect(page.locator("#link")).to_have_text("Live")
    page.evaluate("window.isTheSame = true")
    with browser.new_context() as context:
        ana = watched(context.new_page())
        sign_in(ana, site, site.ids["ana"])
        ana.get_by_role("navigation").get_by_role("link", name="Approvals").click()
        ana.locator(f"a[href$='{site.ids['approval']}']").click()
        ana.get_by_label("answer").fill("Use type B.")
        ana.get_by_role("button", name="Approve").click()
        expect(ana.locator("main")).to_contain_text("Approved by user:")
        expect(ana.locator("main")).to_contain_text("Use type B.")

    expect(page.locator("#stands .chip")).to_have_text("completed")
    assert page.evaluate("window.isTheSame") is True
    assert "Use type B." in replies(site)
    assert ANSWER not in replies(site)


def replies(site: Site) -> str:
    """What Procore was sent."""
    import httpx

    control = site.url.replace("/dashboard", "/_sim/ledger?since=0")
    answer = httpx.get(control, headers={"authorization": f"Bearer {site.token}"}, trust_env=False, timeout=15)
    return "\n".join(str(entry.get("body")) for entry in answer.json()["entries"] if entry["write"])


def test_everything_is_reached_and_seen_by_keyboard(site: Site, page: Page) -> None:
    page.goto(site.path(f"/approvals/{site.ids['approval_2']}"))
    wanted = page.evaluate("document.querySelectorAll('a, button, input:not([type=hidden]), select, textarea').length")
    reached, unseen = [], []
    for _ in range(wanted):
        page.keyboard.press("Tab")
        name, outline = page.evaluate(
            "[document.activeElement.outerHTML.slice(0, 80), getComputedStyle(document.activeElement).outlineStyle]"
        )
        reached.append(name)
        unseen += [name] if outline == "none" else []

    assert len(reached) == wanted
    assert "Skip to content" in reached[0]
    assert [one for one in reached if one.startswith("<body")] == []
    assert unseen == []


def test_the_skip_link_leads_past_the_menu(site: Site, page: Page) -> None:
    page.goto(site.path())
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    assert page.evaluate("document.getElementById('content').contains(document.activeElement)")


def test_without_a_script_everything_is_read_and_decided(site: Site, browser: Browser) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        sign_in(page, site, site.ids["ana"])
        for path in ("", "/workflows", "/runs", "/approvals"):
            page.goto(site.path(path))
            expect(page.locator("main")).to_contain_text("RFI")
        page.goto(site.path(f"/approvals/{site.ids['approval_2']}"))
        page.get_by_label("Comment").fill("Not like this.")
        page.get_by_role("button", name="Reject").focus()
        page.keyboard.press("Enter")

        expect(page.locator("main")).to_contain_text("Rejected by user:")
        expect(page.locator("main")).to_contain_text("Not like this.")


def test_another_sites_page_signs_nobody_out_and_decides_nothing(site: Site, context: BrowserContext) -> None:
    """The browser's own cookie rules and our own checks: a form that submits itself comes to nothing."""
    page = context.new_page()
    form = f'<form method="post" action="{site.path("/logout")}"><input name="key" value="x"></form>'
    html = f"{form}<script>document.forms[0].submit()</script>"
    page.route("http://evil.example/", lambda route: route.fulfill(content_type="text/html", body=html))
    with page.expect_navigation(url=lambda url: "/dashboard/" in url) as navigation:
        page.goto("http://evil.example/")

    assert navigation.value.status == 403
    page.goto(site.path())
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_the_printed_link_signs_in_once(site: Site, browser: Browser) -> None:
    with browser.new_context() as context:
        page = watched(context.new_page())
        page.goto(site.link)
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Token")).to_be_visible()
        page.goto(site.path())
        expect(page.get_by_label("Token")).to_be_visible()
    with browser.new_context() as context:
        page = context.new_page()
        again = page.goto(site.link)

    assert again is not None
    assert again.status == 410


def test_a_wrong_token_is_told_at_the_field(site: Site, browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(site.path())
        page.get_by_label("Token").fill("wrong")
        page.get_by_role("button", name="Sign in").click()

        expect(page.get_by_role("alert")).to_contain_text("not valid")
        expect(page.get_by_label("Token")).to_have_attribute("aria-invalid", "true")
