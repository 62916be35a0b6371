"""The frame of every page, and the headers that keep it to what this server sent.

The policy names no inline style or script, so nothing that a record says can become either: `'self'` is our style
sheet, our script of two kilobytes, our icon and our stream.
Source: CSP Level 3; OWASP "Content Security Policy".
"""

from dataclasses import dataclass
from typing import Final

from starlette.responses import HTMLResponse, Response

from construction_mcp import __version__
from construction_mcp.server.dashboard.markup import Child, Html, el, joined
from construction_mcp.server.dashboard.words import ABSENT

PATH: Final = "/dashboard"
POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types own-pages"
)
HEADERS: Final = {
    "content-security-policy": POLICY,
    "cache-control": "no-store",
    # Not no-referrer: that would send `Origin: null` with our own forms, which the host check refuses.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_NAV = (
    ("Overview", PATH),
    ("Workflows", PATH + "/workflows"),
    ("Runs", PATH + "/runs"),
    ("Approvals", PATH + "/approvals"),
)
_ENVIRONMENT = {
    "sandbox": "Sandbox: test data.",
    "monthly": "Monthly sandbox: a copy of production, refreshed each month.",
}


@dataclass(frozen=True, slots=True)
class Frame:
    """What every page of one visit says around its content.

    who, role: of whoever is signed in; asked: approvals that are theirs to decide; key: of the form that signs out.
    """

    environment: str
    who: str
    role: str
    asked: int
    key: str


def page(title: str, *content: Child, frame: Frame | None, here: str = "", status: int = 200) -> Response:
    """A whole page; without a frame, one that is shown before anybody signed in. here: the address in the menu."""
    body = (
        el("a", "Skip to content", href="#content", class_="skip"),
        el("header", _bar(frame, here), _banner(frame.environment)) if frame else None,
        el("main", *content, id="content", tabindex="-1", class_=None if frame else "alone"),
        _footer() if frame else None,
    )
    head = (
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="robots", content="noindex"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", f"{title} · construction-mcp"),
        el("link", rel="icon", href=f"{PATH}/icon.svg", type="image/svg+xml"),
        el("link", rel="stylesheet", href=f"{PATH}/dashboard.css?{__version__}"),
        el("script", src=f"{PATH}/live.js?{__version__}", defer=True) if frame else None,
    )
    whole = el("html", el("head", *head), el("body", *body), lang="en")
    return HTMLResponse(f"<!doctype html>{whole}", status, HEADERS)


def region(
    name: str, *content: Child, label: str | None = None, tag: str = "section", class_: str | None = None
) -> Html:
    """A part that the script replaces when the server has news. label: its heading, unless the content brings one."""
    heading = el("h2", label, id=f"{name}-title") if label else None
    return el(
        tag,
        heading,
        *content,
        id=name,
        class_=class_,
        data_live=True,
        aria_labelledby=f"{name}-title" if label else None,
    )


def table(caption: str, heads: tuple[str, ...], rows: list[Html], class_: str = "") -> Html:
    """A table that turns into cards where the screen is narrow; `row` makes its rows."""
    # The roles are said again because a browser forgets them of a table that is laid out as something else.
    return el(
        "table",
        el("caption", caption, class_="unseen"),
        el(
            "thead",
            el("tr", [el("th", head, scope="col", role="columnheader") for head in heads], role="row"),
            role="rowgroup",
        ),
        el("tbody", rows, role="rowgroup"),
        role="table",
        class_=f"cards {class_}".strip(),
    )


def row(heads: tuple[str, ...], *cells: Child) -> Html:
    """One row; the first cell is what it is about."""
    first, *rest = zip(heads, cells, strict=True)
    cells_after = [
        el("td", cell, role="cell", data_head=head, class_="none" if cell == ABSENT else None) for head, cell in rest
    ]
    return el("tr", el("th", first[1], scope="row", role="rowheader"), cells_after, role="row")


def said(text: str) -> Html:
    """Text that somebody else wrote: kept apart, so that its direction does not turn what stands around it."""
    return el("bdi", text)


def quiet(text: Child) -> Html:
    """A line that says there is nothing."""
    return el("p", text, class_="quiet")


def _bar(frame: Frame, here: str) -> Html:
    asked = el("span", str(frame.asked), el("span", " waiting for you", class_="unseen"), class_="count")
    links = [
        el(
            "li",
            el(
                "a",
                name,
                (" ", asked) if name == "Approvals" and frame.asked else None,
                href=address,
                aria_current="page" if address == here else None,
            ),
        )
        for name, address in _NAV
    ]
    leave = el(
        "form",
        el("input", type="hidden", name="key", value=frame.key),
        el("span", said(frame.who), f" · {frame.role}", class_="who"),
        el("button", "Sign out", class_="plain"),
        method="post",
        action=f"{PATH}/logout",
    )
    brand = el(
        "a",
        el("img", src=f"{PATH}/icon.svg", alt="", width=24, height=24),
        "construction-mcp",
        href=PATH,
        class_="brand",
    )
    return el(
        "div",
        brand,
        el("nav", el("ul", links), id="menu", aria_label="Main", data_live=True),
        leave,
        class_="top",
    )


def _banner(environment: str) -> Html | None:
    if environment == "simulator":
        what = (
            el("strong", "Sample data."),
            " Every record here is an invented builder's, from the built-in simulator of Procore.",
        )
        return el("p", *what, class_="banner", role="note")
    words = _ENVIRONMENT.get(environment)
    return el("p", words, class_="banner", role="note") if words else None


def _footer() -> Html:
    return el(
        "footer",
        el("span", f"construction-mcp {__version__}"),
        el("span", id="link", class_="muted", hidden=True),
        el("span", id="told", class_="unseen", role="status", aria_live="polite"),
    )


def paragraphs(text: str) -> Html:
    """Text with its line breaks."""
    return joined([el("p", part, dir="auto") for part in text.split("\n") if part.strip()])
