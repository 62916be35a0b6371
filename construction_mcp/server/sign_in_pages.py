"""The pages a person's browser sees while linking a Procore account: a question, and how it ended.

The first page says who asked and wants a click: a link that is merely opened, by a preview or by somebody it was
forwarded to in haste, links nothing. The second is where Procore sends the browser back; its state is spent once, by
the browser that started. Nothing that Procore says in words is shown.
Source: RFC 6749 section 10.12; security.md finding 8; MCP 2025-11-25, "Elicitation", URL mode and phishing.
"""

import base64
from collections.abc import Awaitable, Callable
from hashlib import sha256
from html import escape
from typing import Final
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from construction_mcp.bootstrap import House
from construction_mcp.core.errors import ConstructionError, NotPermitted, Unavailable
from construction_mcp.procore.authorize import Opened
from construction_mcp.procore.environments import environment_of
from construction_mcp.procore.sign_in import CALLBACK_PATH, START_PATH, Account, SignIn

COOKIE: Final = "construction_mcp_sign_in"
_VALUE_CHARS_MAX = 2000  # of a ticket, state or code; longer is nobody's

_STYLE = "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1rem}button{font:inherit}"
_STYLE_DIGEST = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()

Page = Callable[[Request], Awaitable[Response]]


def sign_in_routes(house: House) -> list[Route]:
    """`/oauth/start` and `/oauth/callback`. They need no bearer: a browser has none; a ticket or state admits it."""

    async def start(request: Request) -> Response:
        ticket = _value(request, "ticket")
        sign_in = await house.services.get(SignIn)
        if request.method == "POST":
            return _on_to_procore(sign_in.open(ticket), is_https=_is_https(house))
        return _question(house, ticket, sign_in.asked_by(ticket))

    async def callback(request: Request) -> Response:
        sign_in = await house.services.get(SignIn)
        # Without a code (the person said no) the state is spent all the same, and the answer is the same refusal.
        account = await sign_in.finish(_value(request, "state"), request.cookies.get(COOKIE), _value(request, "code"))
        return _connected(account)

    return [
        Route(START_PATH, _explained(start), methods=["GET", "POST"]),
        Route(CALLBACK_PATH, _explained(callback), methods=["GET"]),
    ]


def _explained(page: Page) -> Page:
    """A failure becomes a page with our own words and the status that fits."""

    async def shown(request: Request) -> Response:
        try:
            return await page(request)
        except ConstructionError as error:
            status = 502 if isinstance(error, Unavailable) else 400
            body = f"<h1>Not connected</h1><p>{escape(error.message)}</p><p>{escape(error.hint or '')}</p>"
            return _html("Not connected", body, status=status)

    return shown


def _value(request: Request, name: str) -> str:
    """A query parameter that occurs once; empty otherwise.

    Raises:
        NotPermitted: it is longer than anything we gave out.
    """
    values = request.query_params.getlist(name)
    value = values[0] if len(values) == 1 else ""
    if len(value) > _VALUE_CHARS_MAX:
        raise NotPermitted("This sign-in was not begun here.", code="AUTH_STATE_INVALID")
    return value


def _question(house: House, ticket: str, asked_by: str) -> Response:
    login = urlsplit(environment_of(house.settings).login)
    action = escape(f"{START_PATH}?{urlencode({'ticket': ticket})}")
    body = (
        "<h1>Connect Procore</h1>"
        f"<p><strong>{escape(asked_by)}</strong> asked this server to act in Procore with the account you sign in to. "
        "Continue only if that is you.</p>"
        f'<form method="post" action="{action}"><button>Continue to Procore</button></form>'
    )
    # The target of the redirect counts for form-action too.
    return _html("Connect Procore", body, form_action=f"'self' {login.scheme}://{login.netloc}")


def _on_to_procore(opened: Opened, *, is_https: bool) -> Response:
    response = RedirectResponse(opened.url, 303, headers=_headers("'none'"))
    # Lax: the browser has to bring it along when Procore sends it back from another site.
    response.set_cookie(
        COOKIE, opened.cookie, max_age=600, path=CALLBACK_PATH, httponly=True, samesite="lax", secure=is_https
    )
    return response


def _connected(account: Account) -> Response:
    who = f" as <strong>{escape(account.me.name)}</strong>" if account.me.name else ""
    rest = "" if account.problem is None else f"<p>But: {escape(account.problem.message)}</p>"
    body = f"<h1>Connected</h1><p>Procore is connected{who}. You can close this page.</p>{rest}"
    response = _html("Connected", body)
    response.delete_cookie(COOKIE, path=CALLBACK_PATH, httponly=True, samesite="lax")
    return response


def _is_https(house: House) -> bool:
    return (house.settings.public_url or "").startswith("https://")


def _html(title: str, body: str, *, status: int = 200, form_action: str = "'none'") -> Response:
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>{body}</main></body></html>"
    )
    return HTMLResponse(page, status, _headers(form_action))


def _headers(form_action: str) -> dict[str, str]:
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; form-action {form_action}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "content-security-policy": policy,
        "cache-control": "no-store",
        # Not no-referrer: that would send `Origin: null` with our own form, which the host check refuses.
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }
