"""The builder itself: companies, people, vendors, projects, places and codes."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from construction_mcp.simulator.kinds import first_id
from construction_mcp.simulator.sample import words
from construction_mcp.simulator.sample.plot import Maker, Plot, Row

ROLES = (  # (job title, level on project tools); the first ones are on every project
    ("Project Engineer", "admin"), ("Superintendent", "standard"), ("Project Manager", "admin"),
    ("Safety Manager", "standard"), ("Architect", "standard"), ("Structural Engineer", "standard"),
    ("Owner's Representative", "read"), ("Assistant Superintendent", "standard"), ("Project Executive", "admin"),
)  # fmt: skip
_EMPLOYEES = ("Project", "Superintendent", "Safety", "Assistant")
_CONSULTANTS = {"Architect": 2, "Structural Engineer": 3, "Owner's Representative": 4}  # vendor by number; 1 is us
FIRST_SUBCONTRACTOR = 5


def projects_of(company_index: int) -> int:
    """How many projects of a company are part of the sample."""
    return len(words.PROJECTS.get(company_index, ()))


def service_account_id() -> int:
    return first_id("user", 0) + 1


def sign_in_user_id() -> int:
    """The project engineer whom the authorize page offers first."""
    return first_id("user", 0) + 2


def project_ids(company_index: int) -> list[int]:
    return [first_id("project", company_index) + number for number in range(1, projects_of(company_index) + 1)]


def company_id(company_index: int) -> int:
    return first_id("company", 0) + company_index


def _people_of(plot: Plot, company_index: int) -> int:
    return plot.scale.users_per_company if company_index == 1 else max(9, plot.scale.users_per_company // 3)


def companies(plot: Plot) -> Iterator[Row]:
    for name, domain, installed in words.COMPANIES:
        yield (
            {
                "name": name,
                "domain": domain,
                "is_active": True,
                "logo_url": f"https://{domain}/logo.png",
                "pcn_business_experience": False,
                "my_company": True,
                "app_installed": installed,
                **plot.stamps(-900),
            },
            None,
        )


def users(plot: Plot) -> Iterator[Row]:
    """The service account, then all people of all companies, first the one who signs in; user ids are global."""
    yield _service_account(plot), None
    number = 1
    for index in range(1, len(words.COMPANIES) + 1):
        for place in range(_people_of(plot, index)):
            number += 1
            yield _user(plot, index, place, number), None


def _user(plot: Plot, company_index: int, place: int, number: int) -> dict[str, Any]:
    title, level = ROLES[place] if place < len(ROLES) else ("Foreman", "standard")
    first = words.FIRST_NAMES[number * 7 % len(words.FIRST_NAMES)]
    last = words.LAST_NAMES[number * 11 % len(words.LAST_NAMES)]
    employee = title.startswith(_EMPLOYEES)
    subcontractors = plot.scale.vendors_per_company - FIRST_SUBCONTRACTOR + 1
    vendor = 1 if employee else _CONSULTANTS.get(title, FIRST_SUBCONTRACTOR + place % subcontractors)
    domain = words.COMPANIES[company_index - 1][1] if employee else _domain(vendor)
    joined = [project for each, project in enumerate(project_ids(company_index)) if place < 9 or (place + each) % 3]
    companies_of = [company_id(company_index)]
    if number == 2:  # the person who signs in works for two companies, so that the company header matters
        companies_of.append(company_id(2))
        joined += project_ids(2)
    return {
        "first_name": first,
        "last_name": last,
        "name": f"{first} {last}",
        "initials": first[0] + last[0],
        "email_address": f"{first}.{last}{number}@{domain}".lower(),
        "job_title": title,
        "level": level,
        "is_employee": employee,
        "is_active": place % 29 != 28,
        "business_phone": f"555-01{number % 100:02d}",
        "mobile_phone": f"555-02{number % 100:02d}",
        "vendor_id": first_id("vendor", company_index) + vendor,
        "company_ids": companies_of,
        "project_ids": joined,
        **plot.stamps(-700 + number),
    }


def _service_account(plot: Plot) -> dict[str, Any]:
    """The directory user behind client-credentials tokens (FACTS 2.6)."""
    return {
        "first_name": "Automation",
        "last_name": "Service",
        "name": "Automation Service",
        "initials": "AS",
        "email_address": "automation@service-account.example",
        "job_title": "Service Account",
        "level": "admin",
        "is_employee": False,
        "is_active": True,
        "is_service_account": True,
        "vendor_id": None,
        "company_ids": [company_id(1), company_id(2)],
        "project_ids": [*project_ids(1), *project_ids(2)],
        **plot.stamps(-400),
    }


def vendors(plot: Plot) -> Iterator[Row]:
    own_name, domain, _ = words.COMPANIES[plot.index - 1]
    yield _vendor(plot, own_name, domain, ()), None
    trades = plot.ids("trade", in_company=True)
    for number in range(plot.scale.vendors_per_company - 1):
        stem = _stem(number)
        trade = number % len(words.TRADES)
        again = f" {number // len(words.TRADES) + 1}" if number >= len(words.TRADES) else ""
        name = f"{stem} {words.TRADES[trade]}{again}"
        yield _vendor(plot, name, _domain(number + 2), (trades[trade],)), None


def _stem(number: int) -> str:
    return words.VENDOR_STEMS[number % len(words.VENDOR_STEMS)]


def _domain(vendor_number: int) -> str:
    return f"{_stem(vendor_number - 2).lower()}{vendor_number - 2}.example"


def _vendor(plot: Plot, name: str, domain: str, trades: Sequence[int]) -> dict[str, Any]:
    return {
        "name": name,
        "abbreviated_name": "".join(word[0] for word in name.split())[:4],
        "email_address": f"office@{domain}",
        "website": f"https://{domain}",
        "business_phone": f"555-03{plot.between(10, 99)}",
        "address": f"{plot.between(100, 9900)} Foundry Road",
        "city": "Milwaukee",
        "state_code": "WI",
        "country_code": "US",
        "zip": "53202",
        "is_active": True,
        "authorized_bidder": True,
        "prequalified": plot.maybe(0.7),
        "trade_ids": list(trades),
        "project_ids": project_ids(plot.index),
        **plot.stamps(-800, -plot.between(1, 300)),
    }


def projects(plot: Plot) -> Iterator[Row]:
    members = [user for user in plot.users if user["project_ids"]]
    for place, row in enumerate(words.PROJECTS.get(plot.index, ())):
        name, number, city, state, zone, value, age, left, active = row
        own_id = project_ids(plot.index)[place]
        start, finish = plot.moment_at(-age), plot.moment_at(left)
        yield (
            {
                "name": name,
                "display_name": f"{number} - {name}",
                "project_number": number,
                "address": f"{100 * (place + 3)} Commerce Street",
                "city": city,
                "state_code": state,
                "country_code": "US",
                "zip": f"{53000 + place * 111}",
                "county": "",
                "latitude": 43.0 + place,
                "longitude": -87.9 - place,
                "time_zone": zone,
                "total_value": value,
                "estimated_value": value,
                "active": active,
                "flag": ("Green", "Yellow", "Red", None)[place % 4],
                "description": f"{name}, delivered by {words.COMPANIES[plot.index - 1][0]}.",
                "start_date": start.date().isoformat(),
                "completion_date": finish.date().isoformat(),
                "projected_finish_date": (finish + timedelta(days=12)).date().isoformat(),
                "actual_start_date": start.date().isoformat(),
                "stage": "Course of Construction" if active else "Warranty",
                "member_ids": [user.id for user in members if own_id in user["project_ids"]],
                **plot.stamps(-age - 20, -1 - place),
            },
            None,
        )


def _by_name(names: Sequence[str], **extra: Any) -> Maker:
    """A company's or project's fixed list of named things."""

    def maker(plot: Plot) -> Iterator[Row]:
        for name in names:
            yield {"name": name, **extra, **plot.stamps(-600)}, None

    return maker


def locations(plot: Plot) -> Iterator[Row]:
    before = first_id("location", plot.index)
    number = 0
    for level, rooms in words.LOCATIONS.items():
        number += 1
        level_id = before + number
        yield {"name": level, "node_name": level, "parent_id": None, "code": None, **plot.stamps(-400)}, None
        for room in rooms:
            number += 1
            name = f"{level}>{room}"
            yield {"name": name, "node_name": room, "parent_id": level_id, "code": None, **plot.stamps(-400)}, None


def cost_codes(plot: Plot) -> Iterator[Row]:
    for place, (code, name) in enumerate(words.COST_CODES, start=1):
        yield (
            {
                "name": name,
                "code": code.partition("-")[2],
                "full_code": code,
                "position": place,
                "sortable_code": code,
                "budgeted": True,
                **plot.stamps(-500),
            },
            None,
        )


def delay_log_types(plot: Plot) -> Iterator[Row]:
    for name in ("Weather", "Material", "Labor", "Inspection", "Owner Change"):
        key = name.lower().replace(" ", "_")
        yield {"display_name": name, "translation_key": key, "visible": True, **plot.stamps(-600)}, None


MAKERS: dict[str, Maker] = {
    "company": companies,
    "user": users,
    "vendor": vendors,
    "project": projects,
    "trade": _by_name(words.TRADES, active=True),
    "location": locations,
    "cost_code": cost_codes,
    "delay_log_type": delay_log_types,
    "punch_item_type": _by_name(words.PUNCH_TYPES),
    "task_item_category": _by_name(("Administrative", "Closeout", "Contract", "Design", "Preconstruction")),
    "change_reason": _by_name(("Design Development", "Existing Condition", "Owner Change", "Allowance")),
    "change_event_status": _by_name(("Open", "Pending", "Closed", "Void")),
    "change_event_type": _by_name(("Allowance", "Contingency", "Owner Change", "TBD", "Transfer")),
}
