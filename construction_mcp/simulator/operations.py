"""The five things most operations do, made from a record type, a view and a few words about what is particular."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from construction_mcp.simulator.answers import Answer, Refused, missing
from construction_mcp.simulator.call import Call, Handler
from construction_mcp.simulator.fields import Fields, read_fields
from construction_mcp.simulator.filters import Filter, keep, sort, with_deleted
from construction_mcp.simulator.paging import V1_PAGES, V2_PAGES, PageSize, cut_page
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.shape import View, render

Scope = Callable[[Call], int]
Before = Callable[[Call, dict[str, Any]], dict[str, Any]]
After = Callable[[Call, Record], Record]


def in_project(call: Call) -> int:
    return call.project.id


def in_company(call: Call) -> int:
    assert call.company_id is not None
    return call.company_id


@dataclass(frozen=True, slots=True)
class RecordType:
    """What can be written: `wrapper` is the body's key, `required` the keys a create must bring.

    `fill` completes a new record (number, status, defaults), `revise` reacts to an update before it is stored;
    `hook_name` is the resource name hooks know it by (FACTS 8.7), None where Procore sends no events.
    """

    kind: str
    wrapper: str
    fields: Fields
    hook_name: str | None = None
    required: tuple[str, ...] = ()
    fill: Before = lambda _call, changes: changes
    revise: Callable[[Call, Record, dict[str, Any]], dict[str, Any]] = field(
        default=lambda _call, _record, changes: changes
    )
    scope: Scope = in_project
    configured: tuple[str, ...] = ()  # what the company's field set demands, when a write asks to honour it


def _honours_field_sets(call: Call) -> bool:
    """`run_configurable_validations`, in the query (records) or in the body (tutorial): FACTS 5 and 13.6."""
    accepted = call.world.switches.run_validations_in
    in_body = isinstance(call.body, dict) and str(call.body.get("run_configurable_validations")).lower() == "true"
    return (accepted != "body" and call.flag("run_configurable_validations")) or (accepted != "query" and in_body)


def listing(
    kind: str,
    view: View,
    *,
    filters: Mapping[str, Filter] | None = None,
    sort_keys: Mapping[str, str] | None = None,
    default_sort: str = "id",
    pages: PageSize | None = None,
    paged: bool = True,
    scope: Scope = in_project,
    rows: Callable[[Call, Iterable[Record]], Iterable[Record]] | None = None,
    views: Mapping[str, View] | None = None,
) -> Handler:
    """A list. `rows` narrows before filters; `views` are the other field sets `view=` may choose; REST v2 wraps."""

    def handle(call: Call) -> Answer:
        records: Iterable[Record] = with_deleted(call, call.world.table(kind, scope(call)))
        if rows:
            records = rows(call, records)
        kept = sort(call, keep(call, records, filters or {}), sort_keys or {}, default_sort)
        headers: dict[str, str] = {}
        shown: Iterable[Record] = kept
        if paged:
            size = pages or (V2_PAGES if call.version == 2 else V1_PAGES)
            shown, headers = cut_page(call, kept, size)
        chosen = (views or {}).get(call.text("view") or call.text("serializer_view") or "", view)
        body: Any = [_ids_or(call, record, chosen) for record in shown]
        return Answer(200, {"data": body} if call.version == 2 else body, headers)

    return handle


IDS_ONLY: View = {}


def _ids_or(call: Call, record: Record, view: View) -> Any:
    """`view=ids_only` answers bare ids (FACTS 5)."""
    return record.id if view is IDS_ONLY else render(call.world, record, view)


def showing(kind: str, view: View, *, scope: Scope = in_project, id_name: str = "id") -> Handler:
    def handle(call: Call) -> Answer:
        record = call.find(kind, scope(call), call.id_in_path(id_name), deleted=call.flag("include_deleted"))
        return shown(call, record, view)

    return handle


def shown(call: Call, record: Record, view: View, status: int = 200) -> Answer:
    body = render(call.world, record, view)
    return Answer(status, {"data": body} if call.version == 2 else body)


def creating(kind: RecordType, view: View, *, status: int = 201, after: After | None = None) -> Handler:
    def handle(call: Call) -> Answer:
        record = create(call, kind, call.wrapped(kind.wrapper))
        if after:
            record = after(call, record)
        return shown(call, record, view, status)

    return handle


def create(call: Call, kind: RecordType, sent: Mapping[str, Any], *, parent: int | None = None) -> Record:
    """Check, complete, store and announce one new record."""
    scope = kind.scope(call)
    for name in kind.required:
        if sent.get(name) in (None, "", []):
            raise missing(f"{kind.wrapper}.{name}")
    if _honours_field_sets(call):
        blank = {name: ["can't be blank"] for name in kind.configured if sent.get(name) in (None, "", [])}
        if blank:
            raise Refused(422, "The configured field set asks for more.", errors=blank)
    body = kind.fill(call, {"created_by_id": call.actor.user_id, **read_fields(call, sent, kind.fields)})
    record = call.world.add(kind.kind, scope, body, parent=parent)
    call.tell(kind.hook_name, "create", record)
    return record


def updating(kind: RecordType, view: View, *, id_name: str = "id", after: After | None = None) -> Handler:
    def handle(call: Call) -> Answer:
        record = call.find(kind.kind, kind.scope(call), call.id_in_path(id_name))
        record = update(call, kind, record, call.wrapped(kind.wrapper))
        if after:
            record = after(call, record)
        return shown(call, record, view)

    return handle


def update(call: Call, kind: RecordType, record: Record, sent: Mapping[str, Any]) -> Record:
    changes = kind.revise(call, record, read_fields(call, sent, kind.fields))
    changed = call.world.change(record, changes)
    call.tell(kind.hook_name, "update", changed)
    return changed


def deleting(kind: RecordType, *, status: int = 200) -> Handler:
    """Deleting marks: lists leave it out, `include_deleted` still shows it."""

    def handle(call: Call) -> Answer:
        record = call.find(kind.kind, kind.scope(call), call.id_in_path())
        call.world.change(record, {"deleted_at": call.now})
        call.tell(kind.hook_name, "delete", record)
        return Answer(status)

    return handle


def next_number(call: Call, kind: str, scope: int, field_name: str = "number") -> int:
    """One more than the highest number in use."""
    used = (str(record[field_name] or "") for record in call.world.table(kind, scope))
    return max((int(number) for number in used if number.isdigit()), default=0) + 1
