"""Notifications through an MCP client: previewed as they will be read, sent once, kept, and never leaking a secret."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp.client.client import Client

from construction_mcp.actions import notifications
from construction_mcp.bootstrap import House
from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Limits, Settings
from construction_mcp.core.destinations import MailFrom, MailServer
from construction_mcp.core.types import Principal, Role
from construction_mcp.registry.catalog import View
from construction_mcp.server.app import build_server
from construction_mcp.store.notifications import New, Notifications
from tests.notify.sinks import MailSink, PostSink, mail_sink, post_sink

pytestmark = pytest.mark.anyio

LIMITS = Limits(mail_timeout_s=3.0, connect_timeout_s=1.0, read_timeout_s=1.0, post_timeout_s=1.0)
ADMIN = Principal("local:0", Role.ADMIN)
MAIL = {"channel": "email", "to": ["ann.lee@builder.com", "bob@builder.com"]}
OWN = {**MAIL, "subject": "Crane on Tuesday", "text": "The crane comes on Tuesday at 7."}
ALERT = {
    **MAIL,
    "template": "rfi_overdue_alert",
    "template_data": notifications.load("rfi_overdue_alert").sample,
}  # fmt: skip


class Office:
    """A client on a house with channels, and where they lead."""

    def __init__(self, client: Client, house: House, mail: MailSink, posts: PostSink) -> None:
        self.client, self.house, self.mail, self.posts = client, house, mail, posts

    async def call(self, tool: str, **arguments: Any) -> Any:
        return (await self.client.call_tool(tool, arguments)).structured_content

    async def send(self, **arguments: Any) -> Any:
        """Preview, then the same call with its confirmation."""
        shown = await self.call("send_notification", **arguments)
        assert shown["status"] == "needs_confirmation", shown
        return await self.call("send_notification", **arguments, confirmation=shown["confirmation"])

    async def listed(self, **arguments: Any) -> Any:
        return (await self.call("list_notifications", **arguments))["items"]


@asynccontextmanager
async def office_at(
    folder: Path, *, principal: Principal = ADMIN, mail: dict[str, Any] | None = None, **chosen: Any
) -> AsyncIterator[Office]:
    async with mail_sink(**(mail or {})) as letters, post_sink() as posts:
        settings = Settings(
            data_dir=folder / "data",
            mail_server=MailServer("127.0.0.1", letters.port, "none"),
            mail_from=MailFrom("automation@builder.com", "Riverside"),
            slack_webhook_url=posts.url,
            teams_webhook_url=posts.url,
            egress_allow=(f"127.0.0.1:{posts.port}",),
            limits=LIMITS,
        )
        async with House(replace(settings, **chosen), clock=ManualClock()) as house:
            server = build_server(house, View(("all",)), lambda _: principal)
            async with Client(server) as client:
                yield Office(client, house, letters, posts)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with office_at(tmp_path) as made:
        yield made


async def test_a_mail_is_shown_as_it_will_be_read_and_then_sent_so(office: Office) -> None:
    shown = await office.call("send_notification", **ALERT)
    before = len(office.mail.letters)
    done = await office.call("send_notification", **ALERT, confirmation=shown["confirmation"])

    changes = shown["preview"]["changes"]
    letter = office.mail.letter()
    assert (shown["status"], before) == ("needs_confirmation", 0)
    assert changes["to"] == MAIL["to"]
    assert changes["from"] == letter["From"] == "Riverside <automation@builder.com>"
    assert changes["subject"] == letter["Subject"] == "2 overdue RFIs"
    plain, _html = letter.iter_parts()
    assert changes["text"] == plain.get_content().replace("\r\n", "\n")
    assert done["item"]["recipients"] == MAIL["to"]
    assert done["item"]["message_id"] == letter["Message-ID"]


async def test_what_was_sent_is_listed_with_shortened_addresses(office: Office) -> None:
    await office.send(**OWN)

    (kept,) = await office.listed()
    assert await office.listed(failed=True) == []
    assert kept["recipients"] == ["a…@builder.com", "b…@builder.com"]
    assert (kept["channel"], kept["status"], kept["subject"]) == ("email", "sent", "Crane on Tuesday")
    assert kept["sent_by"] == ADMIN.id


@pytest.mark.parametrize("channel", ["slack", "teams"])
async def test_a_post_goes_to_the_channel_of_the_settings(office: Office, channel: str) -> None:
    done = await office.send(channel=channel, text="The crane comes on Tuesday.")

    assert done["status"] == "done"
    assert "The crane comes on Tuesday." in office.posts.post.body.decode()
    assert (await office.listed())[0]["channel"] == channel


async def test_a_webhook_is_signed_and_says_what_a_mail_would(office: Office) -> None:
    done = await office.send(
        channel="webhook", url=office.posts.url, **{k: ALERT[k] for k in ("template", "template_data")}
    )

    post = office.posts.post
    assert post.headers["webhook-id"] == done["item"]["message_id"]
    assert post.headers["webhook-signature"].startswith("v1,")
    assert post.json["type"] == "notification"
    assert post.json["data"]["subject"] == "2 overdue RFIs"
    assert post.json["data"]["sections"][0]["items"][0]["text"].startswith("RFI 17 Anchor bolts")


async def test_the_same_key_sends_once(office: Office) -> None:
    first = await office.send(**OWN, idempotency_key="crane")
    again = await office.call("send_notification", **OWN, idempotency_key="crane")
    other = await office.call("send_notification", **{**OWN, "text": "Not coming"}, idempotency_key="crane")

    assert again == first
    assert other["error"]["code"] == "IDEMPOTENCY_CONFLICT"
    assert len(office.mail.letters) == 1
    assert len(await office.listed()) == 1


async def test_a_lost_answer_is_told_as_unknown_and_not_sent_again(tmp_path: Path) -> None:
    async with office_at(tmp_path, mail={"breaks_after_data": True}) as office:
        lost = await office.send(**OWN, idempotency_key="crane")
        again = await office.call("send_notification", **OWN, idempotency_key="crane")
        (kept,) = await office.listed(failed=True)

    assert lost["error"]["code"] == again["error"]["code"] == kept["error"] == "NOTIFY_OUTCOME_UNKNOWN"
    assert lost["error"]["retryable"] is False
    assert len(office.mail.letters) == 1


async def test_a_refused_mail_is_kept_as_failed(tmp_path: Path) -> None:
    refuses = dict.fromkeys(MAIL["to"], "550 5.1.1 no")
    async with office_at(tmp_path, mail={"refuses": refuses}) as office:
        refused = await office.send(**OWN)
        (kept,) = await office.listed(failed=True)

    assert refused["error"]["code"] == kept["error"] == "NOTIFY_REFUSED"


async def test_a_house_without_channels_says_which_setting_is_missing(tmp_path: Path) -> None:
    nothing = {"mail_server": None, "mail_from": None, "slack_webhook_url": None, "teams_webhook_url": None}
    async with office_at(tmp_path, **nothing) as office:
        for channel, variable in (
            ("email", "SMTP_URL"),
            ("slack", "SLACK_WEBHOOK_URL"),
            ("teams", "TEAMS_WEBHOOK_URL"),
        ):
            arguments = OWN if channel == "email" else {"channel": channel, "text": "x"}
            told = (await office.call("send_notification", **arguments))["error"]
            assert (told["code"], told["details"]["variable"]) == (
                "NOTIFY_NOT_CONFIGURED",
                f"CONSTRUCTION_MCP_{variable}",
            )
        assert office.house.channels == {"log", "webhook"}


async def test_an_address_of_an_argument_needs_the_allow_list_before_anybody_is_asked(tmp_path: Path) -> None:
    async with office_at(tmp_path, egress_allow=()) as office:
        for channel in ("webhook", "slack", "teams"):
            told = await office.call("send_notification", channel=channel, url=office.posts.url, text="x")
            assert told["error"]["code"] == "SYSTEM_EGRESS_REFUSED"
            assert "CONSTRUCTION_MCP_EGRESS_ALLOW" in told["error"]["details"]["hint"]

    assert office.posts.posts == []


async def test_no_address_of_a_channel_shows_anywhere(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """It is a secret: whoever knows it can post there."""
    caplog.set_level("DEBUG", "construction_mcp")
    shown = await office.call("send_notification", channel="slack", text="x")
    done = await office.send(channel="slack", url=office.posts.url, text="x")
    listed = await office.listed()

    told = str([shown, done, listed, repr(office.house.settings), caplog.text])
    assert "canary-of-a" not in told
    stored = b"".join(file.read_bytes() for file in office.house.settings.data_dir.glob("construction.db*"))
    assert b"canary-of-a" not in stored


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"channel": "email", "subject": "x", "text": "x"}, "to"),
        ({"channel": "slack", "to": ["a@b.com"], "text": "x"}, "to"),
        ({"channel": "webhook", "text": "x"}, "url"),
        ({**OWN, "url": "https://x.example"}, "url"),
        ({**MAIL, "text": "x"}, "subject"),
        ({"channel": "slack"}, "text"),
        ({**ALERT, "text": "x"}, "text"),
        ({**OWN, "template_data": {}}, "template_data"),
        ({**OWN, "to": ["nobody"]}, "to"),
        ({**ALERT, "template_data": {}}, "template_data"),
        ({**ALERT, "template": "rfi_overdue"}, "template"),
    ],
)
async def test_what_does_not_make_a_message_is_refused_with_the_field(
    office: Office, arguments: dict[str, Any], field: str
) -> None:
    told = await office.call("send_notification", **arguments)

    assert (told["error"]["code"], told["error"]["details"]["field"]) == ("VALIDATION_INVALID", field)


async def test_everybody_sees_their_own_and_an_admin_all(tmp_path: Path) -> None:
    async with office_at(tmp_path, principal=Principal("user:ana", Role.BUILDER)) as office:
        kept = await office.house.services.get(Notifications)
        await kept.begin(New("user:bob", "email", None, "Not for Ana", ["b…@builder.com"]))
        await office.send(**OWN)
        hers = await office.listed()
        server = build_server(office.house, View(("all",)), lambda _: ADMIN)
        async with Client(server) as admin:
            everybodys = (await admin.call_tool("list_notifications", {})).structured_content["items"]

    assert [one["subject"] for one in hers] == ["Crane on Tuesday"]
    assert {one["sent_by"] for one in everybodys} == {"user:ana", "user:bob"}


async def test_a_list_is_paged_newest_first(office: Office) -> None:
    kept = await office.house.services.get(Notifications)
    for number in range(5):
        await kept.begin(New(ADMIN.id, "slack", None, f"Number {number}", ["x"]))
        office.house.clock.advance(1)  # type: ignore[attr-defined]  # a ManualClock here
    first = await office.call("list_notifications", limit=3)
    rest = await office.call("list_notifications", limit=3, cursor=first["next_cursor"])

    assert [one["subject"] for one in (*first["items"], *rest["items"])] == [f"Number {n}" for n in (4, 3, 2, 1, 0)]
    assert "next_cursor" not in rest


@pytest.mark.parametrize("name", notifications.names())
async def test_a_template_can_be_looked_at(office: Office, name: str) -> None:
    (content,) = (await office.client.read_resource(f"notification://{name}/preview")).contents

    template = notifications.load(name)
    assert template.doc in content.text
    assert "\nSubject: " in content.text
    assert all(f"data.{field}: " in content.text for field in template.data)


async def test_a_viewer_may_not_send(tmp_path: Path) -> None:
    async with office_at(tmp_path, principal=Principal("user:vic", Role.VIEWER)) as office:
        told = await office.call("send_notification", **OWN)

    assert told["error"]["code"] == "AUTH_ROLE_REQUIRED"
    assert office.mail.letters == []
