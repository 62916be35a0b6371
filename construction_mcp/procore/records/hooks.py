"""Procore's webhooks API, REST v2.0: flat bodies, ids as text. Source: FACTS 8.3.

Payload version v2.0, since v4.0 leaves out which application caused an event, and with it our own changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from construction_mcp.core.errors import Invalid
from construction_mcp.core.nearest import nearest
from construction_mcp.procore.access import Procore
from construction_mcp.procore.records.fields import text
from construction_mcp.procore.responses import number_or_none

EventType = Literal["create", "update", "delete"]

NAMESPACE = "construction-mcp"  # one per application in all companies (FACTS 8.1)
_PAYLOAD_VERSION = "v2.0"


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose events: one project's, or a company's own."""

    company_id: int
    project_id: int | None

    @property
    def path(self) -> str:
        """Where the scope's webhooks lie."""
        project = "" if self.project_id is None else f"/projects/{self.project_id}"
        return f"/rest/v2.0/companies/{self.company_id}{project}/webhooks"


@dataclass(frozen=True, slots=True)
class Upstream:
    """A hook as Procore keeps it."""

    id: str
    status: str | None
    namespace: str | None
    destination_url: str | None
    trigger_count: int | None


@dataclass(frozen=True, slots=True)
class Trigger:
    """One kind of event a hook hears."""

    resource_name: str
    event_type: EventType


def scope_of(procore: Procore, project_id: int | None) -> Scope:
    """The project's scope, or that of the connection's company.

    Raises:
        Invalid: PROCORE_COMPANY_REQUIRED.
    """
    company_id = procore.connection.company_id
    if company_id is None:
        raise Invalid("Which company is not known yet.", code="PROCORE_COMPANY_REQUIRED")
    return Scope(company_id, project_id)


async def read_hooks(procore: Procore, scope: Scope) -> list[Upstream]:
    """The application's hooks in the scope."""
    listing = await procore.list(f"{scope.path}/hooks", company=scope.company_id)
    return [_upstream(row) for row in listing.items if isinstance(row, Mapping)]


async def read_triggers(
    procore: Procore, scope: Scope, resources: Sequence[str], events: Sequence[EventType]
) -> list[Trigger]:
    """What to hear so that `resources` are heard of, as far as each offers the events. One request, kept.

    Raises:
        Invalid: Procore tells nothing of one of them here.
    """
    query = {"payload_version": _PAYLOAD_VERSION}
    listing = await procore.list(f"{scope.path}/resources", query, company=scope.company_id, ttl_s=_kept_s(procore))
    offered = {
        name.lower(): (name, [str(one).lower() for one in row.get("actions") or []])
        for row in listing.items
        if isinstance(row, Mapping) and (name := text(row.get("name")))
    }
    triggers = []
    for asked in dict.fromkeys(resources):
        if asked.lower() not in offered:
            near = nearest(asked, [name for name, _ in offered.values()])
            raise Invalid(f"Procore sends no events of {asked[:100]!r} here.", details={"nearest": near})
        name, actions = offered[asked.lower()]
        triggers += [Trigger(name, event) for event in dict.fromkeys(events) if event in actions]
    if not triggers:
        raise Invalid("None of these resources offers the events asked for.", details={"field": "events"})
    return triggers


async def create_hook(procore: Procore, scope: Scope, url: str, secret: str) -> str:
    """Procore's id of the new hook. Raises: as `Procore.write`."""
    body = {
        "payload_version": _PAYLOAD_VERSION,
        "namespace": NAMESPACE,
        "destination_url": url,
        "destination_headers": _headers(secret),
    }
    return _upstream(await procore.write("POST", f"{scope.path}/hooks", body, company=scope.company_id)).id


async def add_triggers(procore: Procore, scope: Scope, procore_id: str, triggers: Sequence[Trigger]) -> None:
    """All of them in one request. Raises: as `Procore.write`."""
    body = [{"resource_name": one.resource_name, "event_type": one.event_type} for one in triggers]
    path = f"{scope.path}/hooks/{procore_id}/triggers/bulk"
    await procore.write("POST", path, body, company=scope.company_id)


async def change_secret(procore: Procore, scope: Scope, procore_id: str, secret: str) -> None:
    """From now on Procore sends this one. Raises: as `Procore.write`."""
    path, body = f"{scope.path}/hooks/{procore_id}", {"destination_headers": _headers(secret)}
    await procore.write("PATCH", path, body, company=scope.company_id)


async def delete_hook(procore: Procore, scope: Scope, procore_id: str) -> None:
    """The hook and its triggers. Raises: as `Procore.write`."""
    await procore.write("DELETE", f"{scope.path}/hooks/{procore_id}", company=scope.company_id)


def _headers(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def _kept_s(procore: Procore) -> float:
    return procore.limits.record_cache_s


def _upstream(raw: Mapping[str, Any]) -> Upstream:
    hook_id = raw.get("id")
    return Upstream(
        id=str(hook_id) if hook_id is not None else "",
        status=text(raw.get("status")),
        namespace=text(raw.get("namespace")),
        destination_url=text(raw.get("destination_url")),
        trigger_count=number_or_none(raw.get("trigger_count")),
    )
