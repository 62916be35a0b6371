"""Settings of mail and channels: what they mean, what is refused at start, and that no secret is repeated."""

from pathlib import Path

import pytest

from construction_mcp.core.config import Settings, load_settings
from construction_mcp.core.destinations import MailFrom, MailServer, read_mail_server
from construction_mcp.core.errors import Invalid
from construction_mcp.core.launch import read_launch

FROM = {"CONSTRUCTION_MCP_MAIL_FROM": "automation@builder.com"}


def settings(tmp_path: Path, **environ: str) -> Settings:
    set_here = {f"CONSTRUCTION_MCP_{name}": value for name, value in environ.items()}
    launch = read_launch({"data_dir": str(tmp_path)}, environ=set_here)
    return load_settings(launch, set_here)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.builder.com", MailServer("mail.builder.com", 587, "starttls")),
        ("smtp://mail.builder.com:25?starttls=required", MailServer("mail.builder.com", 25, "starttls")),
        ("smtps://u:p@mail.builder.com", MailServer("mail.builder.com", 465, "implicit", "u", "p")),
        ("smtp://a%40b.com:p%3A%2Fw@m.example:2525", MailServer("m.example", 2525, "starttls", "a@b.com", "p:/w")),
        ("smtp://localhost:1025", MailServer("localhost", 1025, "none")),
        ("smtp://127.0.0.1:25?starttls=never", MailServer("127.0.0.1", 25, "none")),
        ("smtp://[::1]:25", MailServer("::1", 25, "none")),
        ("smtp://127.0.0.1?starttls=required", MailServer("127.0.0.1", 587, "starttls")),
    ],
)
def test_a_mail_url_says_where_and_how_encrypted(url: str, server: MailServer) -> None:
    assert read_mail_server(url, "X") == server


@pytest.mark.parametrize(
    "url",
    [
        "smtp://u:canary@mail.builder.com?starttls=never",
        "smtp://u:canary@mail.builder.com?starttls=maybe",
        "smtps://u:canary@mail.builder.com?starttls=required",
        "smtp://u:canary@mail.builder.com?auth=xoauth2",
        "http://u:canary@mail.builder.com",
        "smtp://u:canary@",
        "smtp://u:canary@mail.builder.com:99999",
        "smtp://u:canary@mail.builder.com:0",
        "smtp://u:canary@mail.builder.com/inbox",
        "smtp://canary@mail.builder.com",
        "smtp://[canary",
        "canary",
    ],
)
def test_a_mail_url_that_is_unsafe_or_none_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_mail_server(url, "CONSTRUCTION_MCP_SMTP_URL")

    assert "CONSTRUCTION_MCP_SMTP_URL" in caught.value.message
    assert "canary" not in str(caught.value.public())


def test_a_mail_server_needs_somebody_to_send_as(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="CONSTRUCTION_MCP_MAIL_FROM"):
        settings(tmp_path, SMTP_URL="smtp://localhost")


@pytest.mark.parametrize(
    ("text", "sender"),
    [
        ("a@builder.com", MailFrom("a@builder.com")),
        ("Riverside Automation <a@builder.com>", MailFrom("a@builder.com", "Riverside Automation")),
        ('"Riverside, Inc." <a@builder.com>', MailFrom("a@builder.com", "Riverside, Inc.")),
    ],
)
def test_a_sender_may_have_a_name(tmp_path: Path, text: str, sender: MailFrom) -> None:
    assert settings(tmp_path, MAIL_FROM=text).mail_from == sender


@pytest.mark.parametrize(
    "text", ["builder.com", "a@b", "a@b.com, c@d.com", "X\r\nBcc: e@f.com <a@b.com>", "<a@b.com>x"]
)
def test_what_is_no_sender_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Invalid, match="MAIL_FROM"):
        settings(tmp_path, MAIL_FROM=text)


@pytest.mark.parametrize("name", ["SLACK_WEBHOOK_URL", "TEAMS_WEBHOOK_URL"])
@pytest.mark.parametrize(
    "url", ["http://hooks.example/canary", "canary", "https://u:canary@hooks.example/", "https://hooks.example/ canary"]
)
def test_a_channels_address_is_https_or_refused_without_repeating_it(tmp_path: Path, name: str, url: str) -> None:
    with pytest.raises(Invalid) as caught:
        settings(tmp_path, **{name: url})

    assert name in caught.value.message
    assert "canary" not in str(caught.value.public())


def test_settings_name_their_channels_and_show_no_secret(tmp_path: Path) -> None:
    chosen = settings(
        tmp_path,
        SMTP_URL="smtps://u:canary@mail.builder.com",
        MAIL_FROM="a@builder.com",
        SLACK_WEBHOOK_URL="https://hooks.example/canary",
        TEAMS_WEBHOOK_URL="https://teams.example/canary",
        EGRESS_ALLOW="erp.builder.com",
    )

    assert chosen.channels == {"log", "email", "slack", "teams", "webhook"}
    assert settings(tmp_path).channels == {"log"}
    assert "canary" not in repr(chosen)
