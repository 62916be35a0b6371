"""One well-formed request for every tier-1 operation, made of the sample's own ids."""

from dataclasses import dataclass, field
from typing import Any

import httpx

from construction_mcp.simulator.areas.daily_log_types import LOG_TYPES
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.world import World
from tests.simulator.conftest import first_company, first_project
from tests.simulator.procore_pack import Operation, record_of

# what `{id}` and its kin stand for, by the segment before them
_KINDS = {
    "rfis": "rfi", "submittals": "submittal", "submittal_approvers": "submittal_approver",
    "manpower_logs": "manpower_log", "folders": "folder", "files": "file", "images": "image", "tasks": "schedule_task",
    "task_items": "task_item", "punch_items": "punch_item", "lists": "checklist", "incidents": "incident",
    "meetings": "meeting", "meeting_topics": "meeting_topic", "drawing_areas": "drawing_area",
    "drawing_revisions": "drawing_revision", "change_events": "change_event",
    "change_order_packages": "change_order_package", "potential_change_orders": "potential_change_order",
    "commitment_change_orders": "commitment_change_order", "prime_change_orders": "prime_change_order",
    "coordination_issues": "coordination_issue", "budget_views": "budget_view", "hooks": "hook",
    "triggers": "hook_trigger", "commitment_contracts": "commitment_contract", "prime_contracts": "prime_contract",
    "generic_tool_items": "generic_tool_item",
}  # fmt: skip
_GLOBAL = ("hook", "hook_trigger")
_BOTH_LISTS = {"/observations/items/": "observation", "/checklist/items/": "checklist_item"}


@dataclass
class Example:
    """A request; `headers` replaces the signed-in ones when it is not None."""

    method: str
    path: str
    query: dict[str, Any] = field(default_factory=dict)
    body: Any = None
    headers: dict[str, str] | None = None


async def example_of(operation: Operation, world: World, http: httpx.AsyncClient) -> Example:
    """Prepares what the operation needs (a hook, an upload) and fills its path, query and body."""
    needs = Needs(world, http)
    if operation.path.startswith("/oauth"):
        return await needs.oauth(operation)
    if "webhooks/hooks/" in operation.path:
        await needs.hook(operation.path)
    path = await needs.fill(operation.path)
    query = needs.query(operation)
    body = await needs.body(operation) if operation.method in ("POST", "PATCH") else None
    return Example(operation.method, path, query, body)


