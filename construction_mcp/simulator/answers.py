"""What goes back: an answer, or a refusal in the error shape of the resource's version (FACTS 6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` None means no content; text is sent as HTML; `headers` come on top of the rate headers."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    html: str | None = None


class Refused(Exception):
    """The service says no. `errors` is the loose v1 form, with `extra` beside it; without, the record's v1 form."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: Any = None,
        field_name: str = "",
        reason_code: str | None = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.field_name = field_name
        self.reason_code = reason_code or _REASONS.get(status, "BAD_REQUEST")
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    def answer(self, *, version: int) -> Answer:
        """In the shape of REST v1 or v2."""
        if version >= 2:
            return Answer(self.status, self._v2_body(), self.headers)
        if self.errors is not None:
            return Answer(self.status, {"errors": self.errors, **self.extra}, self.headers)
        body = {
            "code": self.status,
            "message": self.message,
            "fields": self.field_name,
            "reason": self.reason_code.lower().replace("_", " "),
            "error": self.message,
        }
        return Answer(self.status, body, self.headers)

    def _v2_body(self) -> dict[str, Any]:
        detail = {"reason_code": self.reason_code, "message": self.message, "source": self.field_name}
        return {"error": {"code": _CODES.get(self.status, "ERROR"), "message": self.message, "details": [detail]}}


_REASONS = {
    400: "INVALID_INPUT",
    401: "INVALID_TOKEN",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    406: "INVALID_PROPERTY",
    409: "CONFLICT",
    413: "INVALID_INPUT",
    422: "INVALID_INPUT",
    429: "TOO_MANY_REQUESTS",
    500: "INTERNAL_SERVER_ERROR",
    503: "SERVICE_UNAVAILABLE",
}
_CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    406: "NOT_ACCEPTABLE",
    409: "CONFLICT",
    413: "PAYLOAD_TOO_LARGE",
    422: "UNPROCESSABLE_ENTITY",
    429: "TOO_MANY_REQUESTS",
    501: "NOT_IMPLEMENTED",
    503: "SERVICE_UNAVAILABLE",
}


def not_found(what: str, identifier: object) -> Refused:
    """Also for what exists but this caller may not read: the service does not tell the two apart (FACTS 6)."""
    return Refused(404, f"{what} {identifier} was not found.")


def missing(field_name: str) -> Refused:
    return Refused(400, f"param is missing or the value is empty: {field_name}", field_name=field_name)


def invalid(field_name: str, why: str) -> Refused:
    return Refused(422, f"{field_name} {why}", errors={field_name: [why]}, field_name=field_name)
