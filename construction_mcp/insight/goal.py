"""What a goal in words says: when, about what, to whom, where. It is data: searched for words, never evaluated."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from construction_mcp.insight.vocabulary import KINDS, concepts, terms, words_of
from construction_mcp.insight.when import When, plain, read_when, read_zone
from construction_mcp.workflow.variables import KINDS as VARIABLE_KINDS

ADDRESSES_MAX = 50
PROJECTS_MAX = 50
_ADDRESS = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,6}")
_URL = re.compile(r"https://[^\s<>\"'{}]{1,500}")
_IDS = re.compile(
    r"\b(?:projects?|jobs?)\s*(?:#|no\.?|numbers?|ids?)?\s*:?\s*(\d{2,15}(?![\d-])(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+|\s*&\s*)#?\d{2,15}){0,49})"
)
_ALL = re.compile(
    r"\b(?:all|every|each|across)\b(?: (?:of )?(?:my|our|the))?(?: (?:active|open|current|running))?(?: \d+)? "
    r"(?:projects?|jobs?(?! ?sites?\b)|job ?sites?|sites?)\b|\ball (?:\w+ )?(?:projects|jobs)\b|\bcompany[- ]wide\b"
    r"|\bacross (?:the company|(?:all )?(?:my|our) (?:projects|jobs))\b"
)
_DURATION = re.compile(r"(?<!every )(?<!each )\b(\d{1,3})\s*(?:calendar |business |working |work )?(day|week)s?\b")
_ONE_WEEK = re.compile(r"\b(?:within|in|next|than|over) (?:a|the next|the|one) week\b")
_EVENT = re.compile(
    r"\b(?:when(?:ever)?|as soon as|the (?:moment|minute|second)|any ?time|(?:every|each) time|once|if|after"
    r"|immediately|instantly|right away|for (?:each|every|any) new|(?:each|every|any) new|on (?:each |every |a )?new)\b"
)
_CHANNELS = (
    ("notify.slack", re.compile(r"\bslack\b")),
    (
        "notify.teams",
        re.compile(
            r"\b(?:ms |microsoft )?teams (?:channel|message|chat)\b|\b(?:in|on|to|via) teams\b|\bmicrosoft teams\b"
        ),
    ),
    ("notify.email", re.compile(r"\be-?mails?\b|\bmails?\b")),
)
_GENERIC = words_of(
    """
    project building office center centre medical school elementary upgrade renovation tower phase street house plant
    the north south east west new main park water
    """
)


@dataclass(frozen=True, slots=True)
class Site:
    """A project that a goal may name. `zone` is its IANA time zone."""

    id: int
    name: str
    number: str | None
    zone: str | None
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Goal:
    """What was understood of a goal.

    words: all its telling words, known ones by their one name; concepts: those known ones, in their order.
    kind: the record it is mostly about. on_event: it should start when something happens, not by the clock.
    days: a span it names, "due within 5 days". channels: the action types that would tell people as it says.
    """

    text: str
    words: Sequence[str]
    concepts: Sequence[str]
    kind: str | None
    when: When | None
    zone: str | None
    on_event: bool
    addresses: Sequence[str]
    urls: Sequence[str]
    projects: Sequence[int]
    all_projects: bool
    days: int | None
    channels: Sequence[str]


def read_goal(text: str, sites: Sequence[Site] = ()) -> Goal:
    """Read a goal; `sites` are the projects it may call by name or number."""
    simple, known = plain(text), concepts(text)
    when, is_event = read_when(text), _EVENT.search(simple) is not None
    projects = projects_in(simple, sites)
    return Goal(
        text=text,
        words=terms(text),
        concepts=known,
        kind=_kind(simple, known),
        when=when,
        zone=read_zone(text) or _zone_of(projects, sites),
        on_event=is_event and when is None and any(one in KINDS for one in known),
        addresses=_addresses(text),
        urls=list(dict.fromkeys(one.rstrip(".,;)") for one in _URL.findall(text)))[:ADDRESSES_MAX],
        projects=projects,
        all_projects=_ALL.search(simple) is not None,
        days=_days(simple),
        channels=[name for name, said in _CHANNELS if said.search(simple)],
    )


def projects_in(text: str, sites: Sequence[Site]) -> list[int]:
    """The projects a plain text names: by id, by number, or by a part of the name that no other has."""
    found = [int(one) for group in _IDS.findall(text) for one in re.findall(r"\d+", group)]
    words = re.findall(r"[a-z0-9]+", text)
    joined = f" {' '.join(words)} "
    for site in sites:
        numbered = site.number is not None and re.search(rf"(?<![\w-]){re.escape(site.number.lower())}(?![\w-])", text)
        if numbered or any(f" {part} " in joined for part in _own_parts(site, sites)):
            found.append(site.id)
    return list(dict.fromkeys(found))[:PROJECTS_MAX]


def _own_parts(site: Site, sites: Sequence[Site]) -> list[str]:
    """Parts of its name that nobody would take for another: the first words together, or one telling word alone."""
    words = re.findall(r"[a-z0-9]+", site.name.lower())
    others = {word for one in sites if one.id != site.id for word in re.findall(r"[a-z0-9]+", one.name.lower())}
    alone = [word for word in words if len(word) >= 5 and word not in _GENERIC and word not in others]
    return [*alone, *([" ".join(words[:2])] if len(words) > 1 else []), " ".join(words)]


def _zone_of(projects: Sequence[int], sites: Sequence[Site]) -> str | None:
    """The zone of the projects it names, else of all active ones, where they share one."""
    named = [site for site in sites if site.id in projects] or [site for site in sites if site.is_active]
    zones = {site.zone for site in named}
    return zones.pop() if len(zones) == 1 else None


def _kind(text: str, known: Sequence[str]) -> str | None:
    """The first record after what starts it, else the first at all: "when a submittal is approved, write an RFI"."""
    start = _EVENT.search(text)
    after = concepts(text[start.end() :]) if start else []
    return next((one for one in (*after, *known) if one in KINDS), None)


def _addresses(text: str) -> list[str]:
    found = (one.strip("'.-") for one in _ADDRESS.findall(text))
    return list(dict.fromkeys(one for one in found if VARIABLE_KINDS["email"].fits(one)))[:ADDRESSES_MAX]


def _days(text: str) -> int | None:
    found = _DURATION.search(text)
    if found:
        return int(found[1]) * (7 if found[2] == "week" else 1)
    return 7 if _ONE_WEEK.search(text) else None
