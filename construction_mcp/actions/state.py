"""What a workflow remembers from one run to the next, for "only tell me once"."""

import re
from typing import Annotated, Any

from pydantic import Field

from construction_mcp.actions.action import ActionType, Config, Written
from construction_mcp.actions.form import Form
from construction_mcp.actions.performing import Act, Context, Output
from construction_mcp.actions.shapes import closed
from construction_mcp.expressions.port import ANYTHING

Name = Annotated[
    str,
    Form(r"^[a-z][a-z0-9_]{0,63}$", "a name of lower-case letters, digits and _"),
    Field(description="Name of the value within this workflow"),
]


class GetConfig(Config):
    """Which value."""

    name: Name
    default: Annotated[Any, Field(description="What is given while nothing was stored; null unless given")] = None


class SetConfig(Config):
    """What to remember."""

    name: Name
    value: Annotated[Any, Field(description="The value that later runs get; null forgets it")]


def _named(written: Written) -> str:
    """The name; what a run puts into it is left open."""
    return re.sub(r"\{\{.*?\}\}", "…", str(written.get("name")))


async def _get(config: GetConfig, context: Context) -> Output:
    is_stored, value = await context.memory.recall(context.run.workflow_id, config.name)
    return {"value": value if is_stored else config.default}


async def _set(config: SetConfig, context: Context) -> Act:
    async def perform() -> Output:
        await context.memory.remember(context.run.workflow_id, config.name, config.value)
        return {"value": config.value}

    return Act(
        summary=f"Remember {config.name} for later runs",
        shown={"name": config.name, "value": config.value},
        perform=perform,
        preview={"value": config.value},
        targets=(f"workflow:{context.run.workflow_id}/state/{config.name}",),
        is_repeatable=True,
    )


TYPES = (
    ActionType(
        name="state.get",
        config=GetConfig,
        effect="read",
        doc="Give a value that an earlier run stored; depends_on makes it wait for a state.set of this run.",
        output=closed(value=ANYTHING),
        words=lambda written, _setting: f"recall {_named(written)} of earlier runs",
        perform=_get,
    ),
    ActionType(
        name="state.set",
        config=SetConfig,
        effect="write",
        doc="Store a value for later runs of this workflow.",
        output=lambda inputs: closed(value=inputs.get("value", ANYTHING)),
        words=lambda written, _setting: f"remember {_named(written)} for later runs",
        perform=_set,
    ),
)
