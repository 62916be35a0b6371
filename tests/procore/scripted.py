"""A Procore that does what a test says: tokens with their real rules, and an answer per path.

The simulator is the believable one; this one is for answers that no simulator should give.
"""

import json
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import parse_qs, parse_qsl

TOKEN_LIFE_S = 5400


@dataclass(frozen=True)
class Call:
    """One request as it arrived."""

    method: str
    path: str
    query: dict
    headers: dict
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Say:
    """An answer: `body` is JSON unless it is bytes."""

    status: int = 200
    body: object = None
    headers: dict = field(default_factory=dict)


class ScriptedProcore:
    """An ASGI application. `next_answers` are given first, then `routes`, then an empty list."""

    def __init__(self, clock):
        self.clock = clock
        self.calls = []
        self.grants = []
        self.revoked = []
        self.routes = {}
        self.next_answers = deque()
        self.next_grants = deque()
        self.good_tokens = {}
        self.refresh_tokens = set()
        self.codes = set()
        self.windows = None
        self.before = None
        self._made = 0

    async def __call__(self, scope, receive, send):
        body = b""
        while (message := await receive()).get("more_body", False) or message.get("body"):
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        query = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
        call = Call(scope["method"], scope["path"], query, headers, body)
        said = await self._answer(call)
        raw = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
        told = {"content-type": "application/json", **said.headers}
        lines = [(name.encode(), value.encode()) for name, value in told.items()]
        await send({"type": "http.response.start", "status": said.status, "headers": lines})
        await send({"type": "http.response.body", "body": raw})

    async def _answer(self, call):
        if self.before is not None:
            await self.before(call)
        if call.path == "/oauth/token":
            return self._grant(dict(parse_qsl(call.body.decode())))
        if call.path == "/oauth/revoke":
            self.revoked.append(dict(parse_qsl(call.body.decode()))["token"])
            return Say(200, {})
        self.calls.append(call)
        status, told = self.windows.answer() if self.windows else (200, {})
        if status == 429:
            return Say(429, {"message": "You have surpassed the max number of requests."}, told)
        if self.next_answers:
            said = self.next_answers.popleft()
            return said(call) if callable(said) else said
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        if self.good_tokens.get(token, 0) <= self.clock.now().timestamp():
            return Say(401, {"error": {"code": "INVALID_TOKEN", "message": "The access token is invalid"}}, told)
        said = self.routes.get((call.method, call.path), Say(200, []))
        said = said(call) if callable(said) else said
        return Say(said.status, said.body, {**told, **said.headers})

    def _grant(self, form):
        self.grants.append(form)
        if self.next_grants:
            return self.next_grants.popleft()
        if form.get("client_secret") != "app-secret":
            return Say(401, {"error": "invalid_client", "error_description": "PRIVATE UPSTREAM TEXT"})
        if form["grant_type"] == "client_credentials":
            return Say(200, self._tokens(refresh=False))
        kept, given = (
            (self.codes, form.get("code"))
            if form["grant_type"] == "authorization_code"
            else (self.refresh_tokens, form.get("refresh_token"))
        )
        if given not in kept:
            return Say(400, {"error": "invalid_grant", "error_description": "PRIVATE UPSTREAM TEXT"})
        kept.discard(given)
        return Say(200, self._tokens(refresh=True))

    def _tokens(self, *, refresh):
        self._made += 1
        now = self.clock.now().timestamp()
        self.good_tokens[f"access-{self._made}"] = now + TOKEN_LIFE_S
        pair = {"access_token": f"access-{self._made}", "token_type": "bearer", "expires_in": TOKEN_LIFE_S}
        if refresh:
            self.refresh_tokens.add(f"refresh-{self._made}")
            pair["refresh_token"] = f"refresh-{self._made}"
        return {**pair, "created_at": int(now)}
