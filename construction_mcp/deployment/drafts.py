"""A stored workflow as the document its user wrote."""

from construction_mcp.store.workflows import Workflow
from construction_mcp.workflow.definition import Definition


def definition_of(stored: Workflow) -> Definition:
    """What the user wrote, without what the server added."""
    written = {
        "name": stored.name,
        "description": stored.description or None,
        "project_id": stored.project_id,
        "trigger": stored.trigger,
        "variables": stored.variables or None,
        "actions": [action.definition for action in stored.actions] or None,
    }
    return Definition.model_validate({key: value for key, value in written.items() if value is not None})
