"""People as a caller names them: `me`, a name, a login or a user id."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from construction_mcp.core.errors import Invalid, NextCall
from construction_mcp.core.nearest import nearest
from construction_mcp.procore.access import Procore
from construction_mcp.procore.records.fields import text
from construction_mcp.procore.responses import number_or_none

_CANDIDATES_MAX = 20


@dataclass(frozen=True, slots=True)
class Person:
    """A Procore user."""

    id: int
    name: str
    login: str | None = None


async def read_me(procore: Procore) -> Person:
    """Who the connection belongs to. Source: endpoint `GET /rest/v1.0/me`.

    Raises:
        Invalid: the workspace reads through a service account, which is nobody.
    """
    if procore.connection.grant == "client_credentials":
        raise Invalid(
            "'me' is nobody here: this workspace reaches Procore through a service account.",
            hint="Give the person's name instead.",
        )
    raw = await procore.get("/rest/v1.0/me", ttl_s=procore.limits.record_cache_s)
    me = person_of(raw) if isinstance(raw, Mapping) else None
    if me is None:
        raise Invalid("Procore does not say who 'me' is.", hint="Give the person's name instead.")
    return me


def person_of(raw: Mapping[str, Any]) -> Person | None:
    """A user from a row of any list of people; None without an id."""
    user_id = number_or_none(raw.get("id"))
    login = text(raw.get("login")) or text(raw.get("email_address"))
    return None if user_id is None else Person(user_id, text(raw.get("name")) or login or str(user_id), login)


def person_named(words: str, people: Sequence[Person], field: str, project_id: int) -> Person:
    """The one of `people` that `words` means: an id, a login, a name, or a part of a name that no other shares.

    Raises:
        Invalid: none or several, with who could be meant.
    """
    asked = words.strip().lower()
    exact = [one for one in people if asked in (str(one.id), one.name.lower(), (one.login or "").lower())]
    found = exact or [one for one in people if asked and asked in one.name.lower()]
    if len(found) == 1:
        return found[0]
    near = nearest(words, [one.name for one in people])
    candidates = found or [one for one in people if one.name in near] or list(people)
    raise Invalid(
        f"{field}: {'several people fit' if found else 'nobody who may be chosen fits'} {words[:100]!r}.",
        details={
            "field": field,
            "candidates": [{"id": one.id, "name": one.name} for one in candidates[:_CANDIDATES_MAX]],
        },
        next_call=NextCall("find_project_people", {"project_id": project_id}, "find the person and their id"),
    )


def any_named(words: str) -> Callable[[Sequence[str]], bool]:
    """Whether one of some names contains `words`, case aside."""
    asked = words.strip().lower()
    return lambda names: any(asked in name.lower() for name in names)
