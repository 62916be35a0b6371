"""OAuth 2.0 as Procore does it (FACTS 2): code and client credentials, 90-minute tokens, refresh tokens that burn.

Tokens and codes are records like any other, so that a state file keeps them; they never count as a write in the ledger.
"""

import html
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from construction_mcp.simulator.answers import Answer, Refused
from construction_mcp.simulator.call import Actor
from construction_mcp.simulator.instants import parse_instant, stamp
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.sample.company import service_account_id, sign_in_user_id
from construction_mcp.simulator.world import OUT_OF_BAND, World

TOKEN_LIVES_S = 5400
CODE_LIVES = timedelta(minutes=10)


class TokenError(Exception):
    """A refusal of the token endpoint, in the shape of RFC 6749 section 5.2 (FACTS 2.3: inferred)."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


class OAuth:
    """The login host."""

    def __init__(self, world: World) -> None:
        self._world = world

    # -- authorize

    def authorize_page(self, query: Mapping[str, str]) -> Answer:
        """A form that posts to itself: who signs in, and allow or deny."""
        problem = self._authorize_problem(query)
        if problem:
            return Answer(401, html=_page(f"<h1>This app cannot be authorized</h1><p>{html.escape(problem)}</p>"))
        hidden = "".join(
            f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(query[name])}">'
            for name in ("response_type", "client_id", "redirect_uri", "state")
            if name in query
        )
        people = "".join(
            f'<option value="{user.id}">{html.escape(user["name"])}, {html.escape(user["job_title"])}</option>'
            for user in self._world.table("user", 0)
            if user["is_active"] and not user["is_service_account"]
        )
        return Answer(
            html=_page(
                f'<h1>Sign in to the Procore simulator</h1><form method="post" action="/oauth/authorize">{hidden}'
                f'<label>As <select name="user_id">{people}</select></label>'
                '<button name="decision" value="allow">Allow</button>'
                '<button name="decision" value="deny">Deny</button></form>'
            )
        )

    def authorize(self, form: Mapping[str, Any]) -> Answer:
        """The posted form: a code to the redirect address, or on a page for out-of-band apps (FACTS 2.2)."""
        given = {name: str(value) for name, value in form.items()}
        problem = self._authorize_problem(given)
        if problem:
            return Answer(401, html=_page(f"<h1>This app cannot be authorized</h1><p>{html.escape(problem)}</p>"))
        user_id = int(given["user_id"]) if given.get("user_id", "").isdigit() else sign_in_user_id()
        state = {"state": given["state"]} if "state" in given else {}
        if given.get("decision") == "deny" or self._world.find("user", 0, user_id) is None:
            return _redirect(given["redirect_uri"], {"error": "access_denied", **state})
        code = self._secret()
        body = {
            "code": code,
            "redirect_uri": given["redirect_uri"],
            "user_id": user_id,
            "expires_at": stamp(self._world.clock.now() + CODE_LIVES),
        }
        self._world.add("code", 0, body)
        if given["redirect_uri"] == OUT_OF_BAND:
            return Answer(html=_page(f"<h1>Authorization code</h1><p><code>{code}</code></p>"))
        return _redirect(given["redirect_uri"], {"code": code, **state})

    def _authorize_problem(self, given: Mapping[str, str]) -> str | None:
        if given.get("client_id") != self._world.app.client_id:
            return "The client_id is unknown."
        if given.get("redirect_uri") not in self._world.app.redirect_uris:
            return "The redirect_uri is not registered for this app; it must match exactly."
        if given.get("response_type") != "code":
            return "The response_type must be code."
        return None

    # -- tokens

    def token(self, form: Mapping[str, Any]) -> Answer:
        given = {name: str(value) for name, value in form.items()}
        grants = {
            "authorization_code": self._from_code,
            "refresh_token": self._from_refresh_token,
            "client_credentials": self._from_client,
        }
        try:
            grant = grants.get(given.get("grant_type", ""))
            if grant is None:
                raise TokenError("unsupported_grant_type", "The grant_type is not supported.")
            return Answer(200, grant(given))
        except TokenError as refusal:
            status = 400 if refusal.error == "unsupported_grant_type" else self._world.switches.token_error_status
            return Answer(status, {"error": refusal.error, "error_description": refusal.description})

    def _check_client(self, given: Mapping[str, str]) -> None:
        app = self._world.app
        if (given.get("client_id"), given.get("client_secret")) != (app.client_id, app.client_secret):
            raise TokenError("invalid_client", "Client authentication failed.")

    def _from_code(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Single use: a second try finds nothing, and so does one after a failed first."""
        code = next((each for each in self._world.table("code", 0) if each["code"] == given.get("code")), None)
        if code is not None:
            self._world.drop(code)
        self._check_client(given)
        expires_at = parse_instant(code["expires_at"]) if code else None
        if code is None or expires_at is None or self._world.clock.now() >= expires_at:
            raise TokenError("invalid_grant", "The authorization code is invalid, expired or used.")
        if given.get("redirect_uri") != code["redirect_uri"]:
            raise TokenError("invalid_grant", "The redirect_uri is not the one the code was made for.")
        return self._issue(code["user_id"], with_refresh=True)

    def _from_refresh_token(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Any call burns the refresh token, also one that fails (FACTS 2.3)."""
        token = self._token_with("refresh", given.get("refresh_token"))
        if token is not None:
            self._world.change(token, {"refresh": None})
        self._check_client(given)
        if token is None:
            raise TokenError("invalid_grant", "The refresh token is invalid")
        return self._issue(token["user_id"], with_refresh=True)

    def _from_client(self, given: Mapping[str, str]) -> dict[str, Any]:
        """A service account's token; no refresh token comes with it."""
        self._check_client(given)
        return self._issue(service_account_id(), with_refresh=False)

    def _issue(self, user_id: int, *, with_refresh: bool) -> dict[str, Any]:
        self._forget_spent()
        now = self._world.clock.now()
        body = {
            "access": self._secret(),
            "refresh": self._secret() if with_refresh else None,
            "user_id": user_id,
            "expires_at": stamp(now + timedelta(seconds=TOKEN_LIVES_S)),
        }
        self._world.add("token", 0, body)
        answer = {"access_token": body["access"], "token_type": "bearer", "expires_in": TOKEN_LIVES_S}
        refresh = {"refresh_token": body["refresh"]} if with_refresh else {}
        return {**answer, **refresh, "created_at": int(now.timestamp())}

    def _forget_spent(self) -> None:
        """Tokens that can do nothing any more."""
        for token in list(self._world.table("token", 0)):
            if token["refresh"] is None and not self._is_live(token):
                self._world.drop(token)

    def _is_live(self, token: Record) -> bool:
        expires_at = parse_instant(token["expires_at"])
        return token["access"] is not None and expires_at is not None and self._world.clock.now() < expires_at

    def _token_with(self, field: str, value: str | None) -> Record | None:
        if not value:
            return None
        return next((each for each in self._world.table("token", 0) if each[field] == value), None)

    def info(self, authorization: str | None) -> Answer:
        token = self._bearer(authorization)
        expires_at, created_at = parse_instant(token["expires_at"]), parse_instant(token["created_at"])
        assert expires_at is not None
        assert created_at is not None
        return Answer(
            200,
            {
                "resource_owner_id": token["user_id"],
                "scopes": [],
                "expires_in_seconds": int((expires_at - self._world.clock.now()).total_seconds()),
                "application": {"uid": self._world.app.client_id},
                "created_at": int(created_at.timestamp()),
            },
        )

    def revoke(self, form: Mapping[str, Any]) -> Answer:
        """Both tokens of the pair go; an unknown token is fine too (FACTS 2.5)."""
        given = {name: str(value) for name, value in form.items()}
        if self._world.switches.revoke_needs_secret or "client_secret" in given:
            try:
                self._check_client(given)
            except TokenError as refusal:
                return Answer(403, {"error": refusal.error, "error_description": refusal.description})
        for field in ("access", "refresh"):
            token = self._token_with(field, given.get("token"))
            if token is not None:
                self._world.drop(token)
        return Answer(200, {})

    def actor(self, authorization: str | None) -> Actor:
        """Who a bearer belongs to.

        Raises:
            Refused: 401, missing, expired or unknown.
        """
        user_id = self._bearer(authorization)["user_id"]
        return Actor(user_id, self._world.app.client_id, is_service_account=user_id == service_account_id())

    def _bearer(self, authorization: str | None) -> Record:
        scheme, _, value = (authorization or "").partition(" ")
        token = self._token_with("access", value.strip()) if scheme.lower() == "bearer" else None
        if token is None or not self._is_live(token):
            raise Refused(401, "The access token is invalid")
        return token

    def _secret(self) -> str:
        return f"{self._world.entropy.getrandbits(256):064x}"


def _redirect(address: str, parameters: Mapping[str, str]) -> Answer:
    joint = "&" if "?" in address else "?"
    return Answer(302, headers={"Location": f"{address}{joint}{urlencode(parameters)}"})


def _page(content: str) -> str:
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Procore simulator</title>{content}</html>'
