"""What is wrong with an action's config, in the words of its type."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from construction_mcp.actions.action import ActionType
from construction_mcp.workflow.problems import Problem
from construction_mcp.workflow.refusals import Refusals


def config_problems(path: str, kind: ActionType, config: Mapping[str, Any]) -> Mapping[str, Problem]:
    """Everything that is wrong with a config, one problem per field, in the order of its fields, by its place."""
    try:
        kind.config.model_validate(config)
    except ValidationError as refused:
        found = Refusals.of(refused, config, kind.config, kind.name, "CONFIG").problems()
        return {place: replace(problem, path=f"{path}.{place}" if place else path) for place, problem in found}
    return {}
