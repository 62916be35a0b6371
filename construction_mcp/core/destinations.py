"""Where notifications may go by the operator's choice: the mail server and the channels named in the settings.

The addresses of channels are secrets, as a mail server's password is: no message here repeats what was written.
"""

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from construction_mcp.core.errors import Invalid

# Deliverable in practice rather than all that RFC 5321 admits: no quoted names, no address literals.
MAIL_ADDRESS = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"

_FROM = re.compile(rf"(?:\"?(?P<name>[^\"<>@]{{1,100}}?)\"?\s*<(?P<named>{MAIL_ADDRESS})>|(?P<bare>{MAIL_ADDRESS}))")
_SUBMISSION, _SUBMISSIONS = 587, 465  # RFC 8314: with STARTTLS, and with TLS from the first byte


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in. tls: from the first byte, by STARTTLS and never without, or none, on this machine."""

    host: str
    port: int
    tls: Literal["implicit", "starttls", "none"]
    username: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class MailFrom:
    """Whom mail comes from."""

    address: str
    name: str = ""


def read_mail_server(url: str | None, variable: str) -> MailServer | None:
    """`smtps://user:password@host`, or `smtp://user:password@host:587?starttls=required`; None for None.

    Without `starttls` it is required too, except on this machine, where nobody listens on the way.

    Raises:
        Invalid: it is no such URL, or would send mail or a password in clear over a network.
    """
    if url is None:
        return None
    split = _split(url, variable)
    options = dict(parse_qsl(split.query, keep_blank_values=True))
    if split.scheme not in ("smtp", "smtps") or not split.hostname or split.path not in ("", "/"):
        raise Invalid(f"{variable} is not of the form smtp://user:password@host:587 or smtps://user:password@host.")
    if unknown := sorted(options.keys() - {"starttls"}):
        raise Invalid(f"{variable} has the option {unknown[0][:40]!r}; it can have starttls. XOAUTH2 is not offered.")
    if (split.username is None) != (split.password is None):
        raise Invalid(f"{variable} has a user without a password, or a password without a user.")
    tls = _tls(split.scheme, split.hostname, options.get("starttls"), variable)
    return MailServer(
        host=split.hostname,
        port=split.port or (_SUBMISSIONS if tls == "implicit" else _SUBMISSION),
        tls=tls,
        username=split.username and unquote(split.username),
        password=split.password and unquote(split.password),
    )


def _tls(scheme: str, host: str, starttls: str | None, variable: str) -> Literal["implicit", "starttls", "none"]:
    if starttls not in (None, "required", "never") or (scheme == "smtps" and starttls is not None):
        raise Invalid(f"{variable}: starttls can be required, or never on this machine; smtps needs neither.")
    if scheme == "smtps":
        return "implicit"
    if starttls == "required" or (starttls is None and not is_this_machine(host)):
        return "starttls"
    if not is_this_machine(host):
        raise Invalid(f"{variable} would send mail in clear over the network; use starttls=required or smtps.")
    return "none"


def read_mail_from(text: str | None, server: MailServer | None, variable: str) -> MailFrom | None:
    """`automation@builder.com` or `Riverside Automation <automation@builder.com>`.

    Raises:
        Invalid: it is no such address, or there is a mail server and nobody to send as.
    """
    if text is None:
        if server is not None:
            raise Invalid(f"{variable} is missing: it says whom the mails are from.")
        return None
    found = _FROM.fullmatch(text.strip()) if text.isprintable() else None
    if found is None:
        raise Invalid(f"{variable} is {text[:100]!r}; it has to be automation@builder.com or Name <address>.")
    return MailFrom(found["named"] or found["bare"], found["name"] or "")


def read_channel_url(url: str | None, variable: str) -> str | None:
    """The incoming-webhook address of a channel: https, or http on this machine.

    Raises:
        Invalid: it is no such address.
    """
    if url is None:
        return None
    split = _split(url, variable)
    is_safe = split.scheme == "https" or (split.scheme == "http" and is_this_machine(split.hostname or ""))
    if not is_safe or not split.hostname or split.username is not None or not url.isprintable() or " " in url:
        raise Invalid(f"{variable} is not an https address.")
    return url


def is_this_machine(host: str) -> bool:
    """Whether nothing sent there leaves this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _split(url: str, variable: str) -> SplitResult:
    try:
        split = urlsplit(url)
        assert split.port is None or split.port > 0
    except (ValueError, AssertionError):
        raise Invalid(f"{variable} is not a valid address.") from None
    return split
