"""Daily log entries. Performed by `procore/records/daily_logs.py` and `daily_log_entries.py`."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import Field

from construction_mcp.actions.action import Written
from construction_mcp.actions.performing import Context
from construction_mcp.actions.procore.kinds import DaysConfig, Kind, OneConfig
from construction_mcp.procore.records.daily_log_types import TYPES as LOG_TYPES
from construction_mcp.procore.records.daily_log_types import LogType
from construction_mcp.procore.records.daily_logs import Entry, EntryStatus


class DailyLogList(DaysConfig):
    """Which entries."""

    log_types: Annotated[
        list[LogType] | None, Field(min_length=1, max_length=18, description="Only these types; all unless given")
    ] = None
    from_date: Annotated[date | None, Field(description="First day; today at the site unless given")] = None
    to_date: Annotated[date | None, Field(description="Last day, at most 91 days on; today unless given")] = None
    status: Annotated[EntryStatus, Field(description="pending ones wait for approval")] = "approved"


class DailyLogCreate(OneConfig):
    """A new entry."""

    log_type: Annotated[
        LogType, Field(description="Kind of entry: notes, manpower, delivery, delay, weather, accident and others")
    ]
    entry: Annotated[
        dict[str, Any],
        Field(
            min_length=1,
            max_length=30,
            description="Fields of its type: comment for notes; num_workers, num_hours and notes for manpower; "
            "times as HH:MM",
        ),
    ]
    on_date: Annotated[date | None, Field(description="Day it is about; today at the site unless given")] = None


def _lists(written: Written) -> int:
    """One list per type, and one that counts the entries of all, so that empty types are not read."""
    types = written.get("log_types")
    return (len(types) if isinstance(types, list) else len(LOG_TYPES)) + 1


async def _entered(arguments: Mapping[str, Any], context: Context, _since: datetime) -> Sequence[Any]:
    """Entries of that type and day which hold all that was sent; Procore does not say when an entry was made."""
    day = {"from_date": arguments["on_date"], "to_date": arguments["on_date"]} if "on_date" in arguments else {}
    wanted = {"project_id": arguments["project_id"], "log_types": [arguments["log_type"]], "status": "all", **day}
    listed = await context.call("list_procore_daily_logs", {**wanted, "detail": "full", "limit": 100})
    sent = {name: str(value) for name, value in arguments["entry"].items()}
    return [one for one in listed.items if sent.items() <= {name: str(v) for name, v in one.values.items()}.items()]


_LOGS = Kind(
    "procore.daily_log",
    "a daily log entry",
    "daily log entries",
    "Daily Log",
    Entry,
    "list_procore_daily_logs",
    at_once=True,
    detailed=True,
    in_project=False,
)

TYPES = (
    _LOGS.list(DailyLogList, "List daily log entries of any types and days, newest day first.", _lists),
    _LOGS.write(
        "create",
        DailyLogCreate,
        "Create one daily log entry and give it as Procore stored it.",
        "add a daily log entry",
        by="create_procore_daily_log_entry",
        looks=_entered,
    ),
)
