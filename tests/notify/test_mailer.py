"""Mail at a real mail server: encrypted and logged in, or not sent; each failure under its own name."""

import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from construction_mcp.core.clock import ManualClock
from construction_mcp.core.config import Limits
from construction_mcp.core.destinations import MailFrom, MailServer
from construction_mcp.core.errors import ConstructionError, Invalid, Uncertain
from construction_mcp.notify.mailer import Mailer
from construction_mcp.notify.message import Line, Message, Section
from tests.notify.sinks import PASSWORD, USER, mail_sink, trust

pytestmark = pytest.mark.anyio

QUICK = Limits(mail_timeout_s=2.0, connect_timeout_s=1.0, read_timeout_s=0.4)
SENDER = MailFrom("automation@builder.com", "Riverside Automation")
LISTED = Message(
    "2 overdue RFIs",
    "Each is past its due date.",
    (Section("Overdue RFIs", (Line("RFI 17 Anker für Stütze 3", "https://app.procore.com/rfi/17"), Line("RFI 23"))),),
)


def mailer(
    port: int, tls: Any = "none", *, host: str = "127.0.0.1", believes: ssl.SSLContext | None = None, **server: Any
) -> Mailer:
    where = MailServer(host, port, tls, **server)
    return Mailer(where, SENDER, clock=ManualClock(), limits=QUICK, trust=believes)


async def failure(sending: Mailer, *to: str) -> ConstructionError:
    with pytest.raises(ConstructionError) as caught:
        await sending.send(to or ("ann@builder.com",), LISTED)
    return caught.value


async def test_a_mail_arrives_with_both_parts_and_the_headers_a_mail_needs() -> None:
    async with mail_sink() as sink:
        receipt = await mailer(sink.port).send(["ann@builder.com", "bob@builder.com"], LISTED)

    envelope, letter = sink.letters[0]
    assert (envelope.mail_from, envelope.rcpt_tos) == (SENDER.address, ["ann@builder.com", "bob@builder.com"])
    assert letter["From"] == "Riverside Automation <automation@builder.com>"
    assert letter["To"] == "ann@builder.com, bob@builder.com"
    assert letter["Subject"] == "2 overdue RFIs"
    assert letter["Message-ID"] == receipt.message_id
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Date"].datetime == ManualClock().now().replace(microsecond=0)
    plain, html = letter.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    text = plain.get_content().replace("\r\n", "\n")
    assert "- RFI 17 Anker für Stütze 3\n  https://app.procore.com/rfi/17\n- RFI 23" in text
    assert '<a href="https://app.procore.com/rfi/17">RFI 17 Anker für Stütze 3</a>' in html.get_content()
    assert receipt.recipients == ("ann@builder.com", "bob@builder.com")


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_with_tls_and_login_it_arrives(tmp_path: Path, tls: str) -> None:
    ours = trust(tmp_path)
    encryption = {"starttls": ours.server} if tls == "starttls" else {"tls": ours.server}
    async with mail_sink(**encryption, login=True) as sink:
        await mailer(sink.port, tls, host="localhost", believes=ours.client, username=USER, password=PASSWORD).send(
            ["ann@builder.com"], LISTED
        )

    assert sink.letter()["Subject"] == "2 overdue RFIs"


async def test_a_wrong_password_is_told_and_not_shown() -> None:
    async with mail_sink(login=True) as sink:
        problem = await failure(mailer(sink.port, username=USER, password="canary-password"))

    assert (problem.code, problem.retryable) == ("NOTIFY_CREDENTIALS", False)
    assert problem.details["smtp_code"] == 535
    assert "canary-password" not in str(problem.public())
    assert sink.letters == []


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_a_certificate_nobody_vouches_for_ends_it(tmp_path: Path, tls: str) -> None:
    theirs = trust(tmp_path)
    encryption = {"starttls": theirs.server} if tls == "starttls" else {"tls": theirs.server}
    async with mail_sink(**encryption) as sink:
        problem = await failure(mailer(sink.port, tls, host="localhost", username=USER, password=PASSWORD))

    assert (problem.code, problem.retryable) == ("NOTIFY_INSECURE", False)
    assert sink.letters == []


