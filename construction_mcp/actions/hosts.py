"""Where a written address leads: a host can be agreed to only if no run decides it."""

import re
from typing import Annotated

from pydantic import Field

from construction_mcp.actions.action import Consent, Unbounded
from construction_mcp.actions.form import Form
from construction_mcp.actions.written import HOLE, awaits_user
from construction_mcp.net.addresses import canonical_host

# No user names and no IPv6 literals: a system worth automating has a name. The authority has to end before the first
# hole: in `https://good.example{{ x }}` x may be `@evil.example/`.
_ORIGIN = re.compile(r"(https?)://([^/?#\\@{}\[\]:\s]+)(?::([0-9]{1,5}))?(?=[/?#]|$)", re.IGNORECASE)
_URL = r"^https?://[^/?#\\@{}\[\]:\s]+(:[0-9]{1,5})?([/?#]\S*)?$"

Url = Annotated[str, Form(_URL, "an address, as https://erp.builder.com/in"), Field(max_length=4000)]
"""An address with a host and no user name, http or https."""


def host_of(address: str) -> str | None:
    """`host` for https, else `host:port`; None where the host is not written out."""
    found = _ORIGIN.match(address)
    host = canonical_host(found[2]) if found else ""
    if found is None or not host:
        return None
    port = int(found[3] or (443 if found[1].lower() == "https" else 80))
    return host if port == 443 else f"{host}:{port}"


def agreed(kind: str, field: str, address: str) -> list[Consent | Unbounded]:
    """Consent to the host of an address, or why nobody can give it.

    Nothing while a variable has no value yet, and for what is no address: the config's own check tells that.
    """
    host = host_of(address)
    if host is not None:
        return [Consent(kind, host)]
    if HOLE not in address or awaits_user(address):
        return []
    return [
        Unbounded(
            field,
            f"Where {address[:100]!r} leads would be decided only in the run.",
            "Write out https:// and the host; what comes after the host may have templates.",
        )
    ]


def host_in_words(address: str) -> str:
    """The host, or that it is not known."""
    return host_of(address) or "an address given by a template"
