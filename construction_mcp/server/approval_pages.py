"""The page behind a link that was mailed to one approver: what will happen, and two buttons.

Opening it decides nothing: a preview, a scanner or a forwarded mail may. The form brings back a key that only this
link's page for exactly this content has. No script runs, nothing is loaded from elsewhere, whatever a record says is
text. Without a bearer: a browser has none; the token admits it, to this one approval.
Source: security.md S8; OWASP "Cross-Site Request Forgery Prevention", HMAC-based token.
"""

import base64
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from html import escape
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from construction_mcp.bootstrap import House
from construction_mcp.core.errors import ConstructionError, Invalid, NotFound, NotPermitted, Unavailable
from construction_mcp.engine.approval_watch import APPROVALS_PATH
from construction_mcp.engine.approvals import Approvals, Said
from construction_mcp.notify.message import cleaned
from construction_mcp.server.approval_form import edits_of, read_form, written
from construction_mcp.store.approvals import Answer, Approval, require_open

PAGE_PATH: Final = APPROVALS_PATH + "/{token}"
_TOKEN_CHARS_MAX = 100

_STYLE = """
:root{color-scheme:light dark}
*{box-sizing:border-box}
body{font:1rem/1.5 system-ui,sans-serif;margin:0;background:Canvas;color:CanvasText}
main{max-width:40rem;margin:0 auto;padding:1.5rem 1rem 3rem}
h1{font-size:1.4rem;line-height:1.25;margin:0 0 .75rem;overflow-wrap:anywhere}
dl,fieldset{margin:1.25rem 0;padding:1rem;border:1px solid GrayText;border-radius:.5rem;min-width:0}
dt,label,legend{font-weight:600}
dd{margin:0 0 .9rem;white-space:pre-wrap;overflow-wrap:anywhere}
dd:last-child{margin-bottom:0}
label{display:block;margin-bottom:.9rem;overflow-wrap:anywhere}
input,textarea,select{display:block;width:100%;margin-top:.25rem;padding:.5rem;font:inherit;font-weight:400;color:inherit;
background:Field;border:1px solid GrayText;border-radius:.3rem}
textarea{min-height:6rem;resize:vertical}
.row{display:flex;flex-wrap:wrap;gap:.75rem}
button{flex:1 1 9rem;min-height:2.9rem;font:inherit;font-weight:600;border-radius:.4rem;border:2px solid #14622f;
background:#14622f;color:#fff;cursor:pointer}
button.no{background:Canvas;color:CanvasText;border-color:currentColor}
:focus-visible{outline:3px solid Highlight;outline-offset:2px}
.small{font-size:.9rem}
""".replace("\n", "")
_STYLE_DIGEST = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()

Page = Callable[[Request], Awaitable[Response]]


def approval_routes(house: House) -> list[Route]:
    """GET shows, POST decides."""

    async def show(request: Request) -> Response:
        approvals = await house.services.get(Approvals)
        token = _token(request)
        approval, link = await approvals.of_link(token)
        if approval.status == "pending":
            require_open(approval, house.clock.now())
            return _question(approval, link.approver, approvals.form_key(token, approval.digest))
        return _outcome(approval)

    async def decide(request: Request) -> Response:
        approvals = await house.services.get(Approvals)
        await house.require_live()
        token = _token(request)
        given = await read_form(request)
        digest, answer = given.get("digest", ""), given.get("decision", "")
        if not hmac.compare_digest(approvals.form_key(token, digest).encode(), given.get("key", "").encode()):
            raise NotPermitted("This page was not shown by this server for this link.", code="AUTH_STATE_INVALID")
        if answer not in ("approve", "reject"):
            raise Invalid("Neither Approve nor Reject was pressed.")
        approval, _ = await approvals.of_link(token)
        edits = edits_of(approval, given) if answer == "approve" else {}
        choice: Answer = "approve" if answer == "approve" else "reject"
        said = Said(approval.id, digest, choice, edits, given.get("comment", "").strip() or None)
        return _outcome(await approvals.decide_by_link(said, token))

    return [
        Route(PAGE_PATH, _explained(show), methods=["GET"]),
        Route(PAGE_PATH, _explained(decide), methods=["POST"]),
    ]


def _explained(page: Page) -> Page:
    """A failure becomes a page with our own words and the status that fits."""

    async def shown(request: Request) -> Response:
        try:
            return await page(request)
        except ConstructionError as error:
            title, status = _REFUSED.get(error.code, ("Nothing was decided", _status(error)))
            hint = f"<p>{escape(error.hint)}</p>" if error.hint else ""
            return _html(title, f"<h1>{title}</h1><p>{escape(error.message)}</p>{hint}", status=status)

    return shown


