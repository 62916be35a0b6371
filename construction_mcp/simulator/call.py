"""One request on its way through a route: who asks, about what, with which words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from construction_mcp.simulator.answers import Answer, Refused, missing, not_found
from construction_mcp.simulator.instants import stamp
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.world import World


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did something: the user, and the app that carried it."""

    user_id: int
    client_id: str
    is_service_account: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """A change that hooks may want to hear of (FACTS 8)."""

    resource_name: str
    event_type: str
    resource_id: int
    company_id: int
    project_id: int | None
    actor: Actor
    related: tuple[tuple[int, str], ...] = ()


@dataclass(slots=True)
class Call:
    """The request after every gate. `query` keeps repeated parameters in order."""

    world: World
    actor: Actor
    method: str
    path: str
    base_url: str
    params: Mapping[str, str]
    query: Mapping[str, list[str]]
    body: Any
    company_id: int | None = None
    events: list[Event] = field(default_factory=list)

    @property
    def version(self) -> int:
        return 2 if self.path.startswith("/rest/v2") else 1

    @property
    def user(self) -> Record:
        return self.world.get("user", 0, self.actor.user_id)

    @property
    def now(self) -> str:
        return stamp(self.world.clock.now())

    @property
    def project(self) -> Record:
        """The project named in path, query or body, if this caller may see it.

        Raises:
            Refused: 400 when none is named, 404 when it is not one of this company's that the caller is on.
        """
        project_id = self.whole("project_id")
        if project_id is None:
            raise missing("project_id")
        return self.visible_project(project_id)

    def visible_project(self, project_id: int) -> Record:
        found = self.world.find("project", self.company_id or 0, project_id)
        if found is None or self.actor.user_id not in (found["member_ids"] or ()):
            raise not_found("Project", project_id)
        return found

    def text(self, name: str) -> str | None:
        """The last value of a query parameter."""
        values = self.query.get(name)
        return values[-1] if values else None

    def whole(self, name: str) -> int | None:
        """A whole number from path, query or body, in that order.

        Raises:
            Refused: 400, it is there and not a whole number.
        """
        raw = self.params.get(name) or self.text(name)
        if raw is None and isinstance(self.body, dict):
            raw = self.body.get(name)
        if raw is None or raw == "":
            return None
        if not str(raw).isascii() or not str(raw).isdigit():
            raise Refused(400, f"{name} must be an integer", field_name=name)
        return int(raw)

    def id_in_path(self, name: str = "id") -> int:
        found = self.whole(name)
        assert found is not None
        return found

    def flag(self, name: str) -> bool:
        return (self.text(name) or "").lower() in ("true", "1")

    def wrapped(self, wrapper: str) -> dict[str, Any]:
        """The attributes under their wrapper key; {} when it may be absent, 400 when it is not an object."""
        inner = self.body.get(wrapper) if isinstance(self.body, dict) else None
        if not isinstance(inner, dict):
            raise missing(wrapper)
        return inner

    def find(self, kind: str, scope: int, record_id: int, *, deleted: bool = False) -> Record:
        """A live record of that scope, or 404."""
        record = self.world.find(kind, scope, record_id)
        if record is None or (record.is_deleted and not deleted):
            raise not_found(kind.replace("_", " ").capitalize(), record_id)
        return record

    def tell(self, resource_name: str | None, event_type: str, record: Record, **related: Any) -> None:
        """Queue an event for hooks; kinds that Procore has no events for pass None."""
        if resource_name is None:
            return
        company_id = self.world.company_of(record)
        project_id = record.scope if record.scope != company_id else None
        if record.kind == "project":
            project_id = record.id
        self.events.append(Event(resource_name, event_type, record.id, company_id, project_id, self.actor, **related))


Handler = Callable[[Call], Answer]
