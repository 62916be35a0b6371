"""Finds action types by name and imports no more than the one family that is asked for.

The longest prefix of a name that is a module here is its family: `procore.rfi.list` is in `procore/rfi.py`,
`procore.request` in `procore/request.py`, `notify.email` in `notify.py`. Outside packages declare an entry point in
group `construction_mcp.actions`, as toolsets do (`registry/catalog.py`); what they get wrong is told, and hides nothing
of ours.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from construction_mcp.actions.action import ActionType

ENTRY_POINT_GROUP = "construction_mcp.actions"
_HERE = Path(__file__).parent
_PACKAGE = __name__.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class Broken:
    """A family of an outside package that cannot be used, and why."""

    family: str
    module: str
    why: str


class Catalogue:
    """Every action type of this installation."""

    def __init__(self) -> None:
        self._types: dict[str, ActionType] = {}
        self._loaded: set[str] = set()
        self._broken: list[Broken] = []

    def get(self, name: str) -> ActionType | None:
        """The type of that name; None when nobody provides it, or who does is broken."""
        if name not in self._types:
            self._load(next((prefix for prefix in _prefixes(name) if self._is_family(prefix)), None))
        return self._types.get(name)

    def names(self) -> Sequence[str]:
        """Every name, sorted. Imports all families, once."""
        for family in (*_modules_here(), *self._outside):
            self._load(family)
        return sorted(self._types)

    @property
    def problems(self) -> Sequence[Broken]:
        """What is wrong with outside packages. Imports those, once, and nothing of ours."""
        for outside in self._outside:
            self._load(outside)
        taken = [(family, module) for family, module in _claims() if self._outside.get(family) != module]
        return [
            *(Broken(*claim, f"{claim[0]} is provided by {self._owner(claim[0])}.") for claim in taken),
            *self._broken,
        ]

    def describe(self, name: str) -> dict[str, Any] | None:
        """What an author needs to use the type: its config as it is once templates are filled in, and what it gives."""
        found = self.get(name)
        if found is None:
            return None
        return {
            "name": found.name,
            "doc": found.doc,
            "effect": found.effect,
            "asks_person": found.asks_person,
            "config": found.config.model_json_schema(),
            "output": dict(found.output({}) if callable(found.output) else found.output),
        }

    def _load(self, family: str | None) -> None:
        if family is None or family in self._loaded:
            return
        self._loaded.add(family)
        if family in self._outside:
            self._load_outside(family, self._outside[family])
        else:
            module = import_module(f"{_PACKAGE}.{family}")
            self._types |= _types_in(module, family) if hasattr(module, "TYPES") else {}  # some only serve the others

    def _load_outside(self, family: str, module: str) -> None:
        try:
            self._types |= _types_in(import_module(module), family)
        except Exception as problem:  # noqa: BLE001 - it is somebody else's code, and must not take ours down with it
            self._broken.append(Broken(family, module, f"{type(problem).__name__}: {problem}"))

    def _is_family(self, name: str) -> bool:
        return name in _modules_here() or name in self._outside

    @cached_property
    def _outside(self) -> Mapping[str, str]:
        """Module by family, for families that are not ours; the first by module name where several claim one."""
        claimed: dict[str, str] = {}
        for family, module in _claims():
            if family.partition(".")[0] not in _families_here():
                claimed.setdefault(family, module)
        return claimed

    def _owner(self, family: str) -> str:
        return self._outside.get(family, "construction-mcp itself")


def _claims() -> Sequence[tuple[str, str]]:
    """Family and module as outside packages declare them; reads metadata, imports nothing of theirs."""
    from importlib.metadata import entry_points

    found = entry_points(group=ENTRY_POINT_GROUP)
    return sorted((entry.name, entry.value.partition(":")[0].strip()) for entry in found)


@cache
def _modules_here() -> frozenset[str]:
    """The modules of this room by their dotted names, `procore.rfi`; those without `TYPES` among them."""
    paths = (path.relative_to(_HERE).with_suffix("") for path in _HERE.rglob("*.py") if path.stem != "__init__")
    return frozenset(".".join(path.parts) for path in paths)


@cache
def _families_here() -> frozenset[str]:
    """What no outside package may add to: the first parts of our names."""
    return frozenset(name.partition(".")[0] for name in _modules_here())


def _types_in(module: ModuleType, family: str) -> Mapping[str, ActionType]:
    """The module's `TYPES` by name.

    Raises:
        ValueError: what stands there is no action type of that family. AttributeError: nothing stands there.
    """
    found: dict[str, ActionType] = {}
    for one in module.TYPES:
        if not isinstance(one, ActionType):
            raise ValueError(f"TYPES of {module.__name__} holds {type(one).__name__}, which is no ActionType.")
        if one.name != family and not one.name.startswith(f"{family}."):
            raise ValueError(f"{one.name} does not belong to the family {family}.")
        found[one.name] = one
    return found


def _prefixes(name: str) -> Iterator[str]:
    """The name, then ever fewer of its parts."""
    while name:
        yield name
        name = name.rpartition(".")[0]
