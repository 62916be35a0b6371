"""What a create or update may send: every writable field, how it is checked and under which name it is kept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from construction_mcp.simulator.answers import Refused, invalid
from construction_mcp.simulator.call import Call
from construction_mcp.simulator.instants import parse_day, parse_instant, stamp
from construction_mcp.simulator.records import Record

Read = Callable[[Call, str, Any], Any]


@dataclass(frozen=True, slots=True)
class Field:
    """`read` checks and normalises what was sent; `stored` is its name inside when that differs."""

    read: Read
    stored: str | None = None


Fields = Mapping[str, Field]


def read_fields(call: Call, sent: Mapping[str, Any], fields: Fields) -> dict[str, Any]:
    """The stored form of what was sent. Unknown names are ignored, as Rails does; custom fields are kept as sent."""
    changes: dict[str, Any] = {}
    for name, value in sent.items():
        field = fields.get(name)
        if field is not None:
            changes[field.stored or name] = None if value is None else field.read(call, name, value)
        elif name.startswith("custom_field_"):
            changes.setdefault("custom_values", {})[name] = value
    return changes


def text(_call: Call, name: str, value: Any) -> str:
    if isinstance(value, dict | list):
        raise Refused(400, f"{name} must be a string", field_name=name)
    return str(value)


def whole(_call: Call, name: str, value: Any) -> int:
    if isinstance(value, bool) or not str(value).lstrip("-").isdigit():
        raise Refused(400, f"{name} must be an integer", field_name=name)
    return int(value)


def number(_call: Call, name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise Refused(400, f"{name} must be a number", field_name=name) from None


def decimal_text(call: Call, name: str, value: Any) -> str:
    """Hours: a number in, a string out (FACTS 10.3)."""
    return f"{number(call, name, value):.1f}"


def money(call: Call, name: str, value: Any) -> str:
    """Money goes out as a string with cents (FACTS 10.4)."""
    return f"{number(call, name, value):.2f}"


def flag(_call: Call, name: str, value: Any) -> bool:
    if str(value).lower() in ("true", "1"):
        return True
    if str(value).lower() in ("false", "0"):
        return False
    raise Refused(400, f"{name} must be true or false", field_name=name)


def day(call: Call, _name: str, value: Any) -> str | None:
    """A date; one the service cannot read is stored as null without an error (FACTS 6, silent failure)."""
    if call.world.switches.dates_need_time and "T" not in str(value):
        return None
    parsed = parse_day(str(value))
    return parsed.isoformat() if parsed else None


def instant(_call: Call, _name: str, value: Any) -> str | None:
    """A time; an unreadable one is stored as null, like a date."""
    parsed = parse_instant(str(value))
    return stamp(parsed) if parsed else None


def anything(_call: Call, _name: str, value: Any) -> Any:
    return value


def words(call: Call, name: str, value: Any) -> list[str]:
    if not isinstance(value, list):
        raise Refused(400, f"{name} must be an array", field_name=name)
    return [text(call, name, each) for each in value]


def one_of(*allowed: str) -> Read:
    def read(_call: Call, name: str, value: Any) -> str:
        if value not in allowed:
            raise Refused(400, f"{name} must be one of {', '.join(allowed)}", field_name=name)
        return str(value)

    return read


def link(kind: str, *, in_company: bool = False) -> Read:
    """The id of a record the caller's project (or company) has; 422 for one it has not."""

    def read(call: Call, name: str, value: Any) -> int:
        found = _linked(call, kind, whole(call, name, value), in_company=in_company)
        if found is None:
            raise invalid(name, "does not exist")
        return found.id

    return read


def links(kind: str, *, in_company: bool = False) -> Read:
    def read(call: Call, name: str, value: Any) -> list[int]:
        if not isinstance(value, list):
            raise Refused(400, f"{name} must be an array", field_name=name)
        one = link(kind, in_company=in_company)
        return [one(call, name, each) for each in value]

    return read


def _linked(call: Call, kind: str, record_id: int, *, in_company: bool) -> Record | None:
    if kind == "user":
        found = call.world.find("user", 0, record_id)
        project_id = call.whole("project_id")
        if found and project_id and project_id not in found["project_ids"]:
            return None
        return found
    scope = (call.company_id or 0) if in_company else call.project.id
    return call.world.find(kind, scope, record_id)


def texts(names: str) -> dict[str, Field]:
    """Several plain text fields."""
    return {name: Field(text) for name in names.split()}


def all_of(read: Read, names: str) -> dict[str, Field]:
    """Several fields of one type."""
    return {name: Field(read) for name in names.split()}


def uploads(call: Call, _name: str, value: Any) -> list[dict[str, str]]:
    """The attachments behind upload ids (FACTS 9.1, step 3): complete, the caller's own, and not a week old.

    Raises:
        Refused: 422 with UPLOAD_NOT_FOUND.
    """
    from construction_mcp.simulator.areas.uploads import take_uploads

    return take_uploads(call, [str(each) for each in (value if isinstance(value, list) else [value])])


USER = Field(link("user"))
USERS = Field(links("user"))
VENDOR = Field(link("vendor", in_company=True))
TRADE = Field(link("trade", in_company=True))
LOCATION = Field(link("location"))
COST_CODE = Field(link("cost_code"))
SPEC_SECTION = Field(link("specification_section"))
UPLOADS = Field(uploads, stored="attachments")