_REFUSED: Final[Mapping[str, tuple[str, int]]] = {
    "APPROVAL_EXPIRED": ("Too late", 410),
    "APPROVAL_DECIDED": ("Decided before", 409),
    "APPROVAL_CHANGED": ("It has changed", 409),
    "APPROVAL_NOT_FOUND": ("Nothing to decide here", 404),
}


def _status(error: ConstructionError) -> int:
    if isinstance(error, NotPermitted):
        return 403
    return 503 if isinstance(error, Unavailable) else 400


def _token(request: Request) -> str:
    token = str(request.path_params["token"])
    if len(token) > _TOKEN_CHARS_MAX:
        raise NotFound("This link leads to nothing that can be decided.", code="APPROVAL_NOT_FOUND")
    return token


def _question(approval: Approval, approver: str, key: str) -> Response:
    until = approval.expires_at.strftime("%Y-%m-%d %H:%M UTC")
    fixed = {name: value for name, value in approval.shown.items() if name not in approval.editable}
    inputs = "".join(_input(number, name, approval.shown.get(name)) for number, name in enumerate(approval.editable))
    body = (
        f"<h1>{_safe(approval.summary)}</h1>"
        f"<p>You, <strong>{_safe(approver)}</strong>, decide whether this happens. It is open until "
        f"<strong>{until}</strong>.</p>"
        f"{_listed(fixed)}"
        '<form method="post" accept-charset="utf-8">'
        f'<input type="hidden" name="key" value="{escape(key)}">'
        f'<input type="hidden" name="digest" value="{escape(approval.digest)}">'
        + (f"<fieldset><legend>You may change</legend>{inputs}</fieldset>" if inputs else "")
        + '<label>Comment (optional)<textarea name="comment" maxlength="4000"></textarea></label>'
        '<div class="row"><button name="decision" value="approve">Approve</button>'
        '<button class="no" name="decision" value="reject">Reject</button></div></form>'
        f'<p class="small">Approval {escape(approval.id)}. This page decides in your name: keep its link.</p>'
    )
    return _html("Approve or reject", body, form_action="'self'")


def _listed(values: Mapping[str, Any]) -> str:
    if not values:
        return ""
    rows = (f"<dt>{_safe(name)}</dt><dd>{_safe(written(one))}</dd>" for name, one in values.items())
    return f"<dl>{''.join(rows)}</dl>"


def _input(number: int, name: str, value: Any) -> str:
    field, label = f'name="edit_{number}"', _safe(name)
    if isinstance(value, bool):
        choices = "".join(
            f'<option value="{json.dumps(one)}"{" selected" if one is value else ""}>{"yes" if one else "no"}</option>'
            for one in (True, False)
        )
        return f"<label>{label}<select {field}>{choices}</select></label>"
    if isinstance(value, int | float):
        return f'<label>{label}<input {field} type="number" step="any" value="{_safe(written(value))}"></label>'
    # A line feed right after the tag is the browser's to swallow, so one of the text's own survives.
    return f"<label>{label}<textarea {field}>\n{_safe(written(value))}</textarea></label>"


def _outcome(approval: Approval) -> Response:
    title = {"approved": "Approved", "rejected": "Rejected", "expired": "Too late"}.get(approval.status, "Called off")
    said = {
        "expired": "Nobody decided in time.",
        "cancelled": "The workflow was stopped, so nothing is asked any more.",
    }.get(approval.status)
    if said is None:
        at = approval.decided_at.strftime("%Y-%m-%d %H:%M UTC") if approval.decided_at else ""
        said = f"{_safe(approval.decided_by or '')}, {at}. It cannot be changed any more; you can close this page."
    changed = {name: approval.changed[name] for name in approval.editable if name in approval.changed}
    body = f"<h1>{title}</h1><p>{_safe(approval.summary)}</p><p>{said}</p>"
    if changed:
        body += f"<p>As changed:</p>{_listed(changed)}"
    return _html(title, body, status=200 if approval.status in ("approved", "rejected") else 410)


def _safe(text: str) -> str:
    """As text, without what nobody can see."""
    return escape(str(cleaned(text)))


def _html(title: str, body: str, *, status: int = 200, form_action: str = "'none'") -> Response:
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>{body}</main></body></html>"
    )
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; form-action {form_action}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return HTMLResponse(
        page,
        status,
        {
            "content-security-policy": policy,
            "cache-control": "no-store",
            # The address is the secret: no other site hears it. Our own form still sends its origin with same-origin.
            "referrer-policy": "same-origin",
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
        },
    )
