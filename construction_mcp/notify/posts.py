"""Posting to Slack, Teams and other programs, through the egress guard.

Addresses of the settings admit exactly their own hosts; one that an argument names needs CONSTRUCTION_MCP_EGRESS_ALLOW.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import ConstructionError, Invalid
from construction_mcp.net.egress import DEFAULT_PORTS, EgressRefused, Guard
from construction_mcp.net.outbound import Fault, Outbound, Reply, TransferFailed
from construction_mcp.notify.receipt import bad_credentials, insecure, outcome_unknown, refused, unavailable

_TOO_MANY, _REQUEST_TIMEOUT = 429, 408
_GATEWAYS = frozenset({502, 504})  # they do not know what became of the request either
_UNKNOWN_TO_THEM = frozenset({401, 403, 404, 410})  # the address is the credential: wrong, or revoked
_CONNECTOR_FAILED = b"Webhook message delivery failed"  # Teams' older connectors say so with status 200
_ANSWER_BYTES_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class Way:
    """A guard and what sends through it."""

    guard: Guard
    outbound: Outbound


class Posts:
    """Posts JSON. `chosen` leads to what the settings name, `named` to what arguments may."""

    def __init__(self, chosen: Way, named: Way, limits: Limits) -> None:
        self._chosen = chosen
        self._named = named
        self._limits = limits

    def admit(self, url: str) -> None:
        """Whether an argument may lead there, before anybody is asked about it.

        Raises:
            EgressRefused: it may not.
            Invalid: it is no http or https address.
        """
        split = _split(url)
        try:
            self._named.guard.admit(
                split.scheme, split.hostname or "", split.port or DEFAULT_PORTS.get(split.scheme, 0)
            )
        except EgressRefused as problem:
            raise EgressRefused(
                problem.message,
                hint="The operator admits hosts by CONSTRUCTION_MCP_EGRESS_ALLOW.",
                details=problem.details,
            ) from None

    async def post(self, url: str, body: bytes, *, is_chosen: bool, headers: Mapping[str, str] | None = None) -> None:
        """Post once.

        Raises:
            EgressRefused: the address may not be reached; nothing was sent.
            Unavailable: NOTIFY_UNAVAILABLE (later perhaps), NOTIFY_REFUSED, NOTIFY_INSECURE.
            NotPermitted: NOTIFY_CREDENTIALS: nobody knows that address, or it was revoked.
            Uncertain: NOTIFY_OUTCOME_UNKNOWN; no answer after it had left.
        """
        outbound = (self._chosen if is_chosen else self._named).outbound
        sent = {"content-type": "application/json; charset=utf-8", **(headers or {})}
        host = urlsplit(url).hostname
        try:
            reply = await outbound.send(
                "POST",
                url,
                headers=sent,
                content=body,
                within_s=self._limits.post_timeout_s,
                bytes_max=_ANSWER_BYTES_MAX,
            )
        except TransferFailed as problem:
            raise _no_answer(problem, {"host": host}) from None
        refusal = _refusal(reply, {"host": host, "status": reply.status})
        if refusal is not None:
            raise refusal


def as_json(value: Any, bytes_max: int) -> bytes:
    """The body of a post.

    Raises:
        Invalid: VALIDATION_TOO_LARGE.
    """
    body = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    if len(body) > bytes_max:
        raise Invalid(
            f"The post would have {len(body)} bytes; at most {bytes_max} are sent.", code="VALIDATION_TOO_LARGE"
        )
    return body


def _no_answer(problem: TransferFailed, details: Mapping[str, Any]) -> ConstructionError:
    if problem.fault is Fault.TLS:
        return insecure("No encrypted connection to that host that can be trusted.", details)
    if problem.sent:
        return outcome_unknown("No answer came after the message had left.", details)
    return unavailable("That host cannot be reached now.", details)


def _refusal(reply: Reply, details: Mapping[str, Any]) -> ConstructionError | None:
    status = reply.status
    if status // 100 == 2:
        said_no = reply.body.startswith(_CONNECTOR_FAILED)
        return refused("The channel took the message and could not show it.", details) if said_no else None
    if status in _UNKNOWN_TO_THEM:
        return bad_credentials("Nobody takes messages at that address, or no longer from us.", details)
    if status in _GATEWAYS:
        return outcome_unknown("A gateway does not know what became of the message.", details)
    if status in (_TOO_MANY, _REQUEST_TIMEOUT) or status >= 500:
        wait = reply.headers.get("retry-after", "")
        after_s = float(wait) if wait.isascii() and wait.isdigit() else None
        return unavailable("The channel cannot take the message now.", details, retry_after_s=after_s)
    return refused("The channel refused the message.", details)


def _split(url: str) -> SplitResult:
    try:
        split = urlsplit(url)
        is_address = split.scheme in DEFAULT_PORTS and bool(split.hostname) and split.port != 0
    except ValueError:
        is_address = False
    if not is_address or not url.isprintable() or " " in url or split.username is not None:
        raise Invalid("url is not an http or https address without a user name.", details={"field": "url"})
    return split
