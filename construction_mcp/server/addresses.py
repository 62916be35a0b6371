"""Where `serve` listens, what may reach it there, and the URLs it tells people."""

import ipaddress
import socket
from urllib.parse import urlsplit

from mcp.server.transport_security import TransportSecuritySettings

from construction_mcp.core.config import Settings
from construction_mcp.core.errors import Invalid, Unavailable

_LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")
_BACKLOG = 1024


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`. Names are not resolved: what one answers today is no promise."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def require_guarded(host: str, settings: Settings, *, no_auth: bool) -> None:
    """Refuse to offer the workspace to a network without a lock on the door (security.md finding 7).

    Raises:
        Invalid: binding beyond loopback without authentication or without knowing the hosts people will call.
    """
    if is_loopback(host):
        return
    if no_auth:
        raise Invalid(
            f"--no-auth works only on loopback, and --host {host} is reachable from elsewhere.",
            hint="Drop --no-auth, or bind 127.0.0.1.",
        )
    if not settings.public_url and not settings.allowed_hosts:
        raise Invalid(
            f"--host {host} is reachable from elsewhere, and the names it may be called by are not set.",
            hint="Set CONSTRUCTION_MCP_PUBLIC_URL or CONSTRUCTION_MCP_ALLOWED_HOSTS, or bind 127.0.0.1.",
        )


def transport_security(settings: Settings) -> TransportSecuritySettings:
    """The Host and Origin values that are ours: loopback, the public URL, and what the operator allowed.

    A page that rebinds its own name to 127.0.0.1 sends its own name, so loopback names are safe to allow always.

    Raises:
        Invalid: CONSTRUCTION_MCP_PUBLIC_URL is not an http(s) URL with a host.
    """
    hosts = [name for host in _LOOPBACK_HOSTS for name in (host, f"{host}:*")]
    origins = [name for host in _LOOPBACK_HOSTS for name in (f"http://{host}", f"http://{host}:*")]
    if settings.public_url:
        scheme, authority = _public(settings.public_url)
        hosts.append(authority)
        origins.append(f"{scheme}://{authority}")
    for host in settings.allowed_hosts:
        hosts += [host] if _has_port(host) else [host, f"{host}:*"]
        origins += [f"{scheme}://{name}" for scheme in ("http", "https") for name in (host, f"{host}:*")]
    return TransportSecuritySettings(enable_dns_rebinding_protection=True, allowed_hosts=hosts, allowed_origins=origins)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket's address, taken before anything else is started; port 0 picks a free one.

    Raises:
        Unavailable: the address is taken or not ours.
        Invalid: there is no such host.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError):
        raise Invalid(f"--host {host} is not an address of this machine.") from None
    listener = socket.socket(family, kind, protocol)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as problem:
        listener.close()
        raise Unavailable(
            f"{host}:{port} cannot be listened on: {problem.strerror or problem}.",
            hint="Choose another --port, or 0 for any free one.",
        ) from None
    return listener


def local_url(listener: socket.socket) -> str:
    """Where this machine reaches the listener: the wildcard addresses are reached over loopback."""
    host, port = listener.getsockname()[:2]
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        host = "127.0.0.1" if address.version == 4 else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _public(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port is not False
    except ValueError:
        usable = False
    if not usable:
        raise Invalid(
            f"CONSTRUCTION_MCP_PUBLIC_URL is {url!r}; it must be a URL like https://mcp.example.com.",
        )
    return parts.scheme, parts.netloc.rpartition("@")[2]


def _has_port(host: str) -> bool:
    return host.rpartition("]")[2].count(":") == 1
