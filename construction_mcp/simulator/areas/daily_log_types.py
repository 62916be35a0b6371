"""The eighteen kinds of daily log: what each takes, shows and demands (FACTS 10.3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from construction_mcp.simulator import shape
from construction_mcp.simulator.fields import (
    COST_CODE,
    TRADE,
    USER,
    Field,
    Fields,
    all_of,
    day,
    decimal_text,
    flag,
    instant,
    link,
    number,
    one_of,
    text,
    texts,
    whole,
)
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.shape import person
from construction_mcp.simulator.world import World

SKY = ("Clear", "Cloudy", "Overcast", "Fog", "Mist", "Rain", "Snow", "Ice/Sleet/Hail", "Smoke")
GROUND = ("Dry", "Wet/Muddy", "Flooded", "Snow", "Frozen", "-----", "High Tide", "Low Tide", "Heavy Surf/Swell")
TEMPERATURE = ("Very Hot", "Hot", "Mild", "Cold", "Very Cold")
WIND = ("Calm", "Light Wind", "High Wind")
CALAMITY = ("Earthquake", "Fire", "Flash Flood", "Landslide", "Tornado", "Hurricane", "Snow", "Other")


@dataclass(frozen=True, slots=True)
class LogType:
    """One kind of daily log: its own fields beside those all share."""

    name: str  # the path and wrapper: `<name>s` and `<name>`
    hook_name: str | None
    fields: Fields
    shown: str  # stored fields sent as they are
    views: Mapping[str, shape.Renderer]
    required: tuple[str, ...] = ()
    has_status: bool = False  # approved or pending
    web_attachments: bool = True  # FACTS 9.1 names those without
    left_out: str = "permissions"  # of what the types share, what this one does not show


_TIME = ("time_hour", "time_minute")
_SPAN = ("start_hour", "start_minute", "end_hour", "end_minute")
_VISIT = ("begin_hour", "begin_minute", "end_hour", "end_minute")
_CREW_HOURS = (
    "apprentice_hours first_year_hours foreman_hours journeyman_hours local_city_hours local_county_hours"
    " minority_hours other_hours veteran_hours women_hours"
)
_CREW_COUNTS = (
    "number_of_apprentice_workers number_of_foreman_workers number_of_journeyman_workers number_of_other_workers"
)


def _delay_minutes(_world: World, record: Record) -> int | None:
    start, end = record["start_time_hour"], record["end_time_hour"]
    if start is None or end is None:
        return None
    return int((end - start) * 60 + (record["end_time_minute"] or 0) - (record["start_time_minute"] or 0))


def _equipment(_world: World, record: Record) -> dict[str, Any] | None:
    name = record["equipment_name"]
    return name and {"id": record["equipment_id"] or 1, "project_id": record.scope, "position": 1, "name": name}


def _contact(world: World, record: Record) -> dict[str, Any] | None:
    """Manpower entries carry the company's contact card as well as the vendor."""
    found = shape.linked(world, record, "vendor_id", "vendor", in_company=True)
    if found is None:
        return None
    return {"id": found.id, "name": found["name"], "vendor_name": found["name"], "email": found["email_address"]}


def _man_hours(_world: World, record: Record) -> str:
    return f"{float(record['num_hours'] or 0) * int(record['num_workers'] or 0):.1f}"


