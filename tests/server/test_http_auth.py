"""Who gets in over HTTP, as whom, and for how long."""

import asyncio
import hmac
import json
import stat
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.server.serving import (
    DEADLINE_S,
    MODERN,
    Served,
    envelope,
    modern_call,
    modern_headers,
    serving,
    start,
)
from tests.server.test_http import initialize

pytestmark = pytest.mark.anyio

ISSUER, AUDIENCE = "https://login.example", "construction"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """As everywhere, but for the module: its tests share one process."""
    return "asyncio"


@pytest.fixture(scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory, keys: "Keys") -> AsyncIterator[Served]:
    environ = {
        "CONSTRUCTION_MCP_OAUTH_ISSUER": ISSUER,
        "CONSTRUCTION_MCP_OAUTH_AUDIENCE": AUDIENCE,
        "CONSTRUCTION_MCP_OAUTH_JWKS_URL": keys.url,
    }
    async with serving(tmp_path_factory.mktemp("served"), environ=environ) as made:
        yield made


class Keys:
    """An issuer's key set behind a local HTTP server, and tokens signed with its keys."""

    def __init__(self) -> None:
        self.rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.ec = ec.generate_private_key(ec.SECP256R1())
        self.stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.asked = 0
        self.url = ""

    async def visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked += 1
        await reader.readuntil(b"\r\n\r\n")
        body = json.dumps({"keys": [self._public("r", self.rsa), self._public("e", self.ec)]}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    def token(self, key_id: str = "r", key: Any = None, algorithm: str = "RS256", **claims: Any) -> str:
        standard = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": int(time.time()) + 600}
        said = {name: value for name, value in {**standard, **claims}.items() if value is not None}
        return jwt.encode(said, self.rsa if key is None else key or None, algorithm, headers={"kid": key_id})

    @staticmethod
    def _public(key_id: str, key: Any) -> dict[str, Any]:
        kind = jwt.algorithms.RSAAlgorithm if key_id == "r" else jwt.algorithms.ECAlgorithm
        return {**kind.to_jwk(key.public_key(), as_dict=True), "kid": key_id, "use": "sig"}


@pytest.fixture(scope="module")
async def keys() -> AsyncIterator[Keys]:
    made = Keys()
    server = await asyncio.start_server(made.visit, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys"
    yield made
    server.close()


async def who(served: Served, token: str) -> tuple[int, str | None]:
    """The status of one call, and the principal it was made as."""
    async with served.http(token) as http:
        answer = await http.post(
            "/mcp", json=modern_call("say", {"text": "x"}), headers=modern_headers("tools/call", "say")
        )
    is_known = answer.status_code == 200
    return answer.status_code, answer.json()["result"]["structuredContent"]["by"] if is_known else None


def confused(token: str, public_key: bytes) -> str:
    """The token signed with HMAC and the published key as its secret, by hand: PyJWT refuses to (RFC 8725, 2.1)."""
    header = jwt.utils.base64url_encode(json.dumps({"alg": "HS256", "typ": "JWT", "kid": "r"}).encode())
    signed = header + b"." + token.split(".")[1].encode()
    return (signed + b"." + jwt.utils.base64url_encode(hmac.digest(public_key, signed, "sha256"))).decode()


async def refused(served: Served, token: str) -> None:
    """Return once the bearer is refused; the waiting is on the server's clock, so it is asked again and again."""
    async with asyncio.timeout(DEADLINE_S):
        while (await who(served, token))[0] == 200:  # noqa: ASYNC110 - there is no event in another process to wait for
            await asyncio.sleep(0.1)


async def test_the_generated_token_is_kept_for_this_user_alone(served: Served) -> None:
    """A 0600 file, and the same token after a restart."""
    file = served.data_dir / "http-token"

    assert file.read_text().strip() == served.token
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (await who(served, served.token or ""))[1].startswith("local:")  # type: ignore[union-attr]  # 200 has one


@pytest.mark.parametrize("path", ["/mcp", "/sse", "/messages/?session_id=0"])
@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic {token}", "bearer {token}x"])
async def test_without_a_usable_bearer_nothing_is_served(served: Served, path: str, header: str) -> None:
    """401 with a challenge that names the metadata (RFC 6750 section 3, RFC 9728 section 5.1)."""
    async with served.http() as http:
        http.headers["authorization"] = header.format(token=served.token)
        method = "GET" if path == "/sse" else "POST"
        answer = await http.request(method, path, json=initialize())

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert "/.well-known/oauth-protected-resource/mcp" in answer.headers["www-authenticate"]


async def test_two_authorization_headers_are_no_bearer(served: Served) -> None:
    """Which of the two would be meant? None."""
    async with served.http() as http:
        pair = [("authorization", f"Bearer {served.token}"), ("authorization", f"Bearer {served.token}")]
        http.headers.pop("authorization")
        answer = await http.post("/mcp", json=initialize(), headers=pair)

    assert answer.status_code == 401


async def test_a_person_calls_as_themselves_until_revoked(served: Served) -> None:
    """`users add` gives access, `users revoke` takes it within seconds."""
    user_id, bearer = await served.user("viewer")
    before = await who(served, bearer)
    await served.command("users.revoke", user_id=user_id)
    revoked_at = time.monotonic()
    await refused(served, bearer)

    assert before == (200, f"user:{user_id}")
    assert time.monotonic() - revoked_at < 10


async def test_a_revoked_person_hears_nothing_more_on_an_open_stream(served: Served) -> None:
    """An open subscription ends instead of delivering what the person may no longer see."""
    user_id, bearer = await served.user("viewer")
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "subscriptions/listen",
        "params": {"notifications": {"resourceSubscriptions": ["spoken://open/s"]}, "_meta": envelope()},
    }
    async with served.http(bearer) as http, served.client() as admin, asyncio.timeout(DEADLINE_S):  # noqa: SIM117 - too long a line
        async with http.stream("POST", "/mcp", json=body, headers=modern_headers("subscriptions/listen")) as stream:
            events = stream.aiter_text()
            acknowledged = await anext(events)
            await served.command("users.revoke", user_id=user_id)
            await refused(served, bearer)
            await admin.call_tool("use_tool", {"name": "touch", "arguments": {"thing": "s"}})
            rest = "".join([text async for text in events])

    assert "acknowledged" in acknowledged
    assert "spoken://" not in rest


async def test_an_expired_person_is_refused(served: Served) -> None:
    """An expiry in the past is no access at all."""
    _, bearer = await served.user("viewer", expires_in_days=-1)

    assert await who(served, bearer) == (401, None)


async def test_a_session_serves_only_the_credential_that_opened_it(served: Served) -> None:
    """Somebody else's session id does not exist, whatever the bearer."""
    _, bearer = await served.user("viewer")
    async with served.http() as http, served.http(bearer) as other:
        session = (await http.post("/mcp", json=initialize())).headers["mcp-session-id"]
        answer = await other.post(
            "/mcp",
            json={"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
            headers={"mcp-session-id": session, "mcp-protocol-version": "2025-11-25"},
        )

    assert answer.status_code == 404


async def test_below_its_role_a_refusal_says_nothing_about_what_exists(served: Served) -> None:
    """S10: the same bytes for an id that exists and one that does not, for every tool above the role."""
    _, viewer = await served.user("viewer")
    async with served.client() as admin, served.client(token=viewer) as client:
        made = await admin.call_tool("create_workflow", {"name": "Watch RFIs"})
        assert made.structured_content is not None
        existing = str(made.structured_content["workflow"]["id"])
        for tool in ("update_workflow", "delete_workflow", "remove_workflow_action", "configure_workflow_trigger"):
            refusals = [
                (
                    await client.call_tool("use_tool", {"name": tool, "arguments": {"workflow_id": one}})
                ).structured_content
                for one in (existing, "wf_nothing")
            ]

            assert refusals[0] == refusals[1]
            assert refusals[0] is not None
            assert refusals[0]["error"]["code"] == "AUTH_ROLE_REQUIRED"


@pytest.mark.parametrize(
    ("scope", "may_build"),
    [("construction-mcp:builder openid", True), ("construction-mcp:approver", False), ("", False)],
)
async def test_a_verified_token_speaks_for_its_subject(served: Served, keys: Keys, scope: str, may_build: bool) -> None:
    """The principal carries issuer and subject; the role comes from a scope, viewer without one."""
    token = keys.token(scope=scope)
    async with served.client(token=token) as client:
        said = await client.call_tool("say", {"text": "x"})
        built = await client.call_tool("use_tool", {"name": "touch", "arguments": {"thing": "a"}})

    assert said.structured_content is not None
    assert said.structured_content["by"] == f"oauth:{ISSUER}|ada"
    assert built.is_error is not may_build


async def test_an_elliptic_curve_token_is_accepted(served: Served, keys: Keys) -> None:
    """ES256 beside RS256."""
    assert (await who(served, keys.token("e", keys.ec, "ES256")))[0] == 200


async def test_tokens_that_are_not_for_us_are_refused(served: Served, keys: Keys) -> None:
    """Issuer, audience, expiry, signature, algorithm, subject and key are all checked (RFC 8725)."""
    public = keys.rsa.public_key()
    published = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    forged = {
        "expired": keys.token(exp=int(time.time()) - 120),
        "no expiry": keys.token(exp=None),
        "not yet": keys.token(nbf=int(time.time()) + 600),
        "other audience": keys.token(aud="somebody-else"),
        "no audience": keys.token(aud=None),
        "other issuer": keys.token(iss="https://evil.example"),
        "issuer with a slash": keys.token(iss=ISSUER + "/"),
        "no subject": keys.token(sub=None),
        "a stranger's key": keys.token(key=keys.stranger),
        "unknown key id": keys.token("unknown"),
        "no algorithm": keys.token(key="", algorithm="none"),
        "the public key as a secret": confused(keys.token(), published),
        "another algorithm": keys.token(algorithm="RS512"),
        "an RSA token under the curve's key": keys.token("e"),
        "cut short": keys.token()[:-3],
        "too long": keys.token(padding="x" * 9_000),
        "not a token": "a.b.c",
    }
    passed = [name for name, token in forged.items() if (await who(served, token))[0] != 401]

    assert passed == []


async def test_made_up_key_ids_do_not_flood_the_issuer(served: Served, keys: Keys) -> None:
    """An unknown key id asks the issuer at most once a minute, however many come."""
    await who(served, keys.token())
    before = keys.asked
    for number in range(20):
        await who(served, keys.token(f"made-up-{number}"))

    assert keys.asked - before <= 1


async def test_the_metadata_names_resource_and_issuer(served: Served) -> None:
    """RFC 9728: where a client without a token learns whom to ask for one. We are no authorization server."""
    async with served.http() as http:
        http.headers.pop("authorization")
        metadata = await http.get("/.well-known/oauth-protected-resource/mcp")
        ours = [await http.get(path) for path in ("/authorize", "/token", "/.well-known/oauth-authorization-server")]

    assert metadata.json()["resource"] == served.mcp
    assert metadata.json()["authorization_servers"] == [ISSUER]
    assert [answer.status_code for answer in ours] == [404, 404, 404]


@pytest.mark.parametrize(
    ("flags", "environ", "reason"),
    [
        (["--host", "0.0.0.0", "--no-auth"], {"CONSTRUCTION_MCP_ALLOWED_HOSTS": "mcp.example"}, "--no-auth"),  # noqa: S104 - refused
        (["--host", "0.0.0.0"], {}, "CONSTRUCTION_MCP_PUBLIC_URL"),  # noqa: S104 - refused
        ([], {"CONSTRUCTION_MCP_OAUTH_ISSUER": ISSUER}, "belong together"),
        (["--port", "70000"], {}, "--port"),
    ],
)
async def test_it_refuses_to_start_without_a_lock_on_the_door(
    tmp_path: Path, flags: list[str], environ: dict[str, str], reason: str
) -> None:
    """Beyond loopback: authentication and known names, or nothing (security.md, finding 7)."""
    process = await start(tmp_path / "data", *flags, environ=environ)
    async with asyncio.timeout(DEADLINE_S):
        _, told = await process.communicate()

    assert process.returncode == 1
    assert reason in told.decode()
    assert "Traceback" not in told.decode()


async def test_a_token_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """A secret that is no secret is said so, not used."""
    file = tmp_path / "token"
    file.write_text("x" * 43)
    file.chmod(0o644)
    process = await start(tmp_path / "data", "--port", "0", "--token-file", str(file))
    async with asyncio.timeout(DEADLINE_S):
        _, told = await process.communicate()

    assert process.returncode == 1
    assert "chmod 600" in told.decode()


async def test_without_authentication_loopback_callers_are_the_local_person(tmp_path: Path) -> None:
    """`--no-auth`: no token is asked for, and none is made."""
    async with serving(tmp_path / "data", "--no-auth") as open_house, open_house.client("modern") as client:
        said = await client.call_tool("say", {"text": MODERN})

    assert open_house.token is None
    assert not (tmp_path / "data" / "http-token").exists()
    assert said.structured_content is not None
    assert said.structured_content["by"].startswith("local:")
