"""The error tree. Every failure a caller can meet is one of these, with a public code that never changes.

    ConstructionError
    ├── Invalid          the caller's mistake; the same call will fail again
    ├── NotFound         nothing there, or nothing the caller may see
    ├── NotPermitted     known caller, not enough role or permission
    ├── Conflict         somebody else was first, or the same key with other arguments
    ├── NeedsApproval    a person must decide before this goes on
    ├── NeedsLogin       no usable credential
    ├── RateLimited      wait `retry_after_s`, then repeat
    ├── Unavailable      something we depend on is down or busy
    └── Uncertain        a write may or may not have happened; it must not be repeated blindly

What each code means, and what to do about it, is in `core/catalogue.py`.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from construction_mcp.core.catalogue import CATALOGUE


class NextCall(NamedTuple):
    """The call that gets the caller out of this error."""

    tool: str
    arguments: Mapping[str, Any]
    why: str


class ConstructionError(Exception):
    """A failure with a sentence for the person, a code for the program and a way on for both."""

    default_code: ClassVar[str] = "SYSTEM_INTERNAL"
    default_retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str | None = None,
        details: Mapping[str, Any] | None = None,
        retryable: bool | None = None,
        retry_after_s: float | None = None,
        next_call: NextCall | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code or self.default_code
        assert self.code in CATALOGUE, f"{self.code} is not in core/catalogue.py"
        self.message = message
        self.hint = hint
        self.details = dict(details or {})
        self.retryable = self.default_retryable if retryable is None else retryable
        self.retry_after_s = retry_after_s
        self.next_call = next_call

    def public(self) -> dict[str, Any]:
        """The shape of PRODUCT.md section 4: what a client may see, and nothing else."""
        details = {**self.details, "hint": self.hint} if self.hint else self.details
        shape: dict[str, Any] = {
            "code": self.code,
            "message": self.message,
            "details": details,
            "retryable": self.retryable,
        }
        if self.retry_after_s is not None:
            shape["retry_after_s"] = self.retry_after_s
        if self.next_call is not None:
            shape["next"] = self.next_call._asdict()
        return {"error": shape}


class Invalid(ConstructionError):
    default_code = "VALIDATION_INVALID"


class NotFound(ConstructionError):
    default_code = "VALIDATION_NOT_FOUND"


class NotPermitted(ConstructionError):
    default_code = "AUTH_ROLE_REQUIRED"


class Conflict(ConstructionError):
    default_code = "WORKFLOW_VERSION_CONFLICT"


class NeedsApproval(ConstructionError):
    default_code = "APPROVAL_REQUIRED"


class NeedsLogin(ConstructionError):
    default_code = "AUTH_LOGIN_REQUIRED"


class RateLimited(ConstructionError):
    default_code = "PROCORE_RATE_LIMITED"
    default_retryable = True


class Unavailable(ConstructionError):
    default_code = "SYSTEM_UNAVAILABLE"
    default_retryable = True


class Uncertain(ConstructionError):
    default_code = "PROCORE_OUTCOME_UNKNOWN"
