"""What deploying asks of the compiler."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from construction_mcp.actions.action import Need
from construction_mcp.workflow.definition import Definition
from construction_mcp.workflow.facts import Facts
from construction_mcp.workflow.plan import Plan
from construction_mcp.workflow.problems import Problem


class Compiled(Protocol):
    """A compiled definition, or why there is none: `plan` is None where one of `problems` is an error."""

    @property
    def plan(self) -> Plan | None: ...
    @property
    def problems(self) -> Sequence[Problem]: ...
    @property
    def effects(self) -> Sequence[str]: ...
    @property
    def needs(self) -> Sequence[Need]: ...
    @property
    def requests_per_run(self) -> int: ...
    @property
    def requests_per_hour(self) -> int: ...


Compile: TypeAlias = Callable[[Definition, Facts], Compiled]
"""`workflow.compiler.compile_plan` with the action types and the expression engine bound."""
