"""Requests to other systems; the egress guard decides whether the host may be reached at all."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from construction_mcp.actions.action import ActionType, Config, Consent, Setting, Unbounded, Written
from construction_mcp.actions.form import Form
from construction_mcp.actions.hosts import Url, agreed, host_in_words, host_of
from construction_mcp.actions.performing import Act, Context, Output
from construction_mcp.actions.shapes import closed
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Invalid
from construction_mcp.core.json import read_json, write_json
from construction_mcp.expressions.port import ANYTHING

READING = ("GET", "HEAD")
# Who sends decides these: a workflow that sets them could make one request look like two (RFC 9112 section 11.2).
_NOT_TO_SET = frozenset({"host", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade"})


def _free_to_set(name: str) -> str:
    if name.lower() in _NOT_TO_SET:
        raise ValueError(f"{name} is set by the server that sends")
    return name


HeaderName = Annotated[
    str, Form(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$", "a header's name"), AfterValidator(_free_to_set)
]
HeaderValue = Annotated[str, Form(r"^[^\r\n\x00]*$", "a header's value: it is one line"), Field(max_length=4000)]


class RequestConfig(Config):
    """One request. Redirects are followed only for GET and HEAD, and each hop is checked."""

    method: Annotated[
        Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
        Field(description="GET and HEAD read, the others are outside effects that keep their place in the order"),
    ] = "GET"
    url: Annotated[Url, Field(description="Address; its host is written out, not a template")]
    headers: Annotated[
        dict[HeaderName, HeaderValue] | None, Field(max_length=50, description="Header lines by name")
    ] = None
    body: Annotated[Any, Field(description="What is sent: a text as it stands, anything else as JSON")] = None
    timeout_s: Annotated[
        float, Field(gt=0, le=Limits().http_action_s_max, description="Seconds until the answer has to be there")
    ] = 30.0


def _words(written: Written, _setting: Setting) -> str:
    method = str(written.get("method", "GET"))
    verb = "read from" if method in READING else f"send a {method} request to"
    return f"{verb} {host_in_words(str(written.get('url', '')))}"


def _consents(written: Written, _setting: Setting) -> list[Consent | Unbounded]:
    return agreed("http", "url", str(written.get("url", "")))


def _only_reads(written: Written) -> bool:
    return written.get("method", "GET") in READING


async def _perform(config: RequestConfig, context: Context) -> Output | Act:
    """Whatever the other side answers is an output, its status for the workflow to judge."""
    context.web.admit(config.url)
    headers = dict(config.headers or {})
    body = None
    if config.body is not None:
        is_text = isinstance(config.body, str)
        body = config.body.encode() if is_text else write_json(config.body).encode()
        if not is_text and "content-type" not in {name.lower() for name in headers}:
            headers["content-type"] = "application/json"

    async def send() -> Output:
        status, got, raw = await context.web.request(
            config.method, config.url, headers=headers, body=body, timeout_s=config.timeout_s
        )
        return {"status": status, "headers": dict(got), "body": _read(raw, got.get("content-type", ""))}

    if config.method in READING:
        return await send()
    host = host_of(config.url) or ""  # `Url` has one
    shown = {"method": config.method, "url": config.url, "headers": sorted(headers), "body": config.body}
    return Act(
        summary=f"Send a {config.method} request to {host}",
        shown=shown,
        perform=send,
        preview={"status": 0, "headers": {}, "body": None},
        targets=(f"http:{host}",),
        touches=(("http", host),),
    )


def _read(raw: bytes, content_type: str) -> Any:
    """JSON as its value, anything else as text."""
    if "json" in content_type:
        limits = Limits()
        try:
            return read_json(raw, bytes_max=limits.answer_bytes_max, depth_max=limits.json_depth_max)
        except Invalid:
            pass  # it only says that it is JSON
    return raw.decode("utf-8", "replace")


TYPES = (
    ActionType(
        name="http.request",
        config=RequestConfig,
        effect="write",
        doc="Send one HTTP request to a host that the operator admits, and give the status, headers and body of the"
        " answer; a JSON body comes as its value.",
        output=closed(
            status={"type": "integer"},
            headers={"type": "object", "additionalProperties": {"type": "string"}},
            body=ANYTHING,
        ),
        words=_words,
        consents=_consents,
        only_reads=_only_reads,
        perform=_perform,
    ),
)
