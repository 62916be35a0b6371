"""Which IP addresses are the public internet.

`ipaddress.is_global` alone is not enough: it passes NAT64 and IPv4-compatible forms of private addresses, multicast and
a cloud's host services, and its tables differ between Python versions. So: our own list first, `is_global` on top.
Source: IANA special-purpose address registries (IPv4 and IPv6).
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address

# Nobody means to call these, not even an operator who named the host.
_NEVER = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",  # "this host": Linux connects it to loopback
            "169.254.0.0/16",  # link-local, with every cloud's metadata service
            "168.63.129.16/32",  # Azure host services, in the middle of public space
            "192.0.0.0/24",  # protocol assignments; Oracle's metadata service
            "100.100.100.200/32",  # Alibaba metadata
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved and broadcast
            "::/128",
            "::ffff:0:0:0/96",  # SIIT-translated IPv4
            "64:ff9b::/96",  # NAT64: the gateway would reach the IPv4 address inside
            "64:ff9b:1::/48",  # local NAT64
            "100::/64",  # discard
            "2001::/23",  # protocol assignments, with Teredo
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: an IPv4 address inside
            "3fff::/20",  # documentation
            "5f00::/16",  # segment routing
            "fd00:ec2::/32",  # AWS metadata
            "fe80::/10",  # link-local
            "fec0::/10",  # site-local, deprecated and still routed
            "ff00::/8",  # multicast
        ),
    )
)
# Not public, but an operator may run something there.
_PRIVATE = tuple(
    map(
        ip_network,
        (
            "10.0.0.0/8",
            "100.64.0.0/10",  # carrier-grade NAT, also VPN meshes
            "127.0.0.0/8",
            "172.16.0.0/12",
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",
            "198.18.0.0/15",  # benchmarking
            "198.51.100.0/24",
            "203.0.113.0/24",
            "::1/128",
            "fc00::/7",
        ),
    )
)
_IPV4_COMPATIBLE = ip_network("::/96")


def is_never_reachable(address: Address) -> bool:
    """Metadata services, link-local, multicast and tunnels: refused whoever asks."""
    inner = _unwrapped(address)
    if isinstance(inner, IPv6Address) and inner in _IPV4_COMPATIBLE and int(inner) > 1:
        return True  # ::127.0.0.1 and its kin; ::1 itself is loopback
    return _within(inner, _NEVER)


def is_public(address: Address) -> bool:
    """Whether the address belongs to somebody on the internet, by our list and by Python's."""
    inner = _unwrapped(address)
    return not is_never_reachable(inner) and not _within(inner, _PRIVATE) and inner.is_global


def parse(text: str) -> Address | None:
    """A literal address, with or without brackets or zone; None for a name."""
    try:
        return ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None


def canonical_host(host: str) -> str:
    """Lower case, no root dot, IDNA; one spelling for one name. Empty for what cannot be a name."""
    host = host.rstrip(".").lower()
    try:
        return host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        return ""


def _unwrapped(address: Address) -> Address:
    """::ffff:127.0.0.1 is 127.0.0.1 to every socket."""
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _within(address: Address, networks: tuple[object, ...]) -> bool:
    return any(address in network for network in networks)  # type: ignore[operator]  # v4 in v6 network is False
