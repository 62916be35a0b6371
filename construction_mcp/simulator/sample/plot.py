"""What a maker of sample records has to hand: its dice, its dates and who and what is on the project."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
from random import Random
from typing import Any, TypeVar

from construction_mcp.simulator.instants import stamp, today_in
from construction_mcp.simulator.kinds import first_id, scope_index_of
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.scales import Scale

T = TypeVar("T")
Row = tuple[dict[str, Any], int | None]  # a body, and the id of the record it hangs on
Sample = Callable[[str, int], Sequence[Record]]
Maker = Callable[["Plot"], Iterable[Row]]


class Plot:
    """One table being made."""

    def __init__(self, sample: Sample, dice: Random, scope: int, scale: Scale, born_at: datetime) -> None:
        self._sample = sample
        self.dice = dice
        self.scope = scope
        self.scale = scale
        self.born_at = born_at
        self.index = scope_index_of(scope)
        self._company_index = self.index // 100 if self.index >= 100 else self.index

    # -- who and what

    @property
    def company(self) -> int:
        return first_id("company", 0) + self._company_index

    @cached_property
    def project(self) -> Record:
        return self.get("project", self.scope, in_company=True)

    @cached_property
    def members(self) -> Sequence[Record]:
        on_project = set(self.project["member_ids"])
        return [user for user in self.users if user.id in on_project and not user["is_service_account"]]

    @property
    def users(self) -> Sequence[Record]:
        """Everybody in every company."""
        return self._sample("user", 0)

    @cached_property
    def employees(self) -> Sequence[int]:
        return [user.id for user in self.members if user["is_employee"]]

    @cached_property
    def designers(self) -> Sequence[int]:
        return [user.id for user in self.members if user["job_title"] in ("Architect", "Structural Engineer")]

    @cached_property
    def trade_people(self) -> Sequence[int]:
        return [user.id for user in self.members if user["level"] == "standard" and not user["is_employee"]]

    @cached_property
    def vendor_of(self) -> dict[int, int]:
        return {user.id: user["vendor_id"] for user in self.members}

    @cached_property
    def subcontractors(self) -> Sequence[Record]:
        """The company's vendors without itself, the designers and the owner's people."""
        return self.records("vendor", in_company=True)[4:]

    def ids(self, kind: str, *, in_company: bool = False) -> Sequence[int]:
        """All ids of another kind here; they are consecutive."""
        first = first_id(kind, self._index(in_company)) + 1
        return range(first, first + len(self.records(kind, in_company=in_company)))

    def records(self, kind: str, *, in_company: bool = False) -> Sequence[Record]:
        return self._sample(kind, self.company if in_company else self.scope)

    def get(self, kind: str, record_id: int, *, in_company: bool = False) -> Record:
        place = record_id - first_id(kind, self._index(in_company)) - 1
        return self.records(kind, in_company=in_company)[place]

    def _index(self, in_company: bool) -> int:
        return self._company_index if in_company else self.index

    # -- chance

    def pick(self, choices: Sequence[T]) -> T:
        return choices[int(self.dice.random() * len(choices))]

    def maybe(self, chance: float) -> bool:
        return self.dice.random() < chance

    def some(self, choices: Sequence[T], most: int) -> list[T]:
        """One to `most` different ones."""
        count = min(len(choices), 1 + int(self.dice.random() * most))
        return self.dice.sample(choices, count)

    def between(self, low: int, high: int) -> int:
        return low + int(self.dice.random() * (high - low + 1))

    # -- when

    @cached_property
    def today(self) -> date:
        """The project's day when the world began."""
        return today_in(self.project["time_zone"], self.born_at)

    def days(self, offset: int) -> str:
        """A date `offset` days from the project's today."""
        return (self.today + timedelta(days=offset)).isoformat()

    def moment(self, days: float) -> str:
        """A time `days` from the beginning of the world."""
        return stamp(self.moment_at(days))

    def moment_at(self, days: float) -> datetime:
        return self.born_at + timedelta(days=days)

    def stamps(self, created_days: float, updated_days: float | None = None) -> dict[str, Any]:
        """`created_at` and `updated_at`."""
        later = created_days if updated_days is None else max(created_days, updated_days)
        return {"created_at": self.moment(created_days), "updated_at": self.moment(later)}
