"""What a client or its author can look up: every error code, every schema in full."""

from typing import Any

from construction_mcp.actions.catalogue import Catalogue
from construction_mcp.core.catalogue import CATALOGUE
from construction_mcp.core.errors import NotFound
from construction_mcp.core.nearest import nearest
from construction_mcp.core.toolset import completes, resource
from construction_mcp.registry.catalog import Catalog, View

ACTIONS, WORKFLOW, PROBLEMS = "actions", "workflow", "problems"


@resource("construction://errors", title="Error codes")
async def errors() -> dict[str, Any]:
    """Every error code with its meaning and its remedy."""
    return {code: entry._asdict() for code, entry in CATALOGUE.items()}


@resource("construction://schemas/{name}", title="Schemas of tools, action types and workflows")
async def schemas(name: str, *, catalog: Catalog, view: View, action_types: Catalogue) -> dict[str, Any]:
    """The full JSON Schemas of one tool or action type; also "actions", "workflow" (a document), "problems"."""
    tools = catalog.callable_tools(view)
    if name in tools:
        return {"input": tools[name].input_schema, "output": tools[name].output_schema}
    if name == ACTIONS:
        return _index(action_types)
    if name == WORKFLOW:
        from construction_mcp.workflow.editor_schema import document_schema

        return document_schema(action_types)
    if name == PROBLEMS:
        from construction_mcp.workflow.problem_codes import PROBLEM_CODES

        return {code: entry._asdict() for code, entry in PROBLEM_CODES.items()}
    described = action_types.describe(name)
    if described is None:
        names = [*tools, *action_types.names(), ACTIONS, WORKFLOW, PROBLEMS]
        raise NotFound(f"There is no schema {name[:100]!r}.", details={"nearest": nearest(name, names)})
    return described


@completes("construction://schemas/{name}", "name")
async def schema_names(prefix: str, *, catalog: Catalog, view: View, action_types: Catalogue) -> list[str]:
    """Names of tools, of action types, and the documents beside them."""
    names = {*catalog.callable_tools(view), *action_types.names(), ACTIONS, WORKFLOW, PROBLEMS}
    return sorted(name for name in names if name.startswith(prefix))


def _index(action_types: Catalogue) -> dict[str, Any]:
    """What a workflow can be made of, one line each; a type's own schema has the rest."""
    known = [found for name in action_types.names() if (found := action_types.get(name)) is not None]
    return {"items": [{"type": one.name, "effect": one.effect, "doc": one.doc} for one in known]}
