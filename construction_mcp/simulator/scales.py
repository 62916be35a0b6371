"""How much there is of everything, per size."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """Counts per project, except where the name says otherwise."""

    rfis: int
    submittals: int
    log_days: int  # working days of daily logs, ending yesterday
    punch_items: int
    observations: int
    checklists: int
    incidents: int
    meetings: int
    schedule_tasks: int
    files: int
    images: int
    drawings: int
    change_events: int
    vendors_per_company: int
    users_per_company: int


# "large" is 100,000 RFIs over six projects: for clients that must page, filter and not run out of memory.
SCALES = {
    "small": Scale(12, 8, 10, 8, 6, 4, 2, 4, 20, 6, 6, 8, 4, 8, 12),
    "medium": Scale(90, 45, 44, 70, 40, 18, 7, 16, 60, 30, 40, 48, 18, 24, 36),
    "large": Scale(16_667, 2_000, 60, 3_000, 1_500, 400, 60, 120, 1_200, 600, 2_000, 900, 400, 120, 240),
}
