"""What a client or its author can look up: every error code, every schema in full."""

from typing import Any

from construction_mcp.core.catalogue import CATALOGUE
from construction_mcp.core.errors import NotFound
from construction_mcp.core.nearest import nearest
from construction_mcp.core.toolset import completes, resource
from construction_mcp.registry.catalog import Catalog, View


@resource("construction://errors", title="Error codes")
async def errors() -> dict[str, Any]:
    """Every error code with its meaning and its remedy."""
    return {code: entry._asdict() for code, entry in CATALOGUE.items()}


@resource("construction://schemas/{name}", title="Schemas of a tool")
async def schemas(name: str, *, catalog: Catalog, view: View) -> dict[str, Any]:
    """The full input and output JSON Schema of one tool; tools/list shows only the outline of outputs."""
    tools = catalog.callable_tools(view)
    if name not in tools:
        raise NotFound(f"There is no schema {name[:100]!r}.", details={"nearest": nearest(name, tools)})
    return {"input": tools[name].input_schema, "output": tools[name].output_schema}


@completes("construction://schemas/{name}", "name")
async def schema_names(prefix: str, *, catalog: Catalog, view: View) -> list[str]:
    """Tool names."""
    return sorted(name for name in catalog.callable_tools(view) if name.startswith(prefix))
