"""The doctor on notifications: which channels are set up, and one mail to try the mail server."""

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from construction_mcp.cli.doctor.findings import Finding
from construction_mcp.core.clock import SystemClock
from construction_mcp.core.config import Settings, load_settings
from construction_mcp.core.errors import ConstructionError
from construction_mcp.core.launch import Launch

if TYPE_CHECKING:
    from construction_mcp.core.destinations import MailFrom, MailServer

SECTION = "Notifications"
_TO_SET_UP = "Set CONSTRUCTION_MCP_SMTP_URL and CONSTRUCTION_MCP_MAIL_FROM."
_ENCRYPTION = {"implicit": "TLS", "starttls": "STARTTLS required", "none": "no encryption, on this machine"}


def channels(launch: Launch) -> Iterator[Finding]:
    """What each channel is set up with, never its secret; nothing where the settings cannot be read."""
    try:
        settings = load_settings(launch)
    except ConstructionError:
        return  # the workspace's findings say so
    yield _mail(settings)
    yield _channel("Slack", settings.slack_webhook_url, "CONSTRUCTION_MCP_SLACK_WEBHOOK_URL")
    yield _channel("Teams", settings.teams_webhook_url, "CONSTRUCTION_MCP_TEAMS_WEBHOOK_URL")
    yield _webhooks(settings)


def try_mail(launch: Launch, address: str) -> Finding:
    """Send one mail and tell what the server said."""
    import asyncio

    try:
        settings = load_settings(launch)
        if settings.mail_server is None or settings.mail_from is None:
            return Finding(SECTION, "test mail", "broken", "mail is not set up", _TO_SET_UP)
        asyncio.run(_send(settings, settings.mail_server, settings.mail_from, address))
    except ConstructionError as problem:
        said = ", ".join(f"{name} {value}" for name, value in problem.details.items())
        return Finding(SECTION, "test mail", "broken", f"{problem.code}: {problem.message} ({said})", _remedy(problem))
    return Finding(SECTION, "test mail", "ok", f"{settings.mail_server.host} took it for {address}")


async def _send(settings: Settings, server: "MailServer", sender: "MailFrom", address: str) -> None:
    from construction_mcp.notify.mailer import Mailer
    from construction_mcp.notify.message import Message

    said = Message("Test mail of construction-mcp", "If you can read this, workflows can mail you.")
    await Mailer(server, sender, clock=SystemClock(), limits=settings.limits).send([address], said)


def _mail(settings: Settings) -> Finding:
    server = settings.mail_server
    if server is None or settings.mail_from is None:
        return Finding(SECTION, "mail", "absent", "not set up", _TO_SET_UP)
    user = f"as {server.username}" if server.username else "without login"
    said = f"{server.host}:{server.port}, {_ENCRYPTION[server.tls]}, {user}, from {settings.mail_from.address}"
    return Finding(SECTION, "mail", "ok", said, "Try it: construction-mcp doctor --send-test-mail you@builder.com")


def _channel(product: str, url: str | None, variable: str) -> Finding:
    if url is None:
        return Finding(SECTION, product, "absent", f"not set up ({variable})")
    return Finding(SECTION, product, "ok", f"a channel at {urlsplit(url).hostname}")


def _webhooks(settings: Settings) -> Finding:
    from construction_mcp.net.egress import allow_list

    if not settings.egress_allow:
        return Finding(SECTION, "webhooks", "absent", "no host is admitted (CONSTRUCTION_MCP_EGRESS_ALLOW)")
    try:
        allow_list(settings.egress_allow)
    except ConstructionError as problem:
        return Finding(SECTION, "webhooks", "broken", problem.message, problem.hint)
    return Finding(SECTION, "webhooks", "ok", f"to {', '.join(settings.egress_allow)}")


def _remedy(problem: ConstructionError) -> str:
    from construction_mcp.core.catalogue import CATALOGUE

    return problem.hint or CATALOGUE[problem.code].remedy