LOG_TYPES = (
    LogType(
        "accident_log", "Accident Logs",
        texts("comments involved_company involved_name") | all_of(whole, " ".join(_TIME)),
        "comments involved_company involved_name time_hour time_minute", {}, required=_TIME,
        left_out="",
    ),
    LogType(
        "call_log", "Call Logs", texts("description subject_from subject_to") | all_of(whole, " ".join(_SPAN)),
        "description subject_from subject_to start_hour start_minute end_hour end_minute", {}, web_attachments=False,
        left_out="",
    ),
    LogType(
        "daily_construction_report_log", "Daily Construction Report Logs",
        {"notes": Field(text), "trade_id": TRADE} | all_of(decimal_text, _CREW_HOURS) | all_of(whole, _CREW_COUNTS),
        f"notes {_CREW_HOURS} {_CREW_COUNTS}", {"trade": shape.trade()},
        required=("vendor_id", "trade_id"), has_status=True, web_attachments=False,
        left_out="daily_log_segment_id",
    ),
    LogType(
        "delay_log", None, texts("comments delay_type start_time end_time")
        | all_of(number, "start_time_hour start_time_minute end_time_hour end_time_minute"),
        "comments delay_type end_time start_time_hour start_time_minute end_time_hour end_time_minute",
        {"duration": _delay_minutes}, has_status=True,
    ),
    LogType(
        "delivery_log", "Delivery Logs",
        texts("comments contents delivery_from tracking_number") | all_of(whole, " ".join(_TIME)),
        "comments contents delivery_from tracking_number time_hour time_minute", {}, required=_TIME, has_status=True,
    ),
    LogType(
        "dumpster_log", "Dumpster Logs",
        {"comments": Field(text)} | all_of(whole, "quantity_delivered quantity_removed"),
        "comments quantity_delivered quantity_removed", {}, web_attachments=False,
    ),
    LogType(
        "equipment_log", "Equipment Logs",
        texts("notes equipment_name") | all_of(decimal_text, "hours_idle hours_operating")
        | all_of(whole, "inspection_hour inspection_minute equipment_id")
        | {"inspected": Field(flag), "cost_code_id": COST_CODE},
        "notes hours_idle hours_operating inspected inspection_hour inspection_minute",
        {"cost_code": shape.named("cost_code_id", "cost_code"), "equipment": _equipment},
        left_out="daily_log_segment_id",
    ),
    LogType(
        "inspection_log", "Inspection Logs",
        texts("area comments inspecting_entity inspection_type inspector_name") | all_of(whole, " ".join(_SPAN)),
        "area comments inspecting_entity inspection_type inspector_name start_hour start_minute end_hour end_minute",
        {}, required=_SPAN,
    ),
    LogType(
        "manpower_log", "Manpower Logs",
        {
            "notes": Field(text), "num_workers": Field(whole), "num_hours": Field(decimal_text),
            "contact_id": Field(link("vendor", in_company=True), stored="vendor_id"), "user_id": USER,
            "cost_code_id": COST_CODE, "trade_id": TRADE,
        },
        "notes num_workers num_hours",
        {
            "man_hours": _man_hours, "user": person("user_id"), "contact": _contact, "trade": shape.trade(),
            "cost_code": shape.named("cost_code_id", "cost_code"), "custom_fields": shape.const({}),
        },
        has_status=True,
        left_out="permissions daily_log_segment_id",
    ),
    LogType(
        "notes_log", "Notes Logs", {"comment": Field(text), "is_issue_day": Field(flag)},
        "comment is_issue_day daily_log_header_id", {"created_by_collaborator": shape.const(False)}, has_status=True,
        left_out="",
    ),
    LogType(
        "plan_revision_log", "Plan Revision Logs", texts("category comments plan_number revision title"),
        "category comments plan_number revision title", {}, web_attachments=False,
        left_out="permissions created_at updated_at",
    ),
    LogType(
        "productivity_log", "Productivity Logs",
        texts("company contract notes") | all_of(decimal_text, "quantity_delivered quantity_used")
        | {"line_item_id": Field(whole)},
        "company contract notes line_item_id line_item_description previously_delivered previously_used"
        " quantity_delivered quantity_used", {}, required=("line_item_id",), web_attachments=False,
        left_out="permissions vendor",
    ),
    LogType(
        "quantity_log", "Quantity Logs",
        texts("description unit") | {"quantity": Field(whole), "cost_code_id": COST_CODE},
        "description unit quantity", {"cost_code": shape.named("cost_code_id", "cost_code")}, web_attachments=False,
    ),
    LogType(
        "safety_violation_log", "Safety Violation Logs",
        texts("comments issued_to safety_notice subject") | {"compliance_due": Field(day)}
        | all_of(whole, " ".join(_TIME)),
        "comments issued_to safety_notice subject compliance_due time_hour time_minute", {}, required=_TIME,
    ),
    LogType(
        "visitor_log", "Visitor Logs", texts("details subject") | all_of(whole, " ".join(_VISIT)),
        "details subject begin_hour begin_minute end_hour end_minute", {"custom_fields": shape.const({})},
        required=_VISIT, has_status=True, web_attachments=False,
        left_out="permissions daily_log_segment_id",
    ),
    LogType(
        "waste_log", "Waste Logs",
        texts("description disposal_location material method_of_disposal")
        | all_of(whole, "approximate_quantity time_hour time_minute"),
        "description disposal_location material method_of_disposal approximate_quantity time_hour time_minute",
        {"contact": shape.const(None)}, required=_TIME, web_attachments=False,
    ),
    LogType(
        "weather_log", "Weather Logs",
        texts("average precipitation comments")
        | {
            "sky": Field(one_of(*SKY)), "ground": Field(one_of(*GROUND)), "temperature": Field(one_of(*TEMPERATURE)),
            "wind": Field(one_of(*WIND)), "calamity": Field(one_of(*CALAMITY)), "is_weather_delay": Field(text),
            "time": Field(instant),
        },
        "average precipitation comments sky ground temperature wind calamity is_weather_delay time", {},
        required=("date",), has_status=True,
        left_out="permissions status",
    ),
    LogType(
        "work_log", "Work Logs",
        texts("comments resource_name") | all_of(number, "hourly_rate hours") | all_of(flag, "reimbursable showed")
        | {"workers": Field(whole)},
        "comments resource_name hourly_rate hours reimbursable showed workers", {"scheduled_tasks": shape.const([])},
    ),
)  # fmt: skip
