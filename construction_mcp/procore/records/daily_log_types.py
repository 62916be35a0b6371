"""The types of daily log entries: what each one shows, takes and demands. One table, used for reading and writing.

Source: endpoints `.../{type}_logs` (GET, POST); the required fields are those the records mark. Hours and quantities
come as strings and are shown as numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["text", "whole", "number", "flag", "day", "clock"]
"""How a caller writes a value. A `clock` is `HH:MM`; Procore takes it as `<name>_hour` and `<name>_minute`."""

LogType = Literal[
    "accident", "call", "daily_construction_report", "delay", "delivery", "dumpster", "equipment", "inspection",
    "manpower", "notes", "plan_revision", "productivity", "quantity", "safety_violation", "visitor", "waste", "weather",
    "work",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Type:
    """One type. `fields` are what a caller may send; `also_shown` what only comes back."""

    fields: Mapping[str, Kind]
    required: tuple[str, ...] = ()
    also_shown: tuple[str, ...] = ()
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    has_status: bool = False  # entries of outside people wait as `pending`, and lists leave those out
    path: str = "/rest/v1.0/projects/{project_id}/{name}_logs"


SHARED: Mapping[str, Kind] = {"vendor_id": "whole", "location_id": "whole"}

_SKY = ("Clear", "Cloudy", "Overcast", "Fog", "Mist", "Rain", "Snow", "Ice/Sleet/Hail", "Smoke")
_GROUND = (
    "Dry", "Wet/Muddy", "Flooded", "Snow", "Frozen", "-----", "High Tide", "Low Tide", "Heavy Surf/Swell",
)  # fmt: skip
_CALAMITY = ("Earthquake", "Fire", "Flash Flood", "Hurricane", "Landslide", "Snow", "Tornado", "Other")
_CREW_HOURS = (
    "apprentice_hours", "first_year_hours", "foreman_hours", "journeyman_hours", "local_city_hours",
    "local_county_hours", "minority_hours", "other_hours", "veteran_hours", "women_hours",
)  # fmt: skip
_CREW_COUNTS = (
    "number_of_apprentice_workers", "number_of_foreman_workers", "number_of_journeyman_workers",
    "number_of_other_workers",
)  # fmt: skip


def _texts(*names: str) -> dict[str, Kind]:
    return dict.fromkeys(names, "text")


TYPES: Mapping[LogType, Type] = {
    "accident": Type(
        {**_texts("comments", "involved_company", "involved_name"), "time": "clock"}, required=("time",)
    ),
    "call": Type({**_texts("description", "subject_from", "subject_to"), "start": "clock", "end": "clock"}),
    "daily_construction_report": Type(
        {
            "notes": "text",
            "trade_id": "whole",
            **dict.fromkeys(_CREW_HOURS, "number"),
            **dict.fromkeys(_CREW_COUNTS, "whole"),
        },
        required=("vendor_id", "trade_id"),
        also_shown=("trade",),
        has_status=True,
    ),
    "delay": Type(
        {**_texts("comments", "delay_type"), "start_time": "clock", "end_time": "clock"},
        also_shown=("duration",),
        has_status=True,
    ),
    "delivery": Type(
        {**_texts("comments", "contents", "delivery_from", "tracking_number"), "time": "clock"},
        required=("time",),
        has_status=True,
    ),
    "dumpster": Type({"comments": "text", "quantity_delivered": "whole", "quantity_removed": "whole"}),
    "equipment": Type(
        {
            **_texts("notes", "equipment_name"),
            "hours_idle": "number",
            "hours_operating": "number",
            "inspected": "flag",
            "inspection": "clock",
            "cost_code_id": "whole",
        },
        also_shown=("equipment", "cost_code"),
    ),
    "inspection": Type(
        {
            **_texts("area", "comments", "inspecting_entity", "inspection_type", "inspector_name"),
            "start": "clock",
            "end": "clock",
        },
        required=("start", "end"),
    ),
    "manpower": Type(
        {
            "notes": "text",
            "num_workers": "whole",
            "num_hours": "number",
            "contact_id": "whole",
            "user_id": "whole",
            "cost_code_id": "whole",
            "trade_id": "whole",
        },
        also_shown=("man_hours", "user", "trade", "cost_code"),
        has_status=True,
    ),
    "notes": Type({"comment": "text", "is_issue_day": "flag"}, has_status=True),
    "plan_revision": Type(_texts("category", "comments", "plan_number", "revision", "title")),
    "productivity": Type(
        {
            **_texts("company", "contract", "notes"),
            "line_item_id": "whole",
            "quantity_delivered": "number",
            "quantity_used": "number",
        },
        required=("line_item_id",),
        also_shown=("line_item_description", "previously_delivered", "previously_used"),
    ),
    "quantity": Type(
        {**_texts("description", "unit"), "quantity": "whole", "cost_code_id": "whole"}, also_shown=("cost_code",)
    ),
    "safety_violation": Type(
        {**_texts("comments", "issued_to", "safety_notice", "subject"), "compliance_due": "day", "time": "clock"},
        required=("time",),
    ),
    "visitor": Type(
        {**_texts("details", "subject"), "begin": "clock", "end": "clock"}, required=("begin", "end"), has_status=True
    ),
    "waste": Type(
        {
            **_texts("description", "disposal_location", "material", "method_of_disposal"),
            "approximate_quantity": "whole",
            "time": "clock",
        },
        required=("time",),
    ),
    "weather": Type(
        {**_texts("average", "precipitation", "comments", "sky", "ground", "temperature", "wind", "calamity"),
         "is_weather_delay": "flag"},
        choices={
            "sky": _SKY,
            "ground": _GROUND,
            "temperature": ("Very Hot", "Hot", "Mild", "Cold", "Very Cold"),
            "wind": ("Calm", "Light Wind", "High Wind"),
            "calamity": _CALAMITY,
        },
        has_status=True,
        path="/rest/v1.1/projects/{project_id}/daily_logs/{name}_logs",
    ),
    "work": Type(
        {
            **_texts("comments", "resource_name"),
            "hourly_rate": "number",
            "hours": "number",
            "workers": "whole",
            "reimbursable": "flag",
            "showed": "flag",
        }
    ),
}  # fmt: skip


def path_of(log_type: LogType, project_id: int) -> str:
    """Where entries of a type are listed and posted."""
    return TYPES[log_type].path.format(project_id=project_id, name=log_type)
