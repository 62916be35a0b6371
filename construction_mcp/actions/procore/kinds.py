"""What a kind of Procore record has in common as actions: `list`, `get` and the writes differ in a few words.

Requests are counted as `procore/records/` sends them: a page of a list each, and one for the list of projects, which
names them and says what day it is there (kept for minutes). Lists of names (people, places, statuses) are counted as
one page.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator

from construction_mcp.actions.action import ActionType, Config, Consent, Level, Need, Setting, Written
from construction_mcp.actions.places import ProjectId, Projects, place_of
from construction_mcp.actions.procore.carrying import Look, changing, listing, reading
from construction_mcp.actions.schemas import item_of, list_of
from construction_mcp.actions.written import HOLE
from construction_mcp.core.config import Limits

_LIMITS = Limits()
_PROJECTS = 1  # the list of projects
_ADJECTIVES = ("overdue", "deficient", "critical")
_EVERYTHING = ("any", "all")

RecordId = Annotated[int, Field(ge=1)]
Text = Annotated[str | None, Field(min_length=1, max_length=100, description="Only those with these words")]
Who = Annotated[str | None, Field(min_length=1, max_length=100, description="me or part of a name")]
Overdue = Annotated[bool, Field(description="Only open ones past their due date")]
UpdatedSince = Annotated[date | None, Field(description="Only changed on or after this day")]
PersonName = Annotated[str, Field(min_length=1, max_length=100)]
NewName = Annotated[str, Field(min_length=3, max_length=255, description="One line naming the defect and the place")]
NewDescription = Annotated[
    str | None, Field(min_length=1, max_length=10_000, description="What is wrong and what done looks like")
]
NewDue = Annotated[date | None, Field(description="Day it must be done")]
NewPlace = Annotated[str | None, Field(min_length=1, max_length=200, description="Location by name or id")]
ExpectedVersion = Annotated[
    str | None, Field(max_length=40, description="updated_at that was read; refused if it changed since")
]


class ListConfig(Config):
    """What every list takes."""

    projects: Projects = None
    limit: Annotated[
        int | None, Field(ge=1, le=2000, description="At most this many, in the list's order; all unless given")
    ] = None


class DaysConfig(ListConfig):
    """A list of what happens on some days. What a missing day means is the list's own."""

    from_date: date | None = None
    to_date: date | None = None

    @model_validator(mode="after")
    def _runs_forward(self) -> Self:
        first, last = self.from_date, self.to_date
        if isinstance(first, date) and isinstance(last, date) and first > last:  # either may still be computed
            raise ValueError("from_date is after to_date")
        return self


class OneConfig(Config):
    """What every action on one record takes."""

    project_id: ProjectId = None


def _one(_written: Written) -> int:
    return 1


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of record.

    name: the family, `procore.rfi`; one, many: "an RFI", "RFIs"; record: what its readers give.
    tool: Procore's own name of the tool it is kept in, whose permission is needed; reading takes Read Only, writing
    Standard, but for fields that are an admin's (FACTS 10.4; the endpoints' own words).
    lister, getter: the tools of this server that read it (`carrying.py`); at_once: whether the first takes several
    projects, detailed: whether it has to be asked for all fields.
    in_project: its records do not say which project they are in, so that is added.
    """

    name: str
    one: str
    many: str
    tool: str
    record: type
    lister: str
    getter: str = ""
    at_once: bool = False
    detailed: bool = False
    in_project: bool = True

    def list(
        self,
        config: type[ListConfig],
        doc: str,
        lists: Callable[[Written], int] = _one,
        *,
        pages: int | None = None,
        finds_first: int = 0,
    ) -> ActionType:
        """`<name>.list`.

        lists: how many lists of a project it reads; pages: the most one has, as many as are ever read unless given.
        finds_first: requests before the first list.
        """

        def requests(written: Written, setting: Setting) -> int:
            first = _PROJECTS + finds_first + ("me" in written.values())  # who that is has to be asked
            return _at_most(first, place_of(written, setting).count * lists(written), pages)

        return ActionType(
            f"{self.name}.list",
            config,
            effect="read",
            doc=doc,
            output=list_of(self.record, in_project=self.in_project),
            words=lambda written, setting: (
                f"read the {_filtered(config, written)}{self.many} of {_place(written, setting)}"
            ),
            needs=lambda written, setting: self._needs("read_only", written, setting),
            requests=requests,
            procore_tool=self.tool,
            perform=listing(
                self.lister,
                at_once=self.at_once,
                in_project=self.in_project,
                options={"detail": "full"} if self.detailed else None,
            ),
        )

    def get(self, config: type[OneConfig], doc: str, sends: int = 1) -> ActionType:
        """`<name>.get`; `sends` counts its requests."""
        return ActionType(
            f"{self.name}.get",
            config,
            effect="read",
            doc=doc,
            output=item_of(self.record, in_project=self.in_project),
            words=lambda written, setting: f"read {self.one} of {_place(written, setting)}",
            needs=lambda written, setting: self._needs("read_only", written, setting),
            requests=lambda _written, _setting: _PROJECTS + sends,
            procore_tool=self.tool,
            perform=reading(self.getter, in_project=self.in_project),
        )

    def write(
        self,
        verb: str,
        config: type[OneConfig],
        doc: str,
        words: str,
        *,
        by: str,
        looks: Look,
        gives: type | None = None,
        sends: int = 1,
        looks_up: Sequence[str] = (),
        admin_only: Sequence[str] = (),
    ) -> ActionType:
        """`<name>.<verb>`: one change in one project.

        words: what it does, "reply to an RFI"; gives: what it answers with, the record unless given.
        by: the tool of this server that does it; looks: how it is found where its reply was lost.
        sends: its requests; looks_up: fields whose name or number is looked up in one more list.
        admin_only: fields that Procore takes from an admin of the tool and ignores from others without an error.
        """
        name = f"{self.name}.{verb}"
        target = name.removeprefix("procore.")

        def level(written: Written) -> Level:
            return "admin" if any(written.get(one) is not None for one in admin_only) else "standard"

        return ActionType(
            name,
            config,
            effect="write",
            doc=doc,
            output=item_of(gives or self.record, in_project=self.in_project and gives is None),
            words=lambda written, setting: f"{words} in {_place(written, setting)}",
            consents=lambda written, setting: [Consent("procore", f"{target} in {place_of(written, setting).target}")],
            needs=lambda written, setting: self._needs(level(written), written, setting),
            requests=lambda written, _setting: _PROJECTS + sends + sum(one in written for one in looks_up),
            procore_tool=self.tool,
            perform=changing(
                by, gives or self.record, target, looks=looks, in_project=self.in_project and gives is None
            ),
        )

    def _needs(self, level: Level, written: Written, setting: Setting) -> Sequence[Need]:
        return [Need(self.tool, level, one) for one in place_of(written, setting).ids]


def _place(written: Written, setting: Setting) -> str:
    return place_of(written, setting).words


def _at_most(first: int, lists: int, pages: int | None) -> int:
    """The most that reading so many lists can send: the pages of each, until the step's budget is spent."""
    return min(first + lists * (pages or _LIMITS.procore_pages_max), _LIMITS.requests_per_call)


def _filtered(config: type[Config], written: Written) -> str:
    """The filters that people name before the noun: "open overdue ". What a template decides is not named."""
    known = config.model_fields.get("status")
    status = written.get("status", known.default if known else None)
    named = [status.replace("_", " ")] if isinstance(status, str) and status not in _EVERYTHING else []
    flags = [name for name in _ADJECTIVES if written.get(name) is True]
    return "".join(f"{word} " for word in [*named, *flags] if HOLE not in word)
