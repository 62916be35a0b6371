"""What a Procore path says: whether it is well formed, which company and project it names, which records it touches.

Tags are how cached reads are forgotten: `project:7` is on every read in project 7, `project:7:rfis` on its RFIs.
Source: Procore "REST API Overview" (`/rest/v{api}.{resource}/...`).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from construction_mcp.core.errors import Invalid
from construction_mcp.procore.responses import number_or_none

_PATH = re.compile(r"/rest/v\d{1,2}\.\d{1,2}(?:/[A-Za-z0-9_\-~.]{1,200}){1,20}")
_PATH_CHARS_MAX = 1000
_QUERY_PAIRS_MAX = 200

# One entry of a day changes the day's counts and its header too.
_DAILY_LOG = re.compile(r"daily_log.*|.*_logs?|timecard_entries")
# Places and events whose records show up in another kind's lists.
_ALIASES = {
    "change_event": "change_events",
    "change_event_line_items": "change_events",
    "company_users": "users",
    "company_vendors": "vendors",
    "files": "documents",
    "file_versions": "documents",
    "folders": "documents",
    "generic_tool_items": "generic_tools",
    "image_categories": "images",
    "inspection_checklists": "checklist",
    "meeting_attendees": "meetings",
    "meeting_categories": "meetings",
    "meeting_topics": "meetings",
    "observation_item_response_logs": "observations",
    "observation_items": "observations",
    "project_file_versions": "documents",
    "project_files": "documents",
    "project_folders": "documents",
    "project_users": "users",
    "project_vendors": "vendors",
    "punch_item_assignments": "punch_items",
    "rfi_replies": "rfis",
    "submittal_approvers": "submittals",
    "submittal_logs": "submittals",
    "submittal_packages": "submittals",
}


def checked(path: str) -> str:
    """The path, when it is one of Procore's REST form.

    Raises:
        Invalid: it is not; nothing is sent anywhere else.
    """
    if len(path) > _PATH_CHARS_MAX or not _PATH.fullmatch(path) or any(part in (".", "..") for part in path.split("/")):
        raise Invalid(
            "The path is not one of Procore's REST API.",
            hint="It looks like /rest/v1.0/projects/7/rfis; put filters into query.",
        )
    return path


def query_pairs(query: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Rails-style pairs: {"filters": {"status": ["open"]}} becomes filters[status][]=open. None is left out.

    Raises:
        Invalid: more pairs than any request needs.
    """
    pairs = tuple(pair for key, value in query.items() for pair in _pairs(key, value))
    if len(pairs) > _QUERY_PAIRS_MAX:
        raise Invalid(f"The query has more than {_QUERY_PAIRS_MAX} values.", code="VALIDATION_TOO_LARGE")
    return pairs


def encoded(pairs: tuple[tuple[str, str], ...]) -> str:
    """The query string; brackets stay, as Procore's documentation writes them."""
    return "&".join(f"{quote(key, safe='[]_')}={quote(value, safe='')}" for key, value in pairs)


def _pairs(key: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _pairs(f"{key}[{name}]", inner)
    elif isinstance(value, list | tuple | set | frozenset):
        for entry in value:
            yield from _pairs(f"{key}[]", entry)
    elif isinstance(value, bool):
        yield key, "true" if value else "false"
    elif value is not None:
        yield key, str(value)


def company_in(path: str, query: Mapping[str, Any], body: Any = None) -> int | None:
    """The company that a request names in its path, query or body."""
    found = re.search(r"/companies/(\d{1,19})(?:/|$)", path)
    if found:
        return int(found.group(1))
    return number_or_none(query.get("company_id")) or _of_body(body, "company_id")


def project_in(path: str, query: Mapping[str, Any], body: Any = None) -> int | None:
    """The project that a request names in its path, query or body."""
    found = re.search(r"/projects/(\d{1,19})(?:/|$)", path)
    if found:
        return int(found.group(1))
    return number_or_none(query.get("project_id")) or _of_body(body, "project_id")


def needs_no_company(path: str) -> bool:
    """`me` and the list of companies answer a user's token without the company header."""
    return bool(re.fullmatch(r"/rest/v1\.\d+/(me|companies)", path))


def tags_of(path: str, query: Mapping[str, Any], company: int | None, body: Any = None) -> frozenset[str]:
    """The tags of a read, and what a write to the same place has to forget beyond `project:<id>`."""
    project = project_in(path, query, body)
    kind = kind_of(path)
    if project is None or kind == "projects":
        tags = {f"company:{company}:{kind}"}
    else:
        tags = {f"project:{project}:{kind}"}
    return frozenset(tags if project is None else tags | {f"project:{project}"})


def tags_written(path: str, query: Mapping[str, Any], company: int | None, body: Any = None) -> frozenset[str]:
    """What a write makes stale: the records of its kind, not the whole project."""
    return frozenset(tag for tag in tags_of(path, query, company, body) if tag.count(":") == 2)


def kind_of(path: str) -> str:
    """The kind of record: the first name behind the company and project (`rfis`, `punch_items`, `daily_logs`)."""
    names = [part for part in path.split("/")[3:] if part and not part.isdigit()]
    inside = [name for name in names if name not in ("companies", "projects")]
    return kind_named(inside[0] if inside else names[-1])


def kind_named(name: str) -> str:
    """One name per kind, whichever of its endpoints or events is meant."""
    if name in _ALIASES:
        return _ALIASES[name]
    return "daily_logs" if _DAILY_LOG.fullmatch(name) else name


def _of_body(body: Any, key: str) -> int | None:
    return number_or_none(body.get(key)) if isinstance(body, Mapping) else None
