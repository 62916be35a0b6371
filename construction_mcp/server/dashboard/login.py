"""Signing in by the bearer or by a one-time link, and signing out.

The cookie is HttpOnly and SameSite=Strict. That does not keep other ports of this machine out, which count as the same
site, so a form also has to come from exactly this origin, and from within a session with a key of that session.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from construction_mcp.core.config import Settings
from construction_mcp.core.errors import ConstructionError, NotPermitted
from construction_mcp.server.approval_form import read_form
from construction_mcp.server.dashboard.layout import HEADERS, PATH, page
from construction_mcp.server.dashboard.markup import Child, el
from construction_mcp.server.dashboard.problems import problem
from construction_mcp.server.dashboard.session import Links, Sessions, Visit

LOGIN: Final = PATH + "/login"
LINK: Final = PATH + "/link"
_OWN_PAGE = re.compile(re.escape(PATH) + r"(/[\w/-]*)?(\?[\w=&%.:+-]*)?", re.ASCII)
_PAGE_CHARS_MAX = 500

View = Callable[[Request], Awaitable[Response]]


class Entrance:
    """Lets people in and out. links: None where nobody needs to sign in (`--no-auth`)."""

    def __init__(self, sessions: Sessions, links: Links | None, settings: Settings) -> None:
        self._sessions = sessions
        self._links = links
        self._settings = settings

    def routes(self) -> list[Route]:
        """The pages that nobody is signed in for yet, and the form that ends a session."""
        return [
            Route(LOGIN, _explained(self._ask), methods=["GET"]),
            Route(LOGIN, _explained(self._answer), methods=["POST"]),
            Route(LINK + "/{token}", _explained(self._offer), methods=["GET"]),
            Route(LINK + "/{token}", _explained(self._take), methods=["POST"]),
            Route(PATH + "/logout", _explained(self._leave), methods=["POST"]),
        ]

    async def visit(self, request: Request) -> Visit | None:
        """Who sent this. What the page's script asks by itself keeps no session alive."""
        is_use = "x-asked-by" not in request.headers
        return await self._sessions.visit(request.cookies.get(_cookie(request)), is_use=is_use)

    def to_login(self, request: Request) -> Response:
        """To the sign-in page, and afterwards back here."""
        here = str(request.url.path) + (f"?{request.url.query}" if request.url.query else "")
        query = "" if _own_page(here) == PATH else "?" + urlencode({"to": _own_page(here)})
        return RedirectResponse(LOGIN + query, 303, HEADERS)

    async def _ask(self, request: Request) -> Response:
        return self._form(_own_page(request.query_params.get("to", "")))

    def _form(self, to: str, problem: str | None = None, status: int = 200) -> Response:
        if self._links is None:
            how: Child = el("p", "This server asks for no token: every program on this machine can use it.")
            field: Child = None
        else:
            how = el(
                "p",
                "Your token is the bearer that your assistant's client sends: from ",
                el("code", "construction-mcp users add"),
                ", or shown when ",
                el("code", "construction-mcp serve"),
                " first started.",
            )
            field = el(
                "label",
                "Token",
                el(
                    "input",
                    type="password",
                    name="bearer",
                    autocomplete="current-password",
                    required=True,
                    autofocus=True,
                    spellcheck="false",
                    aria_describedby="problem" if problem else None,
                    aria_invalid="true" if problem else None,
                ),
            )
        return page(
            "Sign in",
            el("h1", "Sign in"),
            how,
            el("p", problem, class_="alert", role="alert", id="problem") if problem else None,
            el(
                "form",
                el("input", type="hidden", name="to", value=to),
                field,
                el("button", "Sign in" if field else "Open the dashboard"),
                method="post",
                action=LOGIN,
            ),
            frame=None,
            status=status,
        )

    async def _answer(self, request: Request) -> Response:
        require_own(request)
        given = await read_form(request)
        to = _own_page(given.get("to", ""))
        bearer = given.get("bearer", "").strip() if self._links is not None else ""
        token = await self._sessions.open(bearer) if bearer or self._links is None else None
        if token is None:
            return self._form(to, "That token is not valid. It may have been revoked, or have expired.", 401)
        return self._signed_in(request, token, to)

    async def _offer(self, request: Request) -> Response:
        """Opening spends nothing: previews and scanners open links too."""
        if self._links is None or not self._links.leads(str(request.path_params["token"])):
            return _spent()
        return page(
            "Sign in",
            el("h1", "Sign in to the dashboard"),
            el("p", "You become the admin of this workspace, as whoever started this server. The link works once."),
            el("form", el("button", "Continue", autofocus=True), method="post"),
            frame=None,
        )

    async def _take(self, request: Request) -> Response:
        require_own(request)
        bearer = self._links.spend(str(request.path_params["token"])) if self._links is not None else None
        token = None if bearer is None else await self._sessions.open(bearer)
        return _spent() if token is None else self._signed_in(request, token, PATH)

    async def _leave(self, request: Request) -> Response:
        visit = await self.visit(request)
        if visit is not None:
            require_key(request, visit, (await read_form(request)).get("key", ""), "logout")
            self._sessions.close(visit.token)
        response = RedirectResponse(LOGIN, 303, {**HEADERS, "clear-site-data": '"cache"'})
        response.delete_cookie(_cookie(request), path=PATH, httponly=True, samesite="strict")
        return response

    def _signed_in(self, request: Request, token: str, to: str) -> Response:
        response = RedirectResponse(to, 303, HEADERS)
        response.set_cookie(
            _cookie(request), token, path=PATH, httponly=True, samesite="strict", secure=self._is_https(request)
        )
        return response

    def _is_https(self, request: Request) -> bool:
        """Whether the browser came by the public address, before whatever ends TLS in front of us."""
        public = urlsplit(self._settings.public_url or "")
        return public.scheme == "https" and request.headers.get("host", "") == public.netloc


