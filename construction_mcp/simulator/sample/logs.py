"""Two months of daily logs of every type: working days up to yesterday, and what is in so far today."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from construction_mcp.simulator.sample.plot import Maker, Plot, Row

Body = Callable[[Plot], dict[str, Any]]


def _days(plot: Plot) -> Iterator[int]:
    """Offsets of the last working days, oldest first; 0 is today."""
    found: list[int] = []
    offset = 0
    while len(found) <= plot.scale.log_days:
        if (plot.today + timedelta(days=offset)).weekday() < 5:
            found.append(offset)
        offset -= 1
    return reversed(found)


def _daily(most: int, body: Body, *, chance: float = 1.0, today: bool = True) -> Maker:
    """Up to `most` entries on a day, on `chance` of the days."""

    def maker(plot: Plot) -> Iterator[Row]:
        position = 0
        for offset in _days(plot):
            if (offset == 0 and not today) or not plot.maybe(chance):
                continue
            for _ in range(plot.between(1, most)):
                position += 1
                made_at = offset + (0 if offset == 0 else 0.3)
                yield {**_shared(plot, offset, position), **body(plot), **plot.stamps(min(made_at, 0))}, None

    return maker


def _shared(plot: Plot, offset: int, position: int) -> dict[str, Any]:
    outside = plot.maybe(0.15) and plot.trade_people
    return {
        "date": plot.days(offset),
        "position": position,
        "created_by_id": plot.pick(plot.trade_people if outside else plot.employees),
        "status": "pending" if outside and offset > -3 else "approved",
        "vendor_id": plot.pick(plot.subcontractors).id,
        "location_id": plot.pick(plot.ids("location")) if plot.maybe(0.7) else None,
    }


def _at(plot: Plot) -> dict[str, Any]:
    return {"time_hour": plot.between(7, 15), "time_minute": plot.pick((0, 15, 30, 45))}


def _span(plot: Plot, begin: str = "start") -> dict[str, Any]:
    start = plot.between(7, 13)
    return {f"{begin}_hour": start, f"{begin}_minute": 0, "end_hour": start + 1, "end_minute": 30}


def manpower(plot: Plot) -> dict[str, Any]:
    vendor = plot.pick(plot.subcontractors)
    return {
        "vendor_id": vendor.id,
        "num_workers": plot.between(2, 14),
        "num_hours": f"{plot.pick((8, 8, 8, 10, 4)):.1f}",
        "notes": plot.pick(("Framing Level 2", "Rough-in", "Drywall hanging", "Site concrete", "Punch work")),
        "trade_id": vendor["trade_ids"][0],
        "cost_code_id": plot.pick(plot.ids("cost_code")),
    }


def weather(plot: Plot) -> dict[str, Any]:
    wet = plot.maybe(0.2)
    return {
        "sky": "Rain" if wet else plot.pick(("Clear", "Cloudy", "Overcast")),
        "ground": "Wet/Muddy" if wet else "Dry",
        "temperature": plot.pick(("Cold", "Mild", "Hot")),
        "wind": plot.pick(("Calm", "Light Wind", "High Wind")),
        "precipitation": "0.4" if wet else "0.0",
        "average": str(plot.between(35, 80)),
        "comments": "Exterior work stopped at noon." if wet else "",
        "is_weather_delay": "1" if wet else "0",
    }


def delay(plot: Plot) -> dict[str, Any]:
    return {
        "delay_type": plot.pick(("Weather", "Material", "Labor", "Inspection")),
        "comments": plot.pick(("Late delivery of door frames.", "Rain.", "Inspector rescheduled.")),
        "start_time_hour": 8,
        "start_time_minute": 0,
        "end_time_hour": 10,
        "end_time_minute": 30,
        "end_time": "10:30",
    }


def delivery(plot: Plot) -> dict[str, Any]:
    contents = plot.pick(("Metal studs", "Door frames", "Roof insulation", "Switchgear", "Ceiling grid"))
    return {"contents": contents, "delivery_from": "Regional yard", "tracking_number": "", "comments": "", **_at(plot)}


def report(plot: Plot) -> dict[str, Any]:
    return {
        "notes": "Crew as planned.",
        "trade_id": plot.pick(plot.ids("trade", in_company=True)),
        "journeyman_hours": f"{8 * plot.between(1, 6):.1f}",
        "foreman_hours": "8.0",
        "apprentice_hours": f"{8 * plot.between(0, 3):.1f}",
        "other_hours": "0.0",
        "number_of_journeyman_workers": plot.between(1, 6),
        "number_of_foreman_workers": 1,
        "number_of_apprentice_workers": plot.between(0, 3),
        "number_of_other_workers": 0,
    }


def notes(plot: Plot) -> dict[str, Any]:
    comments = (
        "Walked the site with the architect.",
        "Hoist down for two hours.",
        "Inspector approved in-wall rough-in, Level 1.",
        "Crane path changed; flaggers posted.",
    )
    return {"comment": plot.pick(comments), "is_issue_day": plot.maybe(0.1)}


def equipment(plot: Plot) -> dict[str, Any]:
    return {
        "equipment_name": plot.pick(("Scissor lift", "Telehandler", "Excavator", "Hoist")),
        "hours_operating": f"{plot.between(1, 8):.1f}",
        "hours_idle": f"{plot.between(0, 3):.1f}",
        "inspected": True,
        "inspection_hour": 7,
        "inspection_minute": 0,
        "notes": "",
        "cost_code_id": plot.pick(plot.ids("cost_code")),
    }


def inspection(plot: Plot) -> dict[str, Any]:
    return {
        "area": plot.pick(("Level 1", "Level 2", "Roof")),
        "inspecting_entity": "City Building Department",
        "inspection_type": plot.pick(("Framing", "Electrical Rough", "Fire Alarm")),
        "inspector_name": "R. Alvarado",
        "comments": plot.pick(("Passed.", "Passed with one correction.", "Not ready, rescheduled.")),
        **_span(plot),
    }


def call(plot: Plot) -> dict[str, Any]:
    return {
        "subject_from": "Superintendent",
        "subject_to": "Utility coordinator",
        "description": "Shutdown window for permanent power.",
        **_span(plot),
    }


def quantity(plot: Plot) -> dict[str, Any]:
    return {
        "description": "Concrete placed",
        "quantity": plot.between(10, 80),
        "unit": "CY",
        "cost_code_id": plot.pick(plot.ids("cost_code")),
    }


def productivity(plot: Plot) -> dict[str, Any]:
    return {
        "line_item_id": plot.between(1, 40),
        "line_item_description": "Drywall, Level 2",
        "company": "Drywall subcontractor",
        "contract": "SC-07",
        "notes": "",
        "quantity_delivered": f"{plot.between(50, 300):.1f}",
        "quantity_used": f"{plot.between(20, 200):.1f}",
        "previously_delivered": "600.0",
        "previously_used": "410.0",
    }


def safety(plot: Plot) -> dict[str, Any]:
    return {
        "subject": plot.pick(("No eye protection", "Unsecured ladder", "Open floor edge")),
        "safety_notice": str(plot.between(100, 900)),
        "issued_to": "Foreman on site",
        "comments": "Corrected on the spot.",
        "compliance_due": plot.days(plot.between(-40, 3)),
        **_at(plot),
    }


def visitor(plot: Plot) -> dict[str, Any]:
    subject = plot.pick(("Owner walk", "Architect site visit", "Supplier meeting"))
    return {"subject": subject, "details": "Signed in, escorted.", **_span(plot, "begin")}


def waste(plot: Plot) -> dict[str, Any]:
    return {
        "material": plot.pick(("Drywall", "Wood", "Metal", "Concrete")),
        "description": "",
        "approximate_quantity": plot.between(1, 6),
        "disposal_location": "County transfer station",
        "method_of_disposal": plot.pick(("Recycled", "Landfill")),
        **_at(plot),
    }


def work(plot: Plot) -> dict[str, Any]:
    return {
        "resource_name": "Layout crew",
        "comments": "Grid lines on Level 3.",
        "workers": plot.between(1, 4),
        "hours": float(plot.between(2, 8)),
        "hourly_rate": 64.5,
        "showed": True,
        "reimbursable": False,
    }


def accident(plot: Plot) -> dict[str, Any]:
    return {"comments": "First aid only.", "involved_name": "On file", "involved_company": "Subcontractor", **_at(plot)}


def dumpster(plot: Plot) -> dict[str, Any]:
    return {"comments": "", "quantity_delivered": plot.between(0, 1), "quantity_removed": plot.between(0, 2)}


def plan_revision(plot: Plot) -> dict[str, Any]:
    return {
        "plan_number": f"A1{plot.between(10, 40)}",
        "revision": str(plot.between(1, 5)),
        "title": "Floor plan",
        "category": "Architectural",
        "comments": "Posted on site.",
    }


def headers(plot: Plot) -> Iterator[Row]:
    for offset in _days(plot):
        done = offset < -1
        author = plot.pick(plot.employees)
        yield (
            {
                "log_date": plot.days(offset),
                "completed": done,
                "completed_at": plot.moment(offset + 0.4) if done else None,
                "completed_by_id": author if done else None,
                "completable": True,
                "distributed": done and offset < -2,
                "distributed_at": plot.moment(offset + 0.45) if done and offset < -2 else None,
                "distributed_by_id": author if done and offset < -2 else None,
                "distributable": True,
                **plot.stamps(min(offset + 0.2, 0)),
            },
            None,
        )


MAKERS: dict[str, Maker] = {
    "daily_log_header": headers,
    "manpower_log": _daily(5, manpower),
    "weather_log": _daily(1, weather),
    "notes_log": _daily(2, notes),
    "delivery_log": _daily(2, delivery, chance=0.6),
    "equipment_log": _daily(2, equipment, chance=0.7),
    "inspection_log": _daily(1, inspection, chance=0.3),
    "visitor_log": _daily(1, visitor, chance=0.4),
    "daily_construction_report_log": _daily(2, report),
    "delay_log": _daily(1, delay, chance=0.12),
    "call_log": _daily(1, call, chance=0.25),
    "quantity_log": _daily(1, quantity, chance=0.3),
    "productivity_log": _daily(1, productivity, chance=0.3),
    "safety_violation_log": _daily(1, safety, chance=0.1),
    "waste_log": _daily(1, waste, chance=0.2),
    "work_log": _daily(1, work, chance=0.3),
    "accident_log": _daily(1, accident, chance=0.05, today=False),
    "dumpster_log": _daily(1, dumpster, chance=0.15),
    "plan_revision_log": _daily(1, plan_revision, chance=0.1),
}
