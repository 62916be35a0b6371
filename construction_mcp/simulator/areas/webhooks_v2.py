"""Webhooks through REST v2.0, for a company and for a project (FACTS 8.3): flat bodies, string ids, `data`."""

from collections.abc import Sequence
from typing import Any

from construction_mcp.simulator import hooks
from construction_mcp.simulator.answers import Answer, Refused, missing, not_found
from construction_mcp.simulator.areas.webhooks import BULK_MAX, asked_status
from construction_mcp.simulator.call import Call
from construction_mcp.simulator.instants import parse_day, parse_instant
from construction_mcp.simulator.paging import V2_PAGES, cut_page
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.resource_names import HOOK_RESOURCES
from construction_mcp.simulator.routing import Route
from construction_mcp.simulator.world import World


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)


def _hook(world: World, hook: Record) -> dict[str, Any]:
    return {
        "id": str(hook.id),
        "status": hook["status"],
        "payload_version": hook["payload_version"],
        "namespace": hook["namespace"],
        "destination_headers": hooks.masked(hook["destination_headers"]),
        "destination_url": hook["destination_url"],
        "trigger_count": len(hooks.triggers_of(world, hook)),
        "company_id": str(hook["company_id"]),
        "project_id": _text(hook["project_id"]),
        "created_at": hook["created_at"],
        "updated_at": hook["updated_at"],
    }


def _trigger(hook: Record, trigger: Record) -> dict[str, Any]:
    return {
        "id": str(trigger.id),
        "webhook_hook_id": str(hook.id),
        "resource_name": trigger["resource_name"],
        "event_type": trigger["event_type"],
        "company_id": str(hook["company_id"]),
        "project_id": _text(hook["project_id"]),
    }


def _page(call: Call, rows: Sequence[Any]) -> Answer:
    shown, headers = cut_page(call, rows, V2_PAGES)
    return Answer(200, {"data": list(shown)}, headers)


def list_resources(call: Call) -> Answer:
    """Needs `payload_version`; a company's own resources, or a project's."""
    _, project_id = hooks.owner_of(call)
    version = call.text("payload_version")
    if version is None:
        raise missing("payload_version")
    hooks.check_version(call.world, version, of_v1=False)
    rows = [
        {
            "category": each.category,
            "tool": each.category,
            "name": each.name,
            "payload_version": version,
            "actions": list(each.events),
        }
        for each in HOOK_RESOURCES.values()
        if each.of_company == (project_id is None)
    ]
    return _page(call, rows)


def list_hooks(call: Call) -> Answer:
    wanted = {name: call.text(name) for name in ("namespace", "payload_version")}
    rows = [each for each in hooks.hooks_of(call) if all(not v or each[name] == v for name, v in wanted.items())]
    return _page(call, [_hook(call.world, each) for each in rows])


def _body(call: Call) -> dict[str, Any]:
    if not isinstance(call.body, dict):
        raise Refused(400, "The body must be an object.")
    return call.body


def create_hook(call: Call) -> Answer:
    company_id, project_id = hooks.owner_of(call)
    sent = _body(call)
    for name in ("payload_version", "namespace", "destination_url"):
        if not sent.get(name):
            raise missing(name)
    version = hooks.check_version(call.world, sent["payload_version"], of_v1=False)
    body = {
        "company_id": company_id,
        "project_id": project_id,
        "client_id": call.actor.client_id,
        "user_id": call.actor.user_id,
        "api_version": "v2" if version == "v2.0" else version,
        "payload_version": version,
        "namespace": hooks.check_namespace(sent["namespace"]),
        "destination_url": hooks.check_destination(sent["destination_url"]),
        "destination_headers": hooks.check_headers(sent.get("destination_headers")),
        "status": "active",
    }
    return Answer(201, {"data": _hook(call.world, call.world.add("hook", 0, body))})


def show_hook(call: Call) -> Answer:
    return Answer(200, {"data": _hook(call.world, hooks.hook_in_path(call, "id"))})


def update_hook(call: Call) -> Answer:
    """Any update enables a disabled hook again."""
    hook, sent = hooks.hook_in_path(call, "id"), _body(call)
    changes: dict[str, Any] = {"status": "active"}
    if sent.get("payload_version"):
        changes["payload_version"] = hooks.check_version(call.world, sent["payload_version"], of_v1=False)
    if sent.get("namespace"):
        changes["namespace"] = hooks.check_namespace(sent["namespace"])
    if sent.get("destination_url"):
        changes["destination_url"] = hooks.check_destination(sent["destination_url"])
    if "destination_headers" in sent:
        changes["destination_headers"] = hooks.check_headers(sent["destination_headers"])
    return Answer(200, {"data": _hook(call.world, call.world.change(hook, changes))})


