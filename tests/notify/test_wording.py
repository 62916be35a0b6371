"""What each template says, as its reader sees it. The snapshots are there to be read by people."""

from pathlib import Path
from typing import Any

import pytest

from construction_mcp.actions import notifications
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Invalid
from construction_mcp.expressions.cel import CelEngine
from construction_mcp.notify import mail_parts
from construction_mcp.notify.wording import Wording

pytestmark = pytest.mark.anyio

LIMITS = Limits()
SNAPSHOTS = Path(__file__).with_name("snapshots")
RFI = {
    "number": "17", "subject": "Slab", "due_date": None, "days_overdue": None, "ball_in_court": [], "web_url": None,
}  # fmt: skip


@pytest.fixture(scope="module")
def wording() -> Wording:
    return Wording(CelEngine(LIMITS), LIMITS)


@pytest.mark.parametrize("name", notifications.names())
async def test_a_template_reads_as_its_snapshot(wording: Wording, name: str) -> None:
    """After changing a text on purpose: delete the snapshot, run this, and read the new one."""
    message = await wording.of(name, notifications.load(name).sample)
    parts = {"txt": f"Subject: {message.subject}\n\n{mail_parts.plain(message)}", "html": mail_parts.html(message)}

    for kind, text in parts.items():
        file = SNAPSHOTS / f"{name}.{kind}"
        if not file.exists():
            file.write_text(text, encoding="utf-8")
            pytest.fail(f"{file.name} is new: read it, then run this again")
        assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in notifications.names() if notifications.load(name).sections])
async def test_with_nothing_to_show_it_says_so(wording: Wording, name: str) -> None:
    """Whether that is sent is `when_empty`'s decision, and that is the caller's."""
    template = notifications.load(name)
    empty = {field: [] if schema["type"] == "array" else "x" for field, schema in template.data.items()}

    message = await wording.of(name, empty)

    assert (message.is_empty, message.text, message.sections) == (True, template.none, ())


async def test_text_of_a_record_is_never_evaluated(wording: Wording) -> None:
    hole = '{{ 7 * 7 }} {{ data.rfis[0].subject }} {{ "{{" }}'
    message = await wording.of("rfi_overdue_alert", {"rfis": [{**RFI, "subject": hole}]}, subject=hole)

    assert message.subject == hole
    assert hole in message.sections[0].lines[0].text


async def test_more_items_than_anybody_reads_are_counted(wording: Wording) -> None:
    message = await wording.of("rfi_overdue_alert", {"rfis": [RFI] * (LIMITS.notification_items_max + 3)})

    (section,) = message.sections
    assert (len(section.lines), section.more) == (LIMITS.notification_items_max, 3)
    assert "and 3 more" in mail_parts.plain(message)
    assert "and 3 more" in mail_parts.html(message)


async def test_a_novel_in_a_record_is_cut(wording: Wording) -> None:
    message = await wording.of("rfi_overdue_alert", {"rfis": [{**RFI, "subject": "x" * 100_000}]}, subject="y" * 900)

    assert len(message.subject) == LIMITS.notification_line_chars_max
    assert len(message.sections[0].lines[0].text) == LIMITS.notification_line_chars_max


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("rfi_overdue", {}, "rfi_overdue_alert"),
        ("rfi_overdue_alert", {}, "rfis"),
        ("rfi_overdue_alert", {"rfis": [], "x": 1}, "exactly rfis"),
        ("rfi_overdue_alert", {"rfis": "none"}, "type array"),
        ("daily_log_reminder", {"day": 7}, "type string"),
    ],
)
async def test_what_does_not_fit_is_refused_with_what_would(
    wording: Wording, name: str, data: dict[str, Any], told: str
) -> None:
    with pytest.raises(Invalid) as caught:
        await wording.of(name, data)

    assert told in str(caught.value.public())


async def test_a_record_without_the_fields_that_are_shown_is_no_half_mail(wording: Wording) -> None:
    with pytest.raises(Invalid) as caught:
        await wording.of("rfi_overdue_alert", {"rfis": [RFI, {"number": "18"}]})

    assert caught.value.code == "EXECUTION_EXPRESSION_FAILED"


async def test_more_data_than_a_mail_can_tell_is_refused(wording: Wording) -> None:
    with pytest.raises(Invalid) as caught:
        await wording.of("daily_log_reminder", {"day": "x" * (LIMITS.notification_data_bytes_max + 1)})

    assert caught.value.code == "VALIDATION_TOO_LARGE"
