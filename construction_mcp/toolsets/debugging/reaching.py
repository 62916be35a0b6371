"""How the client at hand makes a call that is advised."""

from construction_mcp.insight.advice import Call
from construction_mcp.registry.catalog import Catalog, View

_DISPATCH = "use_tool"


def reachable(call: Call, catalog: Catalog, view: View) -> Call:
    """The call as this client can make it: what it does not see listed goes through use_tool."""
    listed = {one.name for one in catalog.listed_tools(view)}
    if call.tool in listed or call.tool not in catalog.tools:
        return call
    return Call(_DISPATCH, {"name": call.tool, "arguments": call.arguments}, call.why)
