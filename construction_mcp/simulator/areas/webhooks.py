"""Webhooks through REST v1.0 (FACTS 8.2)."""

from typing import Any

from construction_mcp.simulator import hooks
from construction_mcp.simulator.answers import Answer, Refused, not_found
from construction_mcp.simulator.call import Call
from construction_mcp.simulator.filters import values_of
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.resource_names import HOOK_RESOURCES
from construction_mcp.simulator.routing import Route
from construction_mcp.simulator.world import World

BULK_MAX = 500


def _hook(hook: Record) -> dict[str, Any]:
    return {
        "id": hook.id,
        "api_version": hook["api_version"],
        "namespace": hook["namespace"],
        "destination_url": hook["destination_url"],
        "destination_headers": hooks.masked(hook["destination_headers"]),
        "owned_by_company_id": None if hook["project_id"] else hook["company_id"],
        "owned_by_project_id": hook["project_id"],
        "owned_by_user_id": hook["user_id"],
    }


def _trigger(world: World, hook: Record, trigger: Record) -> dict[str, Any]:
    event_type = trigger["event_type"]
    return {
        "id": trigger.id,
        "webhook_hook_id": hook.id,
        "resource_name": trigger["resource_name"],
        "resource_id": None,
        "event_type": event_type.upper() if world.switches.trigger_event_case == "upper" else event_type,
        "company_id": None if hook["project_id"] else hook["company_id"],
        "project_id": hook["project_id"],
        "user_id": trigger["user_id"],
    }


def list_resources(call: Call) -> Answer:
    """`except` names the event types that are not offered."""
    hooks.owner_of(call)
    rows = [
        {
            "api_version": "v2",
            "product_category": each.category,
            "tools": each.category,
            "except": [event for event in hooks.EVENT_TYPES if event not in each.events],
            **{event: f"{each.name} {event}" for event in each.events},
        }
        for each in HOOK_RESOURCES.values()
    ]
    return Answer(200, rows)


def list_api_versions(call: Call) -> Answer:
    hooks.owner_of(call)
    return Answer(200, ["v2", "v3.0", "v4.0"])


def list_hooks(call: Call) -> Answer:
    wanted = {name: call.text(name) for name in ("namespace", "api_version")}
    rows = [each for each in hooks.hooks_of(call) if all(not v or each[name] == v for name, v in wanted.items())]
    return Answer(200, [_hook(each) for each in rows])


def create_hook(call: Call) -> Answer:
    company_id, project_id = hooks.owner_of(call)
    sent = call.wrapped("hook")
    version = hooks.check_version(call.world, sent.get("api_version"), of_v1=True)
    body = {
        "company_id": company_id,
        "project_id": project_id,
        "client_id": call.actor.client_id,
        "user_id": call.actor.user_id,
        "api_version": version,
        "payload_version": "v2.0" if version == "v2" else version,
        "namespace": hooks.check_namespace(sent.get("namespace")),
        "destination_url": hooks.check_destination(sent.get("destination_url")),
        "destination_headers": hooks.check_headers(sent.get("destination_headers")),
        "status": "active",
    }
    return Answer(201, _hook(call.world.add("hook", 0, body)))


def update_hook(call: Call) -> Answer:
    hook, sent = hooks.hook_in_path(call, "id"), call.wrapped("hook")
    changes: dict[str, Any] = {}
    if "api_version" in sent:
        version = hooks.check_version(call.world, sent["api_version"], of_v1=True)
        changes |= {"api_version": version, "payload_version": "v2.0" if version == "v2" else version}
    if "namespace" in sent:
        changes["namespace"] = hooks.check_namespace(sent["namespace"])
    if "destination_url" in sent:
        changes["destination_url"] = hooks.check_destination(sent["destination_url"])
    if "destination_headers" in sent:
        changes["destination_headers"] = hooks.check_headers(sent["destination_headers"])
    return Answer(200, _hook(call.world.change(hook, changes)))


def delete_hook(call: Call) -> Answer:
    hooks.drop_hook(call.world, hooks.hook_in_path(call, "id"))
    return Answer(200)


def list_triggers(call: Call) -> Answer:
    hook = hooks.hook_in_path(call, "hook_id")
    return Answer(200, [_trigger(call.world, hook, each) for each in hooks.triggers_of(call.world, hook)])


def create_trigger(call: Call) -> Answer:
    hook = hooks.hook_in_path(call, "hook_id")
    return Answer(201, _trigger(call.world, hook, hooks.add_trigger(call, hook, call.wrapped("trigger"))))


