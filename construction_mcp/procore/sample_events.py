"""A delivery as Procore posts it, for trying a workflow out before anything has happened.

Source: FACTS 8.4, payload v4.0: the id is a ULID, every other id is text, and there is no metadata.
"""

from datetime import datetime
from typing import Any

from construction_mcp.procore.event_names import EVENTS

_ULID = "01JD3V8WQ4T9ZK6M2B7XH5RCPN"  # of no event that ever happened
_RECORD, _USER, _PROJECT, _COMPANY = 4210987, 88412, 1234567, 4321


def sample_delivery(
    resource_name: str, event_type: str | None, company_id: int | None, project_id: int | None, at: datetime
) -> dict[str, Any]:
    """The body of a delivery about a record that does not exist.

    event_type: one that the resource offers, its first one when None.
    """
    return {
        "id": _ULID,
        "timestamp": at.isoformat(timespec="microseconds"),
        "reason": event_type or EVENTS[resource_name][0],
        "company_id": str(company_id or _COMPANY),
        "project_id": str(project_id or _PROJECT),
        "user_id": str(_USER),
        "resource_type": resource_name,
        "resource_id": str(_RECORD),
        "payload_version": "v4.0",
    }
