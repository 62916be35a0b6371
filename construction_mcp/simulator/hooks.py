"""Hooks and their triggers, as both API versions see them (FACTS 8): checks, matching and payloads."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from construction_mcp.simulator.answers import Refused, invalid, missing, not_found
from construction_mcp.simulator.call import Call, Event
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.resource_names import HOOK_RESOURCES
from construction_mcp.simulator.ulids import new_ulid
from construction_mcp.simulator.world import World

EVENT_TYPES = ("create", "update", "delete")
PAYLOAD_VERSIONS = ("v2.0", "v3.0", "v4.0")
_NAMESPACE = re.compile(r"[a-z0-9-]+")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def owner_of(call: Call) -> tuple[int, int | None]:
    """The company and, for a project's hook, the project: named in path, query or body, one or the other in v1."""
    if call.whole("project_id") is not None:
        return call.company_id or 0, call.project.id
    named = call.whole("company_id")
    if named is None:
        raise missing("company_id or project_id")
    if named != call.company_id:
        raise not_found("Company", named)
    return named, None


def hooks_of(call: Call) -> list[Record]:
    """This app's hooks on that company or project."""
    company_id, project_id = owner_of(call)
    return [
        hook
        for hook in call.world.table("hook", 0)
        if (hook["company_id"], hook["project_id"], hook["client_id"]) == (company_id, project_id, call.actor.client_id)
    ]


def hook_in_path(call: Call, name: str) -> Record:
    found = next((hook for hook in hooks_of(call) if hook.id == call.whole(name)), None)
    if found is None:
        raise not_found("Webhook", call.params[name])
    return found


def check_destination(url: Any) -> str:
    """HTTPS, as Procore asks; plain HTTP only to this machine, so that nobody needs a tunnel to try the simulator."""
    parts = urlsplit(str(url or ""))
    local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.hostname or (parts.scheme != "https" and not local):
        raise invalid("destination_url", "must be a public HTTPS address")
    return str(url)


def check_namespace(namespace: Any) -> str:
    if not namespace:
        raise missing("namespace")
    if not _NAMESPACE.fullmatch(str(namespace)):
        raise invalid("namespace", "may hold a-z, 0-9 and - only")
    return str(namespace)


def check_version(world: World, version: Any, *, of_v1: bool) -> str:
    """The payload version; v1's `api_version` is v2 in the docs and v2.0 in payloads (FACTS 13.3)."""
    accepted = world.switches.hook_api_version
    words = {"both": ("v2", "v2.0"), "v2": ("v2",), "v2.0": ("v2.0",)}[accepted]
    known = (*PAYLOAD_VERSIONS[1:], *words) if of_v1 else PAYLOAD_VERSIONS
    if version not in known:
        raise invalid("api_version" if of_v1 else "payload_version", f"must be one of {', '.join(known)}")
    return str(version)


def check_headers(headers: Any) -> dict[str, str]:
    """Only `Authorization`, a static value, is documented (FACTS 8.1)."""
    return (
        {"Authorization": str(headers["Authorization"])}
        if isinstance(headers, dict) and headers.get("Authorization")
        else {}
    )


def masked(headers: dict[str, str] | None) -> dict[str, str]:
    """Shown down to the last five characters."""
    return {name: "*" * max(0, len(value) - 5) + value[-5:] for name, value in (headers or {}).items()}


def add_trigger(call: Call, hook: Record, sent: Any) -> Record:
    """A trigger on `hook`.

    Raises:
        Refused: 400 a part is missing; 422 no such resource or it offers no such event; 409 already there.
    """
    given = sent if isinstance(sent, dict) else {}
    for name in ("resource_name", "event_type"):
        if not given.get(name):
            raise missing(name)
    resource = HOOK_RESOURCES.get(str(given["resource_name"]))
    if resource is None:
        raise invalid("resource_name", f"{given['resource_name']} is not a webhook resource")
    if hook["project_id"] is None and not resource.of_company and call.world.switches.company_hooks_hear == "company":
        raise invalid("resource_name", f"{resource.name} belongs to projects")
    event_type = str(given["event_type"]).lower()
    if event_type not in resource.events:
        raise invalid("event_type", f"{resource.name} offers {', '.join(resource.events)}")
    for trigger in triggers_of(call.world, hook):
        if (trigger["resource_name"], trigger["event_type"]) == (resource.name, event_type):
            raise Refused(409, "The trigger exists already.", field_name="resource_name")
    body = {"resource_name": resource.name, "event_type": event_type, "user_id": call.actor.user_id}
    return call.world.add("hook_trigger", 0, body, parent=hook.id)


def triggers_of(world: World, hook: Record) -> list[Record]:
    return world.table("hook_trigger", 0).children(hook.id)


def drop_hook(world: World, hook: Record) -> None:
    """The hook, its triggers and whatever waited to be sent."""
    for kind in ("hook_trigger", "hook_event"):
        for child in world.table(kind, 0).children(hook.id):
            world.drop(child)
    world.drop(hook)


def listeners(world: World, event: Event) -> Iterator[Record]:
    """The enabled hooks that hear of this event."""
    for hook in world.table("hook", 0):
        if hook["status"] != "active" or not _in_reach(world, hook, event):
            continue
        heard = ((each["resource_name"], each["event_type"]) for each in triggers_of(world, hook))
        if (event.resource_name, event.event_type) in heard:
            yield hook


def _in_reach(world: World, hook: Record, event: Event) -> bool:
    if hook["company_id"] != event.company_id:
        return False
    if hook["project_id"] is not None:
        return bool(hook["project_id"] == event.project_id)
    resource = HOOK_RESOURCES.get(event.resource_name)
    return world.switches.company_hooks_hear == "everything" or (resource is not None and resource.of_company)


def payload_of(world: World, event: Event, version: str, event_id: int) -> dict[str, Any]:
    """The delivered body; v4.0 has strings for ids and no metadata (FACTS 8.4)."""
    moment = world.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if version == "v4.0":
        return {
            "id": new_ulid(world),
            "timestamp": moment,
            "reason": event.event_type,
            "company_id": str(event.company_id),
            "project_id": None if event.project_id is None else str(event.project_id),
            "user_id": str(event.actor.user_id),
            "resource_type": event.resource_name,
            "resource_id": str(event.resource_id),
        }
    payload = {
        "id": event_id,
        "ulid": new_ulid(world),
        "timestamp": moment,
        "metadata": {
            "source_user_id": event.actor.user_id,
            "source_project_id": event.project_id,
            "source_operation_id": None,
            "source_company_id": event.company_id,
            "source_application_id": event.actor.client_id,
        },
        "user_id": event.actor.user_id,
        "company_id": event.company_id,
        "project_id": event.project_id,
        "api_version": "v3.0" if version == "v3.0" else "v2.0",
        "event_type": event.event_type,
        "resource_name": event.resource_name,
        "resource_id": event.resource_id,
    }
    if version == "v3.0":
        payload["related_resources"] = [{"id": each, "name": name} for each, name in event.related]
    return payload
