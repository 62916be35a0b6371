"""What hooks can listen to (FACTS 8.7): names, whose they are, and which event types each offers."""

from dataclasses import dataclass

_C, _U, _D = "create", "update", "delete"


@dataclass(frozen=True, slots=True)
class HookResource:
    name: str
    category: str
    events: tuple[str, ...]

    @property
    def of_company(self) -> bool:
        return self.category == "Company Admin"


# category | events | names. "Project Users" and "Project Vendors" lost update on 2026-06-30 (FACTS 8.6).
_TABLE = """
Company Admin|cud|Change Order Change Reasons; Change Types; Company Files; Company Folders; Departments; \
ERP Requests; Form Templates; Line Item Types; Offices; Programs; Project Stages; Project Types; Standard Cost Codes
Company Admin|cu|Company Users; Company Vendors; Projects
Company Admin|cd|Trades
Project Management|cud|RFIs; RFI Replies; Submittals; Submittal Packages; Meetings; Meeting Topics; Meeting Attendees; \
Meeting Categories; Punch Items; Observation Items; Incidents; Inspection Logs; Coordination Issues; \
Coordination Issue Activities; Generic Tool Items; Forms; Site Instructions; Images; Image Categories; Locations; \
Project Dates; Tasks; ToDos
Project Management|cu|Inspection Checklists; Task Items; Markup Layers
Project Management|c|Observation Item Response Logs
Project Management|cd|Project Users; Project Vendors
Daily Log|cud|Daily Logs; Daily Construction Report Logs; Accident Logs; Call Logs; Delivery Logs; Dumpster Logs; \
Equipment Logs; Manpower Logs; Notes Logs; Plan Revision Logs; Productivity Logs; Quantity Logs; \
Safety Violation Logs; Timecard Entries; Visitor Logs; Waste Logs; Work Logs
Daily Log|cu|Weather Logs
Documents|cud|Project Files; Project File Versions; Project Folders; Drawings; Drawing Areas; Drawing Sets; \
Drawing Uploads; Specification Areas; Specification Sets; Specification Section Revisions; BIM Models
Documents|cu|Specification Sections
Financials|cud|Change Events; Change Event Line Items; Change Order Packages; Change Order Requests; \
Potential Change Orders; Prime Contracts; Prime Contract Line Items; Purchase Order Contracts; Work Order Contracts; \
Budget Line Items; Budget Changes; Cost Codes; Direct Costs; Direct Cost Line Items; Payment Applications; \
RFQs; Sub Jobs
Financials|c|Budget View Snapshots
"""

_LETTERS = {"c": _C, "u": _U, "d": _D}


def _parse(table: str) -> dict[str, HookResource]:
    found = {}
    for line in table.strip().splitlines():
        category, letters, names = line.split("|")
        for name in names.split("; "):
            found[name.strip()] = HookResource(name.strip(), category, tuple(_LETTERS[letter] for letter in letters))
    return found


HOOK_RESOURCES = _parse(_TABLE)
