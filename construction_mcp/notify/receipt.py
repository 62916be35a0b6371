"""How a notification ended: the receipt, or one of the ways it can fail."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from construction_mcp.core.errors import Invalid, NotPermitted, Unavailable, Uncertain


@dataclass(frozen=True, slots=True)
class Receipt:
    """Who it went to, and whom the server refused by then; `message_id` where the channel has one."""

    recipients: tuple[str, ...]
    refused: tuple[str, ...] = ()
    message_id: str | None = None


NOTHING = Receipt(())


def not_configured(channel: str, variable: str) -> Invalid:
    """There is no way to send it here."""
    return Invalid(
        f"{channel} is not set up here.",
        code="NOTIFY_NOT_CONFIGURED",
        hint=f"The operator sets {variable}; `construction-mcp doctor` shows what is set up.",
        details={"variable": variable},
    )


def unavailable(message: str, details: Mapping[str, Any], *, retry_after_s: float | None = None) -> Unavailable:
    """It may work in a while."""
    return Unavailable(message, code="NOTIFY_UNAVAILABLE", details=details, retry_after_s=retry_after_s)


def refused(message: str, details: Mapping[str, Any]) -> Unavailable:
    """It will not work like this."""
    return Unavailable(message, code="NOTIFY_REFUSED", details=details, retryable=False)


def bad_credentials(message: str, details: Mapping[str, Any]) -> NotPermitted:
    """The other side does not know us."""
    return NotPermitted(message, code="NOTIFY_CREDENTIALS", details=details)


def insecure(message: str, details: Mapping[str, Any]) -> Unavailable:
    """Going on would send it, and perhaps a password, in clear or to a stranger."""
    return Unavailable(message, code="NOTIFY_INSECURE", details=details, retryable=False)


def outcome_unknown(message: str, details: Mapping[str, Any]) -> Uncertain:
    """It may have arrived: it must not be sent again by a machine."""
    hint = "Ask the recipient before sending it again."
    return Uncertain(message, code="NOTIFY_OUTCOME_UNKNOWN", hint=hint, details=details)
