"""An event as Procore would post it, for trying a workflow out before anything has happened.

Source: FACTS 8.4, payload v4.0: the id is a ULID, every other id is text, and there is no metadata.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

_COMPANY = 4321  # where nobody has connected an account yet


def posted(event: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """The body of the delivery that tells of this event (`trigger.event` as expressions see it)."""
    return {
        "id": event["id"],
        "timestamp": at.isoformat(timespec="microseconds"),
        "reason": event["event_type"],
        "company_id": str(event["company_id"] or _COMPANY),
        "project_id": str(event["project_id"]),
        "user_id": str(event["user_id"]),
        "resource_type": event["resource_name"],
        "resource_id": str(event["resource_id"]),
        "payload_version": "v4.0",
    }
