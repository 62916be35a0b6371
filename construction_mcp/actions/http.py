"""Requests to other systems; the egress guard decides whether the host may be reached at all."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from construction_mcp.actions.action import ActionType, Config, Consent, Setting, Unbounded, Written
from construction_mcp.actions.form import Form
from construction_mcp.actions.hosts import Url, agreed, host_in_words
from construction_mcp.actions.shapes import closed
from construction_mcp.core.config import Limits
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
    ),
)
