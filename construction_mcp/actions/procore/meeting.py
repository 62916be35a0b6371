"""Meetings. Performed by `procore/records/meetings.py`."""

from typing import Annotated, Literal

from pydantic import Field

from construction_mcp.actions.procore.kinds import Kind, ListConfig, OneConfig, RecordId, Text
from construction_mcp.procore.records.meetings import Meeting


class MeetingList(ListConfig):
    """Which meetings."""

    when: Annotated[Literal["past", "upcoming", "any"], Field(description="Only past or upcoming ones")] = "any"
    text: Text = None


class MeetingGet(OneConfig):
    """Which meeting."""

    meeting_id: Annotated[RecordId, Field(description="Meeting id, not its number")]


_MEETINGS = Kind(
    "procore.meeting", "a meeting", "meetings", "Meetings", Meeting, "list_procore_meetings", "get_procore_meeting"
)

TYPES = (
    _MEETINGS.list(MeetingList, "List meetings, latest first, with their series and number of topics."),
    _MEETINGS.get(MeetingGet, "Read one meeting in full: attendees, topics with who must act, and minutes."),
)
