"""When a step is tried again, and what of its output can be kept."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import ConstructionError, Invalid
from construction_mcp.engine.results import Result
from construction_mcp.engine.standing import Outcome
from construction_mcp.net.retry import Backoff
from construction_mcp.store.columns import json_text
from construction_mcp.workflow.plan import Node


def waiting_retry(node: Node, attempt: int, error: ConstructionError, clock: Clock) -> Outcome:
    """Waiting for the next try: exponential backoff with full jitter, and never earlier than was asked for."""
    pause_s = Backoff(node.retry.initial_s, node.retry.max_s).delay_s(attempt)
    now = clock.now()
    due_at = now + timedelta(seconds=max(pause_s, error.retry_after_s or 0.0))
    waits_for = {"what": "retry", "since": now.isoformat(), "who": None, "next_timer_at": due_at.isoformat()}
    return Outcome("waiting", error=error.public()["error"], attempts=attempt, waits_for=waits_for, due_at=due_at)


def retry_note(node: Node, outcome: Outcome, error: ConstructionError) -> tuple[str, str]:
    """Which try failed, why, and when the next one is."""
    due_at = outcome.due_at.isoformat(timespec="seconds") if outcome.due_at is not None else "soon"
    said = f"Try {outcome.attempts} of {node.retry.max_attempts} failed, the next is at {due_at}: {error.message}"
    return "retry", said


def kept(output: Mapping[str, Any], limits: Limits) -> Mapping[str, Any]:
    """The output itself, if it can be kept as JSON.

    Raises:
        Invalid: EXECUTION_OUTPUT_INVALID.
    """
    _written(output, limits)
    return output


def completed(output: Mapping[str, Any], attempt: int, limits: Limits) -> Result:
    """It is over, with this output.

    Raises:
        Invalid: EXECUTION_OUTPUT_INVALID.
    """
    text = _written(output, limits)
    return Result(Outcome("completed", output, attempts=attempt), text=text)


def _written(output: Mapping[str, Any], limits: Limits) -> str:
    try:
        text = json_text(output)
    except (TypeError, ValueError, RecursionError):
        raise Invalid("The step gave something that is no JSON.", code="EXECUTION_OUTPUT_INVALID") from None
    if len(text) > limits.step_output_bytes_max:
        raise Invalid(
            f"The step gave {len(text)} characters; {limits.step_output_bytes_max} are kept.",
            code="EXECUTION_OUTPUT_INVALID",
        )
    return text
