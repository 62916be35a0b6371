"""What a maker of sample records has to hand: its dice, its dates and who and what is on the project."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from construction_mcp.simulator.instants import stamp, today_in
from construction_mcp.simulator.records import Record
from construction_mcp.simulator.scales import SCALES, Scale

if TYPE_CHECKING:
    from construction_mcp.simulator.world import World

T = TypeVar("T")
Row = tuple[dict[str, Any], int | None]  # a body, and the id of the record it hangs on
Maker = Callable[["Plot"], Iterable[Row]]


class Plot:
    """One table being made."""

    def __init__(self, world: "World", dice: Random, scope: int, index: int) -> None:
        self.world = world
        self.dice = dice
        self.scope = scope
        self.index = index
        self.company_index = index // 100 if index >= 100 else index

    @property
    def scale(self) -> Scale:
        return SCALES[self.world.scale]

    # -- who and what

    @cached_property
    def project(self) -> Record:
        found = self.world.project(self.scope)
        assert found is not None
        return found

    @cached_property
    def company(self) -> int:
        return self.world.company_of(self.project)

    @cached_property
    def members(self) -> Sequence[Record]:
        users = (self.world.get("user", 0, each) for each in self.project["member_ids"])
        return [user for user in users if not user["is_service_account"]]

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
        """All ids of another kind here."""
        cache = self.__dict__.setdefault("_ids", {})
        if kind not in cache:
            cache[kind] = [record.id for record in self.world.table(kind, self.company if in_company else self.scope)]
        found: Sequence[int] = cache[kind]
        return found

    def records(self, kind: str, *, in_company: bool = False) -> Sequence[Record]:
        return list(self.world.table(kind, self.company if in_company else self.scope))

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
        return today_in(self.project["time_zone"], self.world.born_at)

    def days(self, offset: int) -> str:
        """A date `offset` days from the project's today."""
        return (self.today + timedelta(days=offset)).isoformat()

    def moment(self, days: float) -> str:
        """A time `days` from the beginning of the world."""
        return stamp(self.moment_at(days))

    def moment_at(self, days: float) -> datetime:
        return self.world.born_at + timedelta(days=days)

    def stamps(self, created_days: float, updated_days: float | None = None) -> dict[str, Any]:
        """`created_at` and `updated_at`."""
        later = created_days if updated_days is None else max(created_days, updated_days)
        return {"created_at": self.moment(created_days), "updated_at": self.moment(later)}
