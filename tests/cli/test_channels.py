"""The doctor on notifications: what is set up, without secrets, and a mail that really goes out."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.notify.sinks import PASSWORD, USER, MailSink, mail_sink, trust


@contextmanager
def mail_server(**behaviour: Any) -> Iterator[MailSink]:
    """A mail server in a thread of its own, since the command runs a loop of its own."""
    loop, opened = asyncio.new_event_loop(), threading.Event()
    found: list[MailSink] = []
    ended: list[asyncio.Event] = []

    async def serve() -> None:
        async with mail_sink(**behaviour) as sink:
            found.append(sink)
            ended.append(asyncio.Event())
            opened.set()
            await ended[0].wait()

    thread = threading.Thread(target=loop.run_until_complete, args=[serve()])
    thread.start()
    assert opened.wait(5)
    try:
        yield found[0]
    finally:
        loop.call_soon_threadsafe(ended[0].set)
        thread.join(5)
        loop.close()


def finding(ran: Any, name: str) -> dict[str, str]:
    return next(one for one in ran.data["findings"] if one["section"] == "Notifications" and one["name"] == name)


@pytest.fixture
def setting(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set one of our variables."""
    return lambda name, value: monkeypatch.setenv(f"CONSTRUCTION_MCP_{name}", value)


def test_without_channels_it_says_how_to_get_them(cli: Any) -> None:
    ran = cli("doctor", "--json")

    assert ran.code == 0
    assert all(finding(ran, name)["status"] == "absent" for name in ("mail", "Slack", "Teams", "webhooks"))


def test_channels_are_shown_without_their_secrets(cli: Any, setting: Any) -> None:
    setting("SMTP_URL", "smtp://robot:canary@mail.builder.com")
    setting("MAIL_FROM", "automation@builder.com")
    setting("SLACK_WEBHOOK_URL", "https://hooks.example/services/canary")
    setting("EGRESS_ALLOW", "erp.builder.com:8443")
    ran = cli("doctor", "--json")

    said = finding(ran, "mail")["said"]
    assert said == "mail.builder.com:587, STARTTLS required, as robot, from automation@builder.com"
    assert finding(ran, "Slack")["said"] == "a channel at hooks.example"
    assert finding(ran, "webhooks")["said"] == "to erp.builder.com:8443"
    assert "canary" not in ran.out + ran.err


def test_a_mistyped_allow_list_is_broken(cli: Any, setting: Any) -> None:
    setting("EGRESS_ALLOW", "https://erp.builder.com/in")
    ran = cli("doctor", "--json")

    assert ran.code == 1
    assert finding(ran, "webhooks")["status"] == "broken"


def test_a_test_mail_arrives_through_tls_and_login(
    cli: Any, setting: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A firm's own authority is believed as its machines believe it."""
    ours = trust(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(ours.file))
    setting("MAIL_FROM", "Automation <automation@builder.com>")
    with mail_server(starttls=ours.server, login=True) as sink:
        setting("SMTP_URL", f"smtp://{USER}:p%40ss%2Fword%3A42@localhost:{sink.port}?starttls=required")
        ran = cli("doctor", "--send-test-mail", "ann@builder.com", "--json")

    assert ran.code == 0, ran.out
    assert sink.letter()["To"] == "ann@builder.com"
    assert finding(ran, "test mail")["said"] == "localhost took it for ann@builder.com"


def test_a_test_mail_that_fails_says_why(cli: Any, setting: Any) -> None:
    setting("MAIL_FROM", "automation@builder.com")
    with mail_server(login=True) as sink:
        setting("SMTP_URL", f"smtp://{USER}:not-{PASSWORD[:1]}@127.0.0.1:{sink.port}")
        ran = cli("doctor", "--send-test-mail", "ann@builder.com", "--json")

    assert ran.code == 1
    assert finding(ran, "test mail")["said"].startswith("NOTIFY_CREDENTIALS: ")


def test_a_test_mail_without_a_mail_server_says_what_to_set(cli: Any) -> None:
    ran = cli("doctor", "--send-test-mail", "ann@builder.com", "--json")

    assert ran.code == 1
    assert "CONSTRUCTION_MCP_SMTP_URL" in finding(ran, "test mail")["next"]


def test_a_receivers_secret_is_shown_to_the_operator(cli: Any) -> None:
    first = cli("keys", "webhook", "--url", "https://erp.builder.com/in", "--json")
    again = cli("keys", "webhook", "--url", "https://erp.builder.com/other", "--json")

    assert first.data["secret"].startswith("whsec_")
    assert first.data == again.data
    assert cli("keys", "webhook").code != 0
