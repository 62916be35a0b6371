"""Webhook payloads of every version, made one shape. Ids become ints here and nowhere else.

Procore signs nothing and repeats itself: the event is a hint with an id to tell repetitions by; the record is fetched
with our own token before anything is decided.
Source: Procore "Webhooks" and its payload formats: v2.0, v3.0 (adds related resources), v4.0 (string ids, no metadata).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from construction_mcp.core.errors import Invalid
from construction_mcp.procore.paths import kind_named
from construction_mcp.procore.responses import number_or_none

_NAME_CHARS_MAX = 100

_PAST = {"created": "create", "updated": "update", "deleted": "delete"}


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened in Procore.

    `id` is the same for every delivery of the event; `event_type` is create, update, delete or, in v4, another reason
    in lower case; `application_id` tells our own changes where the payload has it.
    """

    id: str
    resource_name: str
    event_type: str
    resource_id: int | str | None
    company_id: int | None
    project_id: int | None
    user_id: int | None
    at: datetime | None
    payload_version: str
    application_id: int | str | None = None

    @property
    def kind(self) -> str:
        """The kind of record in the words of its path (`rfis`, `daily_logs`)."""
        name = re.sub(r"[^a-z0-9]+", "_", self.resource_name.lower()).strip("_")
        return kind_named(name)

    @property
    def tags(self) -> frozenset[str]:
        """The cached reads this event makes stale."""
        if self.kind == "projects" or self.project_id is None:
            return frozenset({f"company:{self.company_id}:{self.kind}"})
        return frozenset({f"project:{self.project_id}:{self.kind}"})


def read_event(body: Any) -> Event:
    """The event of a delivery's parsed JSON.

    Raises:
        Invalid: it names no event, no resource or no type.
    """
    if not isinstance(body, Mapping):
        raise Invalid("The delivery is not an object.")
    name = _text(body.get("resource_name")) or _text(body.get("resource_type"))
    kind, dot, past = name.partition(".")  # newer names carry their type: "Document Upload.Created"
    reason = _text(body.get("event_type")) or _text(body.get("reason")) or (past if dot else "")
    event_id = _text(body.get("ulid")) or _id_text(body.get("id"))
    if not (name and reason and event_id):
        raise Invalid("The delivery has no event id, resource or type.")
    metadata = body.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    return Event(
        id=event_id,
        resource_name=kind,
        event_type=_PAST.get(reason.lower(), reason.lower()),
        resource_id=_id(body.get("resource_id")),
        company_id=_number(body, metadata, "company_id"),
        project_id=_number(body, metadata, "project_id"),
        user_id=_number(body, metadata, "user_id"),
        at=_moment(body.get("timestamp")),
        payload_version=_version(body),
        application_id=_id(metadata.get("source_application_id")),
    )


def _number(body: Mapping[str, Any], metadata: Mapping[str, Any], key: str) -> int | None:
    number = number_or_none(body.get(key))
    return number if number is not None else number_or_none(metadata.get(f"source_{key}"))


def _id(value: Any) -> int | str | None:
    """An int where it is one; some records of v2 have ULIDs."""
    number = number_or_none(value)
    return number if number is not None else (_text(value) or None)


def _id_text(value: Any) -> str:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(value)


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) and len(value) <= _NAME_CHARS_MAX else ""


def _version(body: Mapping[str, Any]) -> str:
    stated = _text(body.get("payload_version")) or _text(body.get("api_version"))
    return stated or ("v4.0" if "resource_type" in body else "v2.0")


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(_text(value))
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
