"""`/_sim`: how tests and people steer the simulator; only from this machine (PRODUCT.md section 8)."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from construction_mcp.simulator.answers import Answer
from construction_mcp.simulator.call import Actor, Event
from construction_mcp.simulator.hooks import EVENT_TYPES, PAYLOAD_VERSIONS
from construction_mcp.simulator.instants import stamp
from construction_mcp.simulator.resource_names import HOOK_RESOURCES
from construction_mcp.simulator.sample.company import sign_in_user_id

if TYPE_CHECKING:
    from construction_mcp.simulator.app import Simulator

EMIT_FIELDS = {"resource_name", "event_type", "resource_id", "project_id", "copies", "payload_version"}


class BadControl(Exception):
    """A control request that makes no sense; the message says why."""


class Control:
    def __init__(self, simulator: "Simulator") -> None:
        self._sim = simulator

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Answer:
        """All answers are JSON: 200, 400 for a request that makes no sense, 404 for another path."""
        handlers: dict[tuple[str, str], Callable[[], dict[str, Any]]] = {
            ("GET", "/_sim/ledger"): lambda: self._ledger(query),
            ("POST", "/_sim/faults"): lambda: self._faults(body),
            ("POST", "/_sim/advance"): lambda: self._advance(body),
            ("POST", "/_sim/emit"): lambda: self._emit(body),
            ("GET", "/_sim/state"): self._state,
            ("POST", "/_sim/reset"): lambda: self._reset(body),
            ("POST", "/_sim/switches"): lambda: self._switches(body),
        }
        handler = handlers.get((method, path))
        if handler is None:
            return Answer(404, {"error": f"There is no {method} {path}."})
        try:
            return Answer(200, handler())
        except (BadControl, ValueError) as why:
            return Answer(400, {"error": str(why)})

    def _ledger(self, query: Mapping[str, str]) -> dict[str, Any]:
        since = query.get("since", "0")
        if not since.isdigit():
            raise BadControl("since is a whole number")
        return {"entries": self._sim.ledger.since(int(since))}

    def _faults(self, body: Any) -> dict[str, Any]:
        self._sim.faults.append(body)
        return {"faults": self._sim.faults.public()}

    def _advance(self, body: Any) -> dict[str, Any]:
        seconds = body.get("seconds") if isinstance(body, dict) else None
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
            raise BadControl("seconds is a number, zero or more")
        self._sim.world.advance(seconds)
        return {"now": stamp(self._sim.world.clock.now()), "offset_s": self._sim.world.clock.offset_s}

    def _emit(self, body: Any) -> dict[str, Any]:
        """An event that no request caused; counts the deliveries it makes."""
        if not isinstance(body, dict) or set(body) - EMIT_FIELDS:
            raise BadControl(f"emit takes {', '.join(sorted(EMIT_FIELDS))}")
        if body.get("resource_name") not in HOOK_RESOURCES:
            raise BadControl("resource_name is not a webhook resource")
        if body.get("event_type") not in EVENT_TYPES:
            raise BadControl(f"event_type is one of {', '.join(EVENT_TYPES)}")
        project = self._sim.world.project(body.get("project_id"))
        if project is None or not isinstance(body.get("resource_id"), int):
            raise BadControl("project_id and resource_id are the ids of an existing project and a record")
        version, copies = body.get("payload_version"), body.get("copies", 1)
        if version is not None and version not in PAYLOAD_VERSIONS:
            raise BadControl(f"payload_version is one of {', '.join(PAYLOAD_VERSIONS)}")
        if not isinstance(copies, int) or copies < 1:
            raise BadControl("copies is 1 or more")
        actor = Actor(sign_in_user_id(), self._sim.world.app.client_id)
        resource, kind = body["resource_name"], body["event_type"]
        event = Event(resource, kind, body["resource_id"], project.scope, project.id, actor)
        queued = self._sim.dispatcher.offer([event], copies=copies, payload_version=version)
        return {"deliveries": queued}

    def _state(self) -> dict[str, Any]:
        world = self._sim.world
        hooks = world.table("hook_event", 0)
        return {
            "now": stamp(world.clock.now()),
            "offset_s": world.clock.offset_s,
            "seed": world.seed,
            "scale": world.scale,
            "switches": world.switches.public(),
            "rate_windows": self._sim.limits.public(),
            "faults": self._sim.faults.public(),
            "ledger_entries": len(self._sim.ledger),
            "hooks": len(world.table("hook", 0)),
            "deliveries": _count(event["status"] for event in hooks),
            "companies": [
                {"id": each.id, "name": each["name"], "app_installed": each["app_installed"]}
                for each in world.table("company", 0)
            ],
            "projects": [
                {"id": project.id, "company_id": company.id, "name": project["name"], "active": project["active"]}
                for company in world.table("company", 0)
                for project in world.table("project", company.id)
            ],
        }

    def _reset(self, body: Any) -> dict[str, Any]:
        seed = body.get("seed") if isinstance(body, dict) else None
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
            raise BadControl("seed is a whole number")
        self._sim.reset(seed)
        return {"seed": self._sim.world.seed, "now": stamp(self._sim.world.clock.now())}

    def _switches(self, body: Any) -> dict[str, Any]:
        if not isinstance(body, dict):
            raise BadControl("switches are an object of names and positions")
        self._sim.world.switches = self._sim.world.switches.with_changes(body)
        return {"switches": self._sim.world.switches.public()}


def _count(values: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return counts