def require_key(request: Request, visit: Visit, given: str, *about: str) -> None:
    """Refuse a form that this session was not shown about exactly this, or that comes from elsewhere.

    Raises:
        NotPermitted: AUTH_STATE_INVALID.
    """
    require_own(request)
    if not visit.has_key(given, *about):
        raise NotPermitted(
            "This form was not shown to you by this server, or what it was about has changed.",
            code="AUTH_STATE_INVALID",
            hint="Open the page again and repeat it there.",
        )


def require_own(request: Request) -> None:
    """Refuse a form that no page of exactly this origin sent; browsers tell, and pages cannot forge it.

    Raises:
        NotPermitted: AUTH_STATE_INVALID.
    """
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    is_same = request.headers.get("sec-fetch-site", "same-origin") == "same-origin"
    if not is_same or origin is None or urlsplit(origin).netloc != host:
        raise NotPermitted(
            "This form came from another site, or from a browser that does not say where it came from.",
            code="AUTH_STATE_INVALID",
            hint="Open the dashboard by its own address and repeat it there.",
        )


def _explained(view: View) -> View:
    """A failure becomes a page with our own words and the status that fits."""

    async def shown(request: Request) -> Response:
        try:
            return await view(request)
        except ConstructionError as error:
            title, content, status = problem(error)
            return page(title, content, frame=None, status=status)

    return shown


def _spent() -> Response:
    return page(
        "Link spent",
        el("h1", "This link leads nowhere"),
        el("p", "It was used, or is too old. Restart the server for another, or sign in with your token."),
        el("p", el("a", "Sign in with a token", href=LOGIN)),
        frame=None,
        status=410,
    )


def _own_page(to: str) -> str:
    """An address of the dashboard; anything else is its first page."""
    is_ours = len(to) <= _PAGE_CHARS_MAX and _OWN_PAGE.fullmatch(to) is not None
    return to if is_ours and not to.startswith((LOGIN, LINK, PATH + "/logout", PATH + "/live")) else PATH


def _cookie(request: Request) -> str:
    """Cookies know no ports: two servers on one machine have one each."""
    return f"construction_mcp_{request.url.port or 0}"
