"""What an answer other than success means to the caller, and whether trying again can help."""

from collections.abc import Mapping

from construction_mcp.core.errors import (
    Conflict,
    ConstructionError,
    Invalid,
    NeedsLogin,
    NextCall,
    NotFound,
    NotPermitted,
    RateLimited,
    Unavailable,
    Uncertain,
)
from construction_mcp.net.outbound import Fault, TransferFailed
from construction_mcp.procore.responses import read_error, reason_codes

_CHECK = NextCall("check_procore_connection", {}, "Shows which projects and tools the connected user can reach.")
_CONNECT = NextCall("connect_procore", {}, "Links a Procore account again.")

# Nothing was done, by Procore's own word: repeating a write after these cannot do it twice.
# Source: "Rate Limiting": 429 over a limit; 503 with Retry-After when the platform sheds load.
_REFUSALS = frozenset({429})
_PASSING = frozenset({408, 429, 500, 502, 503, 504})


def is_refusal(status: int, headers: Mapping[str, str]) -> bool:
    """Whether the request was turned away before anything was done."""
    return status in _REFUSALS or (status == 503 and "retry-after" in headers)


def can_pass(status: int) -> bool:
    """Whether the same request may succeed a moment later."""
    return status in _PASSING


def failure_of(
    status: int, headers: Mapping[str, str], body: bytes, what: str, retry_after_s: float | None
) -> ConstructionError:
    """The error of a finished exchange; `what` names the request in words (`GET /rest/v1.0/me`)."""
    said = read_error(body)
    details: dict[str, object] = {"status": status, "request": what}
    if said:
        details["procore_says"] = list(said)
    if request_id := headers.get("x-request-id"):
        details["procore_request_id"] = request_id[:100]
    if status == 429:
        return RateLimited(
            "Procore refused the request: a rate window is spent.", details=details, retry_after_s=retry_after_s
        )
    if status in (408, 504):
        return Unavailable(
            "Procore took too long over the request.",
            code="PROCORE_TIMEOUT",
            hint="Ask for less: one project, a date range, a status.",
            details=details,
            retry_after_s=retry_after_s,
        )
    if status >= 500:
        return Unavailable(
            "Procore failed on its side.", code="PROCORE_UNAVAILABLE", details=details, retry_after_s=retry_after_s
        )
    return _refused(status, body, said, details)


def _refused(status: int, body: bytes, said: tuple[str, ...], details: dict[str, object]) -> ConstructionError:
    if status == 401:
        return NeedsLogin(
            "Procore does not accept the connection's token.",
            code="AUTH_RECONNECT",
            hint="Connect again; if it returns, the app may not be installed in this company.",
            details=details,
            next_call=_CONNECT,
        )
    if status == 403:
        return _forbidden(said, details)
    if status in (404, 410):
        return NotFound(
            "Procore has nothing there, or the connected user may not see it.",
            code="PROCORE_NOT_FOUND",
            details=details,
            next_call=_CHECK,
        )
    if status == 409 or reason_codes(body) & {"WORKFLOW_CONFLICT", "DUPLICATE_REVISION"}:
        return Conflict("Procore holds something that conflicts with this.", code="PROCORE_CONFLICT", details=details)
    if status in (400, 406, 413, 415, 422):
        return Invalid("Procore refused the values that were sent.", code="PROCORE_INVALID", details=details)
    return Unavailable(
        "Procore answered in a way this client does not know.",
        code="PROCORE_BAD_ANSWER",
        details=details,
        retryable=False,
    )


def _forbidden(said: tuple[str, ...], details: dict[str, object]) -> ConstructionError:
    if any("not connected to this company" in sentence.lower() for sentence in said):
        return NotPermitted(
            "The app is not installed in this Procore company.",
            code="PROCORE_APP_NOT_CONNECTED",
            hint="A company admin installs it under App Management; `construction-mcp connect` prints the request.",
            details=details,
        )
    return NotPermitted(
        "The connected Procore user may not do this.",
        code="PROCORE_FORBIDDEN",
        hint="The tool may be off in this project, or the user's permission for it too low.",
        details=details,
        next_call=_CHECK,
    )


_FAULT_CODES = {
    Fault.CONNECT: ("PROCORE_UNAVAILABLE", "Procore could not be reached."),
    Fault.TLS: ("PROCORE_UNAVAILABLE", "Procore's certificate could not be verified."),
    Fault.TIMEOUT: ("PROCORE_TIMEOUT", "Procore did not answer in time."),
    Fault.BROKEN: ("PROCORE_UNAVAILABLE", "The connection to Procore broke off."),
    Fault.TOO_LARGE: ("PROCORE_BAD_ANSWER", "Procore's answer is larger than this server reads."),
    Fault.REDIRECT: ("PROCORE_BAD_ANSWER", "Procore redirected in a way that cannot be followed."),
}


def failure_of_transfer(problem: TransferFailed, what: str) -> ConstructionError:
    """The error of an exchange that brought no whole answer."""
    code, sentence = _FAULT_CODES[problem.fault]
    details = {"request": what, "fault": problem.fault.value}
    return Unavailable(sentence, code=code, details=details, retryable=problem.retryable)


def unreadable(status: int, what: str) -> ConstructionError:
    """A success that is not JSON: a proxy's or login page, or an answer cut off."""
    details = {"request": what, "status": status, "fault": "unreadable"}
    return Unavailable("Procore's answer could not be read.", code="PROCORE_BAD_ANSWER", details=details)


def outcome_unknown(what: str, cause: ConstructionError) -> Uncertain:
    """A write that may have happened: not repeated here, whatever went wrong."""
    return Uncertain(
        "The change may or may not have been made in Procore; it was not sent again.",
        hint="Look for it in Procore before repeating.",
        details={**cause.details, "request": what, "cause": cause.code},
    )


def budget_spent(what: str, limit: int) -> Invalid:
    """The call or session may send no more requests."""
    return Invalid(
        f"This {what} used up its {limit} Procore requests.",
        code="PROCORE_BUDGET_SPENT",
        hint="Narrow it: one project, a date range, fewer pages.",
        details={"scope": what, "requests": limit},
    )