def delete_hook(call: Call) -> Answer:
    hooks.drop_hook(call.world, hooks.hook_in_path(call, "id"))
    return Answer(204)


def list_triggers(call: Call) -> Answer:
    hook = hooks.hook_in_path(call, "hook_id")
    return _page(call, [_trigger(hook, each) for each in hooks.triggers_of(call.world, hook)])


def create_trigger(call: Call) -> Answer:
    hook = hooks.hook_in_path(call, "hook_id")
    return Answer(201, {"data": _trigger(hook, hooks.add_trigger(call, hook, _body(call)))})


def create_triggers(call: Call) -> Answer:
    """A bare array; 207 when some were refused."""
    hook, sent = hooks.hook_in_path(call, "hook_id"), call.body
    if not isinstance(sent, list):
        raise Refused(400, "The body must be an array.")
    if len(sent) > BULK_MAX:
        raise Refused(413, f"At most {BULK_MAX} triggers at once.")
    made, refused = [], []
    for each in sent:
        try:
            made.append(_trigger(hook, hooks.add_trigger(call, hook, each)))
        except Refused as why:
            refused.append({"item": each, "error": why.message})
    return Answer(207 if refused else 201, {"data": made, **({"errors": refused} if refused else {})})


def delete_trigger(call: Call) -> Answer:
    hook = hooks.hook_in_path(call, "hook_id")
    found = next((each for each in hooks.triggers_of(call.world, hook) if each.id == call.whole("id")), None)
    if found is None:
        raise not_found("Trigger", call.params["id"])
    call.world.drop(found)
    return Answer(204)


def list_deliveries(call: Call) -> Answer:
    """One row per event; a delivered one is asked for as `succeeded` (FACTS 13.5)."""
    hook = hooks.hook_in_path(call, "hook_id")
    events = [each for each in call.world.table("hook_event", 0).children(hook.id) if _is_asked(call, each)]
    return _page(call, [_delivery(call.world, each) for each in events])


def _is_asked(call: Call, event: Record) -> bool:
    status = asked_status(call)
    if status and event["status"] != {"succeeded": "delivered"}.get(status, status):
        return False
    for name in ("resource_name", "event_type"):
        wanted = call.text(f"filter[{name}]")
        if wanted and event[name] != wanted:
            return False
    day = parse_instant(event["created_at"])
    start, end = (parse_day(call.text(f"filter[{name}]") or "") for name in ("start", "end"))
    return day is not None and (not start or day.date() >= start) and (not end or day.date() <= end)


def _delivery(world: World, event: Record) -> dict[str, Any]:
    docs_word = event["status"] == "delivered" and world.switches.delivery_words == "docs"
    return {
        "id": str(event.id),
        "status": "succeeded" if docs_word else event["status"],
        "payload": event["payload"],
        "delivery_attempts": event["attempts"],
    }


_COMPANY = "/rest/v2.0/companies/{company_id}"
ROUTES = tuple(
    route
    for base in (f"{_COMPANY}/webhooks", f"{_COMPANY}/projects/{{project_id}}/webhooks")
    for route in (
        Route("GET", base + "/resources", list_resources),
        Route("GET", base + "/hooks", list_hooks),
        Route("POST", base + "/hooks", create_hook, "standard"),
        Route("GET", base + "/hooks/{id}", show_hook),
        Route("PATCH", base + "/hooks/{id}", update_hook, "standard"),
        Route("DELETE", base + "/hooks/{id}", delete_hook, "standard"),
        Route("GET", base + "/hooks/{hook_id}/triggers", list_triggers),
        Route("POST", base + "/hooks/{hook_id}/triggers", create_trigger, "standard"),
        Route("POST", base + "/hooks/{hook_id}/triggers/bulk", create_triggers, "standard"),
        Route("DELETE", base + "/hooks/{hook_id}/triggers/{id}", delete_trigger, "standard"),
        Route("GET", base + "/hooks/{hook_id}/deliveries", list_deliveries),
    )
)
