"""What Procore can send events of: names as its webhooks spell them, and the event types each offers.

Source: FACTS 8.7, a sandbox's answer of 2026-02-24 to the webhooks' `resources` call, without the update events of
"Project Users" and "Project Vendors" that ended on 2026-06-30 (8.6). Deploying asks Procore itself
(`records.hooks.read_triggers`); this list is for telling a slip before anything is sent.
"""

from collections.abc import Mapping

from construction_mcp.core.nearest import nearest

# event types by their first letters | names
_TABLE = """
cud|Change Order Change Reasons; Change Types; Company File Versions; Company Files; Company Folders; \
Company Insurances; Departments; ERP Requests; Form Templates; Line Item Types; Offices; Programs; Project Bid Types; \
Project Owner Types; Project Regions; Project Stages; Project Types; Standard Cost Codes
cud|RFIs; RFI Replies; Submittals; Submittal Packages; Meetings; Meeting Topics; Meeting Attendees; \
Meeting Categories; Punch Items; Observation Items; Incidents; Inspection Logs; Coordination Issues; \
Coordination Issue Activities; Generic Tool Items; Forms; Site Instructions; Images; Image Categories; Locations; \
Project Dates; Tasks; ToDos
cud|Daily Logs; Daily Log/Entries; Daily Construction Report Logs; Accident Logs; Call Logs; Delivery Logs; \
Dumpster Logs; Equipment Logs; Manpower Logs; Notes Logs; Plan Revision Logs; Productivity Logs; Quantity Logs; \
Safety Violation Logs; Timecard Entries; Visitor Logs; Waste Logs; Work Logs
cud|Project Files; Project File Versions; Project Folders; File Versions; Drawings; Drawing Areas; Drawing Sets; \
Drawing Uploads; Specification Areas; Specification Sets; Specification Section Divisions; \
Specification Section Revisions; BIM Models; BIM Model Revisions; BIM File Extractions
cud|Change Events; Change Event Line Items; Change Order Packages; Change Order Requests; Potential Change Orders; \
Potential Change Order Line Items; Prime Contracts; Prime Contract Line Items; Purchase Order Contracts; \
Purchase Order Contract Line Items; Work Order Contracts; Work Order Contract Line Items; Budget Line Items; \
Budget Changes; Budget Modifications; Cost Codes; Contract Payments; Direct Costs; Direct Cost Line Items; \
Draw Requests; Payment Applications; RFQs; Sub Jobs; Project Insurances
cu|Company Users; Company Vendors; Projects; Inspection Checklists; Task Items; Markup Layers; Weather Logs; \
Specification Sections; RFQ Quotes; RFQ Responses
cd|Timecard Time Types; Trades; Project Users; Project Vendors
c|Standard Cost Code Lists; Observation Item Response Logs; Budget View Snapshots; Document Upload
u|Bids
"""
_EVENTS = {"c": "create", "u": "update", "d": "delete"}

EVENTS: Mapping[str, tuple[str, ...]] = {
    name: tuple(_EVENTS[letter] for letter in letters)
    for letters, _, names in (line.partition("|") for line in _TABLE.strip().splitlines())
    for name in names.split("; ")
}
"""The event types of each resource, by the name Procore uses."""

_BY_LETTERS = {name.lower(): name for name in EVENTS}

# What people call them; Procore's events go by the names of its database.
_CALLED = {
    "observations": "Observation Items",
    "inspections": "Inspection Checklists",
    "checklists": "Inspection Checklists",
    "correspondence": "Generic Tool Items",
    "photos": "Images",
    "schedule": "Tasks",
    "schedule tasks": "Tasks",
    "documents": "Project Files",
    "files": "Project Files",
    "users": "Project Users",
    "people": "Project Users",
    "vendors": "Project Vendors",
    "change orders": "Potential Change Orders",
    "commitments": "Work Order Contracts",
    "subcontracts": "Work Order Contracts",
    "invoices": "Payment Applications",
    "purchase orders": "Purchase Order Contracts",
    "daily log": "Daily Logs",
    "weather": "Weather Logs",
    "manpower": "Manpower Logs",
    "punch list": "Punch Items",
}


def named(name: str) -> str | None:
    """The name as Procore spells it, whatever the case; None for one that is not on the list."""
    return _BY_LETTERS.get(name.strip().lower())


def names_like(name: str) -> list[str]:
    """Names that may be meant, likeliest first: the plural, what people say, or the spelling."""
    words = " ".join(name.lower().replace("_", " ").split())
    meant = [_BY_LETTERS.get(f"{words}s"), _CALLED.get(words), _CALLED.get(f"{words}s"), _BY_LETTERS.get(words)]
    near = [_BY_LETTERS[one] for one in nearest(words, _BY_LETTERS)]
    return list(dict.fromkeys([*filter(None, meant), *near]))[:3]
