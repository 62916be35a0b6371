"""The compiler with what this installation has: for drafts by the document alone, for deployments beside the facts."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from construction_mcp.actions.action import ActionTypes
from construction_mcp.actions.places import ALL_ACTIVE
from construction_mcp.core import meters
from construction_mcp.core.config import Limits
from construction_mcp.expressions.port import ExpressionEngine
from construction_mcp.workflow.compiler import Compiled, compile_plan
from construction_mcp.workflow.definition import Definition
from construction_mcp.workflow.diagram import mermaid
from construction_mcp.workflow.facts import Facts

_EXAMPLES: Mapping[
    str, Any
] = {  # a value that fits, for each type, so that a template can be drawn before it is filled
    "string": "text",
    "number": 1,
    "boolean": True,
    "email": "somebody@builder.example",
    "emails": ["somebody@builder.example"],
    "date": "2026-01-31",
    "url": "https://builder.example/",
    "time_zone": "UTC",
    "project_id": 1,
    "project_ids": ALL_ACTIVE,
    "user": "somebody",
    "list": [],
}


@dataclass(frozen=True, slots=True)
class Checks:
    """Judges definitions. Asks nobody, so that it costs no request and no statement."""

    types: ActionTypes
    engine: ExpressionEngine
    limits: Limits
    environment: str
    company_id: int | None

    def of(self, definition: Definition) -> Compiled:
        """Every problem of the document itself, and what the workflow could do; a dry run adds those of this place."""
        return self.compile(definition, Facts(self.environment, self.company_id))

    def compile(self, definition: Definition, facts: Facts) -> Compiled:
        """The same beside facts that were gathered."""
        started = time.perf_counter()
        compiled = compile_plan(definition, facts, self.types, self.engine, self.limits)
        meters.COMPILE_TIMES.observe(time.perf_counter() - started)
        meters.COMPILATIONS.add("invalid" if compiled.plan is None else "valid")
        return compiled

    def drawn(self, definition: Definition) -> str | None:
        """The diagram of a definition whose variables may still be empty; None where more than those is wrong."""
        variables = {
            name: one if one.value is not None or one.default is not None else _with_example(one)
            for name, one in (definition.variables or {}).items()
        }
        changes = {"variables": variables, "project_id": definition.project_id or 1}
        plan = self.of(definition.model_copy(update=changes)).plan
        return None if plan is None else mermaid(plan)


def _with_example(variable: Any) -> Any:
    return variable.model_copy(update={"value": _EXAMPLES.get(variable.type)})
