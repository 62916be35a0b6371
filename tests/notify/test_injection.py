"""S11: text of a record stays text, wherever it is read. Judged by what arrived, with parsers that are not ours."""

import html.parser
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Limits
from construction_mcp.core.destinations import MailFrom, MailServer
from construction_mcp.expressions.cel import CelEngine
from construction_mcp.net.egress import Endpoint, Guard, Only
from construction_mcp.net.outbound import Outbound
from construction_mcp.net.transport import GuardedTransport
from construction_mcp.notify import slack, teams
from construction_mcp.notify.mailer import Mailer
from construction_mcp.notify.message import Message, cleaned
from construction_mcp.notify.posts import Posts, Way, as_json
from construction_mcp.notify.wording import Wording
from tests.notify.payloads import ALL
from tests.notify.sinks import MailSink, PostSink, mail_sink, post_sink

pytestmark = pytest.mark.anyio

LIMITS = Limits()
OURS = "https://app.procore.com/rfi/17"
TAGS = {"html", "head", "meta", "title", "body", "h1", "h2", "p", "ul", "li", "a", "br"}
HEADERS = {
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
}  # fmt: skip


@pytest.fixture(scope="module")
def wording() -> Wording:
    return Wording(CelEngine(LIMITS), LIMITS)


@pytest.fixture
async def mailbox() -> AsyncIterator[MailSink]:
    async with mail_sink() as sink:
        yield sink


@pytest.fixture
async def channel() -> AsyncIterator[PostSink]:
    async with post_sink() as sink:
        yield sink


async def said(wording: Wording, payload: str) -> Message:
    """The payload in every place a record's text gets to: subject, text, list lines, their links."""
    line = {
        "number": payload, "subject": payload, "due_date": payload, "days_overdue": 1,
        "ball_in_court": [payload], "web_url": payload,
    }  # fmt: skip
    listed = await wording.of("rfi_overdue_alert", {"rfis": [line, {**line, "web_url": OURS}]})
    rfi = {**line, "question": payload}
    one = await wording.of("new_rfi_notification", {"rfi": rfi})
    return Message(one.subject, one.text, listed.sections, one.link)


def seen(payload: str) -> str:
    """The payload as one line shows it."""
    return " ".join(cleaned(payload).split())


class Page(html.parser.HTMLParser):
    """What an HTML reader makes of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.others: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    def unknown_decl(self, data: str) -> None:
        self.others.append(data)

    def handle_pi(self, data: str) -> None:
        self.others.append(data)


@pytest.mark.parametrize("payload", ALL)
async def test_in_a_mail_it_is_text(wording: Wording, mailbox: MailSink, payload: str) -> None:
    server, sender = MailServer("127.0.0.1", mailbox.port, "none"), MailFrom("automation@builder.com")
    message = await said(wording, payload)
    await Mailer(server, sender, clock=ManualClock(), limits=LIMITS).send(["ann@builder.com"], message)

    envelope, letter = mailbox.letters[0]
    assert len(mailbox.letters) == 1
    assert envelope.rcpt_tos == ["ann@builder.com"]
    assert set(letter.keys()) == HEADERS
    assert seen(payload) in " ".join(letter["Subject"].split())
    parts = [part.get_content_type() for part in letter.walk()]
    assert parts == ["multipart/alternative", "text/plain", "text/html"]
    plain, markup = (part.get_content() for part in letter.iter_parts())
    assert seen(payload) in " ".join(plain.split())
    page = Page(markup)
    assert set(page.tags) <= TAGS
    assert page.others == []
    assert {value for name, value in page.attributes if name == "href"} == {OURS}
    assert {name for name, _ in page.attributes} <= {"lang", "charset", "style", "href"}
    assert seen(payload) in " ".join(" ".join(page.texts).split())


@pytest.mark.parametrize("payload", ALL)
async def test_in_slack_it_is_text(wording: Wording, channel: PostSink, payload: str) -> None:
    await posted(channel, slack.payload(await said(wording, payload)))

    body = channel.post.json
    elements = list(leaves(body["blocks"]))
    assert {one["type"] for one in elements} <= {"text", "link", "plain_text"}  # none of which Slack parses
    assert {one["url"] for one in elements if one["type"] == "link"} == {OURS}
    assert all(one["emoji"] is False for one in elements if one["type"] == "plain_text")
    assert any(seen(payload) in " ".join(one["text"].split()) for one in elements)
    assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", body["text"])  # the one text that Slack parses
    assert body["unfurl_links"] is False


@pytest.mark.parametrize("payload", ALL)
async def test_in_teams_it_is_text(wording: Wording, channel: PostSink, payload: str) -> None:
    await posted(channel, teams.payload(await said(wording, payload)))

    (attachment,) = channel.post.json["attachments"]
    blocks = attachment["content"]["body"]
    runs = [run for block in blocks for run in block["inlines"]]
    assert {block["type"] for block in blocks} == {"RichTextBlock"}
    assert {run["type"] for run in runs} == {"TextRun"}  # in which Markdown is not read
    assert {run["selectAction"]["url"] for run in runs if "selectAction" in run} == {OURS}
    assert any(seen(payload) in run["text"] for run in runs)


def test_there_are_enough_payloads() -> None:
    assert len(set(ALL)) >= 60


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)", "JAVASCRIPT:alert(1)", "data:text/html,<b>x</b>", "vbscript:x", "file:///etc/passwd",
        "//evil.example", "https://", "https://user:pass@evil.example", "https://app.procore.com\" onclick=\"x",
        "https://app.procore.com/<b>", " https://app.procore.com", "https://app.procore.com/\nBcc: x", "ftp://x.example",
        "https://ex\u0430mple.com", 17, None, ["https://app.procore.com"],
    ],
)  # fmt: skip
async def test_a_link_that_is_not_plainly_an_address_leads_nowhere(wording: Wording, link: Any) -> None:
    row = {"number": "17", "subject": "x", "due_date": None, "days_overdue": 1, "ball_in_court": [], "web_url": link}

    message = await wording.of("rfi_overdue_alert", {"rfis": [row]})

    assert message.sections[0].lines[0].link is None


def leaves(value: Any) -> Iterator[dict[str, Any]]:
    """Every Slack element with a text of its own."""
    if isinstance(value, list):
        for one in value:
            yield from leaves(one)
    elif isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value
        else:
            yield from leaves([inner for inner in value.values() if isinstance(inner, dict | list)])


async def posted(channel: PostSink, body: Any) -> None:
    guard = Guard(Only([Endpoint("127.0.0.1", channel.port, private=True)]))
    outbound = Outbound(GuardedTransport(guard, LIMITS), LIMITS)
    try:
        way = Way(guard, outbound)
        await Posts(way, way, LIMITS).post(channel.url, as_json(body, 100_000), is_chosen=True)
    finally:
        await outbound.aclose()