def delete_trigger(call: Call) -> Answer:
    hook = hooks.hook_in_path(call, "hook_id")
    found = next((each for each in hooks.triggers_of(call.world, hook) if each.id == call.whole("id")), None)
    if found is None:
        raise not_found("Trigger", call.params["id"])
    call.world.drop(found)
    return Answer(200)


def _bulk(call: Call) -> list[Any]:
    sent = call.body.get("triggers") if isinstance(call.body, dict) else None
    if not isinstance(sent, list):
        raise Refused(400, "triggers must be an array", field_name="triggers")
    if len(sent) > BULK_MAX:
        raise Refused(413, f"At most {BULK_MAX} triggers at once.")
    return sent


def create_triggers(call: Call) -> Answer:
    """200 when all were made, 207 when some were not."""
    hook = hooks.hook_in_path(call, "hook_id")
    made, refused = [], []
    for sent in _bulk(call):
        try:
            made.append(_trigger(call.world, hook, hooks.add_trigger(call, hook, sent)))
        except Refused as why:
            refused.append({**(sent if isinstance(sent, dict) else {}), "errors": why.message})
    return Answer(207 if refused else 200, {"success": made, **({"errors": refused} if refused else {})})


def delete_triggers(call: Call) -> Answer:
    hook = hooks.hook_in_path(call, "hook_id")
    known = {each.id: each for each in hooks.triggers_of(call.world, hook)}
    asked = _bulk(call)
    gone = [each for each in asked if each in known]
    for trigger_id in gone:
        call.world.drop(known[trigger_id])
    left = [{"id": each, "errors": "not found"} for each in asked if each not in known]
    return Answer(207 if left else 200, {"success": gone, **({"errors": left} if left else {})})


_STATUSES = {"successful": ("ok",), "failing": ("retried", "failed"), "discarded": ("discarded",)}


def list_deliveries(call: Call) -> Answer:
    """One row per attempt, newest last; `page_start` is the event id of the previous page's last row (FACTS 4)."""
    hook = hooks.hook_in_path(call, "hook_id")
    wanted = _STATUSES.get(asked_status(call) or "any")
    rows = [row for event in call.world.table("hook_event", 0).children(hook.id) for row in _attempts(event)]
    rows = [row for row in rows if wanted is None or row["outcome"] in wanted]
    start = call.whole("page_start")
    if start is not None:
        rows = [row for row in rows if row["event_id"] > start]
    return Answer(200, rows[: call.whole("page_size") or 100])


def asked_status(call: Call) -> str | None:
    """`filter[status]` in the docs, `filters[status]` in the record (FACTS 13.2)."""
    accepted = call.world.switches.deliveries_filter
    names = {"both": ("filter", "filters"), "filter": ("filter",), "filters": ("filters",)}[accepted]
    found = [value for name in names for value in values_of(call, f"{name}[status]")]
    return found[0] if found else None


def _attempts(event: Record) -> list[dict[str, Any]]:
    shared = {"event": event["payload"], "event_id": event.id}
    rows = [{**shared, **attempt} for attempt in event["attempts"]]
    if event["status"] == "discarded":
        rows.append({**shared, "outcome": "discarded", "started_at": event["updated_at"], "response_status": None})
    return rows


BASE = "/rest/v1.0/webhooks"
ROUTES = (
    Route("GET", BASE + "/resources", list_resources),
    Route("GET", BASE + "/resources/api_versions", list_api_versions),
    Route("GET", BASE + "/hooks", list_hooks),
    Route("POST", BASE + "/hooks", create_hook, "standard"),
    Route("PATCH", BASE + "/hooks/{id}", update_hook, "standard"),
    Route("DELETE", BASE + "/hooks/{id}", delete_hook, "standard"),
    Route("GET", BASE + "/hooks/{hook_id}/triggers", list_triggers),
    Route("POST", BASE + "/hooks/{hook_id}/triggers", create_trigger, "standard"),
    Route("DELETE", BASE + "/hooks/{hook_id}/triggers/{id}", delete_trigger, "standard"),
    Route("POST", BASE + "/hooks/{hook_id}/triggers/bulk", create_triggers, "standard"),
    Route("DELETE", BASE + "/hooks/{hook_id}/triggers/bulk", delete_triggers, "standard"),
    Route("GET", BASE + "/hooks/{hook_id}/deliveries", list_deliveries),
)