async def test_a_certificate_of_another_name_ends_it(tmp_path: Path) -> None:
    theirs = trust(tmp_path, "mail.elsewhere.example")
    async with mail_sink(starttls=theirs.server) as sink:
        problem = await failure(mailer(sink.port, "starttls", host="localhost", believes=theirs.client))

    assert problem.code == "NOTIFY_INSECURE"


async def test_a_server_without_starttls_gets_no_password(tmp_path: Path) -> None:
    async with mail_sink(login=True) as sink:
        problem = await failure(mailer(sink.port, "starttls", host="localhost", username=USER, password=PASSWORD))

    assert problem.code == "NOTIFY_INSECURE"
    assert sink.letters == []


@pytest.mark.parametrize(
    ("reply", "code", "retryable"),
    [
        ("550 5.1.1 no such user <canary>", "NOTIFY_REFUSED", False),
        ("450 4.2.1 try again later", "NOTIFY_UNAVAILABLE", True),
        ("421 4.3.0 closing", "NOTIFY_UNAVAILABLE", True),
    ],
)
async def test_refused_recipients_are_told_by_the_servers_code(reply: str, code: str, retryable: bool) -> None:
    async with mail_sink(refuses={"ann@builder.com": reply}) as sink:
        problem = await failure(mailer(sink.port))

    assert (problem.code, problem.retryable) == (code, retryable)
    assert problem.details["smtp_code"] == int(reply[:3])
    assert problem.details["smtp_enhanced"] == reply[4:9]
    assert "canary" not in str(problem.public())


async def test_one_refused_recipient_does_not_keep_it_from_the_others() -> None:
    async with mail_sink(refuses={"bob@builder.com": "550 5.1.1 who?"}) as sink:
        receipt = await mailer(sink.port).send(["ann@builder.com", "bob@builder.com"], LISTED)

    assert (receipt.recipients, receipt.refused) == (("ann@builder.com",), ("bob@builder.com",))
    assert sink.letters[0][0].rcpt_tos == ["ann@builder.com"]


@pytest.mark.parametrize(
    ("reply", "code", "retryable"),
    [("554 5.7.1 spam", "NOTIFY_REFUSED", False), ("451 4.3.2 full", "NOTIFY_UNAVAILABLE", True)],
)
async def test_a_mail_refused_after_it_was_read_was_not_sent(reply: str, code: str, retryable: bool) -> None:
    async with mail_sink(data_reply=reply) as sink:
        problem = await failure(mailer(sink.port))

    assert (problem.code, problem.retryable) == (code, retryable)


@pytest.mark.parametrize("behaviour", ["breaks_after_data", "is_silent_after_data"])
async def test_silence_after_the_mail_had_left_is_an_unknown_outcome(behaviour: str) -> None:
    async with mail_sink(**{behaviour: True}) as sink:
        problem = await failure(mailer(sink.port))

    assert isinstance(problem, Uncertain)
    assert (problem.code, problem.retryable) == ("NOTIFY_OUTCOME_UNKNOWN", False)
    assert len(sink.letters) == 1


async def test_nobody_listening_is_worth_another_try() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        problem = await failure(mailer(nobody.getsockname()[1]))

    assert (problem.code, problem.retryable, problem.details["stage"]) == ("NOTIFY_UNAVAILABLE", True, "connect")


async def test_a_server_that_accepts_and_says_nothing_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        problem = await failure(mailer(silent.getsockname()[1]))

    assert (problem.code, problem.retryable) == ("NOTIFY_UNAVAILABLE", True)


async def test_the_metadata_service_is_no_mail_server() -> None:
    """Even the operator's settings do not open what nobody may reach."""
    problem = await failure(mailer(25, host="169.254.169.254"))

    assert problem.code == "SYSTEM_EGRESS_REFUSED"


@pytest.mark.parametrize(
    "address",
    ["ann", "ann@", "ann@localhost", "Ann <ann@b.com>", "a@b.com\r\nBcc: x@y.com", "a@b.com,c@d.com", "a@b.com>", ""],
)
async def test_what_is_no_single_address_is_refused_before_anything_is_opened(address: str) -> None:
    with pytest.raises(Invalid):
        await mailer(1).send([address], LISTED)


async def test_a_mail_beyond_the_limit_is_refused() -> None:
    with pytest.raises(Invalid) as caught:
        await mailer(1).send(["ann@builder.com"], Message("Long", "x" * QUICK.mail_bytes_max))

    assert caught.value.code == "VALIDATION_TOO_LARGE"
