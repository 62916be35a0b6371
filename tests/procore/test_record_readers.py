"""Readers of records meet any JSON: every property may be missing, null or of another type."""

from datetime import date
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from construction_mcp.procore.records import daily_logs, rfis, submittals
from construction_mcp.procore.records.daily_log_types import TYPES

TODAY = date(2026, 3, 2)
PROCORE: Any = SimpleNamespace(web_url=lambda *parts: "/".join(map(str, parts)))
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12)
DATES = st.sampled_from(["2026-03-01", "2026-03-01T08:00:00Z", "2026-02-30", "soon"])
INNER = st.dictionaries(
    st.sampled_from(["id", "name", "login", "status", "number", "body", "value", "attachments", "user", "response"]),
    LEAVES | st.lists(LEAVES, max_size=2),
    max_size=4,
)
ANYTHING = LEAVES | DATES | INNER | st.lists(LEAVES | INNER, max_size=3)
NAMES = [
    "id",
    "number",
    "full_number",
    "formatted_number",
    "subject",
    "title",
    "status",
    "ball_in_court",
    "ball_in_courts",
    "due_date",
    "questions",
    "question",
    "assignees",
    "rfi_manager",
    "received_from",
    "location",
    "specification_section",
    "cost_impact",
    "schedule_impact",
    "created_at",
    "updated_at",
    "time_resolved",
    "approvers",
    "type",
    "lead_time",
    "submit_by",
    "required_on_site_date",
    "attachments",
    "date",
    "created_by",
    "vendor",
    "contact",
    "notes",
    "comment",
    "num_hours",
    "num_workers",
    "man_hours",
    "time_hour",
    "time_minute",
    "start_time_hour",
    "end_time",
    "duration",
    "trade",
    "official",
    "plain_text_body",
    "answer_date",
]
RECORDS = st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=12)


@given(RECORDS)
def test_an_rfi_is_read_whatever_comes(raw: dict[str, Any]) -> None:
    read = rfis.rfi_of(PROCORE, raw, 7, TODAY, full=True)

    assert (read.days_overdue is None) == (read.due_date is None)
    assert rfis.reply_of(raw).official in (True, False)


@given(RECORDS)
def test_a_submittal_is_read_whatever_comes(raw: dict[str, Any]) -> None:
    read = submittals.submittal_of(PROCORE, raw, 7, TODAY, full=True)

    assert (read.days_overdue is None) == (read.due_date is None)
    assert submittals.revision_of(PROCORE, raw, 7).id == read.id


@given(RECORDS, st.sampled_from(sorted(TYPES)))
def test_a_log_entry_is_read_whatever_comes(raw: dict[str, Any], log_type: Any) -> None:
    entry = daily_logs.entry_of(PROCORE, raw, 7, log_type)

    assert set(entry.values) <= {*TYPES[log_type].fields, *TYPES[log_type].also_shown}
