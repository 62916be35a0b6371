"""Running another workflow of this workspace."""

from typing import Annotated, Any

from pydantic import Field

from construction_mcp.actions.action import ActionType, Config, Consent, Setting, Unbounded, Written
from construction_mcp.actions.shapes import closed, or_null, text
from construction_mcp.actions.written import HOLE, awaits_user


class CallConfig(Config):
    """Which workflow, and with what."""

    workflow_id: Annotated[
        str, Field(min_length=1, max_length=64, description="Id of a deployed workflow; it starts with wf_")
    ]
    input: Annotated[dict[str, Any] | None, Field(description="What it sees as trigger.input", max_length=100)] = None
    wait: Annotated[bool, Field(description="Whether this step ends only when that run has ended")] = True


def _words(written: Written, _setting: Setting) -> str:
    return f"run the workflow {written.get('workflow_id')}"


def _consents(written: Written, _setting: Setting) -> list[Consent | Unbounded]:
    workflow_id = str(written.get("workflow_id", ""))
    if HOLE not in workflow_id:
        return [Consent("workflow", workflow_id)]
    if awaits_user(workflow_id):
        return []
    message = f"Which workflow runs would be decided only in the run, by {workflow_id[:100]!r}."
    return [Unbounded("workflow_id", message, "Write out the id that list_workflows gives.")]


TYPES = (
    ActionType(
        name="workflow.call",
        config=CallConfig,
        effect="write",
        doc="Run another deployed workflow with an input of its own, and wait for it unless told otherwise.",
        output=closed(
            execution_id=text(),
            status=text("queued", "completed", "failed", "cancelled", "needs_review"),
            error=or_null(text()),
        ),
        words=_words,
        consents=_consents,
    ),
)