class Needs:
    def __init__(self, world: World, http: httpx.AsyncClient) -> None:
        self.world = world
        self.http = http
        self.company = first_company(world)
        self.project = first_project(world)
        self.row = world.get("project", self.company, self.project)

    def one(self, kind: str) -> Record:
        rows = self.world.table(kind, 0 if kind in _GLOBAL else self.project)
        return next(row for row in rows if kind != "rfi" or row["status"] == "open")

    async def fill(self, template: str) -> str:
        """The path with ids of the sample; `{uuid}` is an upload whose only segment was sent."""
        segments: list[str] = []
        for segment in template.split("/"):
            if not segment.startswith("{"):
                segments.append(segment)
            else:
                segments.append(await self._value(segment[1:-1], "/".join(segments) + "/"))
        return "/".join(segments)

    async def _value(self, name: str, before: str) -> str:
        if name == "uuid":
            return await self.upload(segmented=True)
        fixed = {
            "schedule_id": f"schedule-{self.project}",
            "generic_tool_id": str(self.one("generic_tool_item")["generic_tool_id"]),
        }
        owners = {"projects": str(self.project), "companies": str(self.company)}
        owner = before.strip("/").rpartition("/")[2]
        if name in fixed or owner in owners:
            return fixed.get(name) or owners[owner]
        kind = next((kind for ending, kind in _BOTH_LISTS.items() if before.endswith(ending)), None)
        return str(self.one(kind or _KINDS[owner]).id)

    def query(self, operation: Operation) -> dict[str, Any]:
        """The required parameters; a v1 hook belongs to a company or a project, here a project."""
        values = {
            "project_id": self.project,
            "company_id": self.company,
            "payload_version": "v2.0",
            "specification_section_division_id": 3,
            "contract_id": self.one("potential_change_order")["contract_id"],
            "submittal_id": self.one("submittal_approver").parent,
        }
        required = [
            each["name"]
            for each in record_of(operation).get("parameters", [])
            if each.get("in") == "query" and each.get("required")
        ]
        if operation.path.startswith("/rest/v1.0/webhooks"):
            required = ["project_id"] if operation.method in ("GET", "DELETE") else []
        if operation.method == "GET" and any(operation.path.endswith(f"/{log.name}s") for log in LOG_TYPES):
            return {"start_date": "2025-09-01", "end_date": "2026-03-02"}  # without dates it would be today's only
        if operation.path == "/rest/v1.0/budget_views":
            required = ["project_id"]  # not marked, yet nothing could be listed without
        return {name: values[name] for name in required}

    async def upload(self, *, segmented: bool = False) -> str:
        """An upload that arrived at storage."""
        digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"  # sha256 of b"x"
        body: dict[str, Any] = {"response_filename": "photo.jpg"}
        if segmented:
            body["segments"] = [{"size": 1, "sha256": digest}]
        made = (await self.http.post(f"/rest/v1.1/projects/{self.project}/uploads", json=body)).json()
        async with httpx.AsyncClient(transport=self.http._transport) as storage:
            if segmented:
                answer = await storage.put(made["segments"][0]["url"], content=b"x")
                self.etag = answer.headers["etag"]
            else:
                await storage.post(made["url"], data=made["fields"], files={"file": ("photo.jpg", b"x")})
        return str(made["uuid"])

    async def hook(self, path: str) -> None:
        """A hook with a trigger, made through the API version under test."""
        destination = {"namespace": "contract-test", "destination_url": "http://localhost:9/sink"}
        trigger = {"resource_name": "RFIs", "event_type": "create"}
        if "/v2.0/" in path:
            base = f"/rest/v2.0/companies/{self.company}/projects/{self.project}/webhooks/hooks"
            hook = (await self.http.post(base, json={**destination, "payload_version": "v2.0"})).json()["data"]
            await self.http.post(f"{base}/{hook['id']}/triggers", json=trigger)
        else:
            base = "/rest/v1.0/webhooks/hooks"
            body = {"project_id": self.project, "hook": {**destination, "api_version": "v2"}}
            hook = (await self.http.post(base, json=body)).json()
            body = {"project_id": self.project, "api_version": "v2", "trigger": trigger}
            await self.http.post(f"{base}/{hook['id']}/triggers", json=body)

    async def body(self, operation: Operation) -> Any:
        """The whole body, wrapper and all."""
        tail = operation.path.rpartition("/projects/")[2].partition("/")[2] or operation.path
        for log in LOG_TYPES:
            if f"{log.name}s" in operation.path:
                return {log.name: self._log(log.name, log.required)}
        resource = [each for each in tail.split("/") if not each.startswith("{")][-1]
        made: Any = await self._bodies()[resource]()
        return made

    def _log(self, name: str, required: tuple[str, ...]) -> dict[str, Any]:
        sent: dict[str, Any] = {"date": self.world.today(self.row).isoformat()}
        for each in required:
            ids = {"vendor_id": "vendor", "trade_id": "trade"}
            if each in ids:
                sent[each] = next(iter(self.world.table(ids[each], self.company))).id
            elif each != "date":
                sent[each] = 9
        if name == "manpower_log":
            sent |= {"num_workers": 4, "num_hours": "8.0"}
        return sent

    def _bodies(self) -> dict[str, Any]:
        user = self.row["member_ids"][1]
        company_lists = {
            kind: next(iter(self.world.table(kind, self.company))).id
            for kind in ("observation_type", "change_event_status", "change_event_type")
        }
        text = "Made by the contract test"
        rfi = {"subject": text, "question": {"body": text}, "rfi_manager_id": user, "assignee_ids": [user]}
        response = self.one("submittal_response").id
        meeting_times = {"starts_at": "2026-03-04T15:00:00Z", "ends_at": "2026-03-04T16:00:00Z"}
        change_event = {"title": text, "scope": "tbd", "status": {"id": company_lists["change_event_status"]}}
        observation = {"name": text, "type_id": company_lists["observation_type"], "priority": "High"}
        project = {"project_id": self.project}
        topic = {"meeting_id": self.one("meeting").id, "meeting_topic": {"title": text, "status": "Open"}}
        order = {"contract_id": self.one("prime_contract").id, "change_order": {"title": text}}
        trigger = {"resource_name": "Submittals", "event_type": "update"}
        hook = {"namespace": "contract-test", "destination_url": "http://localhost:9/sink"}
        v1_hook = {**project, "hook": {**hook, "api_version": "v2"}}
        v2_hook = {**hook, "payload_version": "v4.0"}
        template = self.one("checklist_template").id

        def fixed(body: Any) -> Any:
            async def give() -> Any:
                return body

            return give

        async def file() -> Any:
            return {"file": {"name": "new.jpg", "upload_uuid": await self.upload()}}

        async def image() -> Any:
            return {"image_name": "new.jpg", "image": {"description": text}, "upload_uuid": await self.upload()}

        async def segments() -> Any:
            if not hasattr(self, "etag"):
                return {"response_filename": "plan.pdf"}
            return {"segments": [{"size": 1, "sha256": "2d71", "etag": self.etag}]}

        return {
            "rfis": fixed({"rfi": rfi}),
            "replies": fixed({"reply": {"body": text, "official": True}}),
            "advance_ball_in_court": fixed({}),
            "submittals": fixed({"submittal": {"number": "900", "title": text}}),
            "submittal_approvers": fixed({"submittal_approver": {"submittal_response_id": response}}),
            "daily_log_headers": fixed({"daily_log_header": {"completed": True, "distributed": False}}),
            "files": file,
            "uploads": segments,
            "images": image,
            "task_items": fixed({"task_item": {"title": text, "assigned_id": user}}),
            "punch_items": fixed({**project, "punch_item": {"name": text, "login_information_ids": [user]}}),
            "items": fixed({**project, "observation": observation}),
            "response_logs": fixed({**project, "response_log": {"comment": text}, "status": "closed"}),
            "lists": fixed({"list_template_id": template, "list": {"inspection_date": "2026-03-02"}}),
            "item_response": fixed({"item_response": {"status": "yes"}}),
            "incidents": fixed({"incident": {"title": text, "event_date": "2026-03-01T08:00:00Z"}}),
            "meetings": fixed({**project, "meeting": {"position": 9, "title": text, **meeting_times}}),
            "meeting_topics": fixed(topic),
            "change_events": fixed({"change_event": change_event}),
            "potential_change_orders": fixed({**project, **order}),
            "coordination_issues": fixed({**project, "coordination_issue": {"title": text}}),
            "generic_tool_items": fixed({"generic_tool_item": {"title": text, "status": "Open"}}),
            "generic_tool_item_responses": fixed({"generic_tool_item_response": {"notes": text}}),
            "hooks": fixed({**v1_hook, **v2_hook}),
            "triggers": fixed({**project, "api_version": "v2", "trigger": trigger, **trigger}),
            "bulk": fixed([trigger]),
        }

    async def oauth(self, operation: Operation) -> Example:
        app = self.world.app
        pair = {"client_id": app.client_id, "client_secret": app.client_secret}
        token = self.http.headers["authorization"].partition(" ")[2]
        query, body = {}, None
        if operation.path.endswith("authorize"):
            query = {"response_type": "code", "client_id": app.client_id, "redirect_uri": app.redirect_uris[-1]}
        elif operation.path.endswith("token"):
            body = {"grant_type": "client_credentials", **pair}
        elif operation.path.endswith("revoke"):
            body = {"token": token, **pair}
        return Example(operation.method, operation.path, query, body)
