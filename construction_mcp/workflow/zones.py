"""Time zones by their IANA names, and what people say instead."""

from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from construction_mcp.core.nearest import nearest
from construction_mcp.procore.records.zones import iana_named

# What people of the places that Procore is used in say; the daylight name means the zone too.
_SPOKEN = {
    "eastern": "America/New_York",
    "est": "America/New_York",
    "edt": "America/New_York",
    "et": "America/New_York",
    "central": "America/Chicago",
    "cst": "America/Chicago",
    "cdt": "America/Chicago",
    "ct": "America/Chicago",
    "mountain": "America/Denver",
    "mst": "America/Denver",
    "mdt": "America/Denver",
    "mt": "America/Denver",
    "pacific": "America/Los_Angeles",
    "pst": "America/Los_Angeles",
    "pdt": "America/Los_Angeles",
    "pt": "America/Los_Angeles",
    "alaska": "America/Anchorage",
    "akst": "America/Anchorage",
    "hawaii": "Pacific/Honolulu",
    "hst": "Pacific/Honolulu",
    "atlantic": "America/Halifax",
    "bst": "Europe/London",
    "cet": "Europe/Berlin",
    "cest": "Europe/Berlin",
    "aest": "Australia/Sydney",
    "acst": "Australia/Adelaide",
    "awst": "Australia/Perth",
    "nzst": "Pacific/Auckland",
    "z": "UTC",
    "utc": "UTC",
    "gmt": "UTC",
    "dallas": "America/Chicago",
    "houston": "America/Chicago",
    "austin": "America/Chicago",
    "atlanta": "America/New_York",
    "boston": "America/New_York",
    "miami": "America/New_York",
    "washington": "America/New_York",
    "san francisco": "America/Los_Angeles",
    "seattle": "America/Los_Angeles",
    "portland": "America/Los_Angeles",
    "las vegas": "America/Los_Angeles",
}
_OLD = frozenset({"Brazil", "Canada", "Chile", "Etc", "Mexico", "US"})
_OF_THE_MACHINE = frozenset(
    {"localtime", "Factory", "posixrules"}
)  # installed like zones; mean a different one elsewhere
_WITHOUT_SUMMER_TIME = frozenset(
    {"EST", "MST"}
)  # IANA has these, at one offset all year; nobody who says them means it


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(available_timezones()) - _OF_THE_MACHINE


@lru_cache(maxsize=1024)
def zone_named(name: str) -> ZoneInfo | None:
    """The zone of an IANA name, spelt as IANA does on every system; None for anything else."""
    return ZoneInfo(name) if name in _names() else None


def is_treacherous(name: str) -> bool:
    """Whether it is a zone that is an hour off what people mean by it during half of the year."""
    return name in _WITHOUT_SUMMER_TIME


def zones_like(name: str) -> list[str]:
    """IANA names that may be meant, likeliest first: by abbreviation, city, Procore's name for it, or spelling."""
    said = name.strip().lower().removesuffix(" time")
    city = said.rpartition("/")[2].replace("_", " ")
    spoken = [zone for zone in (_SPOKEN.get(said), iana_named(name.strip())) if zone]
    meant = spoken or _by_city().get(city, [])
    spelt = [zone for near in nearest(city, _by_city()) for zone in _by_city()[near]]
    return list(dict.fromkeys(meant or [*nearest(name, [zone for zone in _names() if "/" in zone]), *spelt]))[:3]


@lru_cache(maxsize=1)
def _by_city() -> dict[str, list[str]]:
    """Zones by the last part of their names, in lower case; those of continents before the older ones of countries."""
    found: dict[str, list[str]] = {}
    for zone in sorted(_names(), key=lambda zone: (zone.partition("/")[0] in _OLD, zone)):
        found.setdefault(zone.rpartition("/")[2].lower().replace("_", " "), []).append(zone)
    return found
