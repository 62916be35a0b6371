"""What the rest of the house asks of an engine, whichever it is."""

from typing import Literal, Protocol

from construction_mcp.store.executions import Enqueued, NewExecution


class EnginePort(Protocol):
    """Accepts executions durably and carries them out."""

    async def start(self, new: NewExecution) -> Enqueued:
        """Accept an execution durably; the same key of the same workflow is the same execution again.

        Raises:
            Unavailable: SYSTEM_BUSY past the limit for callers that can wait; it could not be stored.
        """
        ...

    def wake(self) -> None:
        """Something was enqueued in a transaction of the caller's own."""
        ...

    def nudge(self, execution_id: str) -> None:
        """Something that this execution waits for has been decided or ended."""
        ...

    async def ended(self, execution_id: str, wait_s: float) -> bool:
        """Whether it has ended, after waiting for that up to `wait_s` seconds."""
        ...

    async def cancel(self, execution_id: str, by: str) -> bool:
        """Ask it to end: what is under way may finish, nothing further starts. False where it had ended already.

        Raises:
            NotFound: EXECUTION_NOT_FOUND.
        """
        ...

    async def retry(
        self, execution_id: str, by: str, *, from_step: str | None = None, plan: Literal["same", "active"] = "same"
    ) -> str:
        """Run it again as a new execution that takes over the outcomes before `from_step` (without one, of all steps
        that completed); its id.

        Raises:
            NotFound: EXECUTION_NOT_FOUND, VALIDATION_NOT_FOUND for the step. Conflict: EXECUTION_NOT_ENDED.
        """
        ...

    async def resolve(
        self, execution_id: str, step: str, outcome: Literal["done", "not_done", "skip"], by: str, evidence: str | None
    ) -> list[str]:
        """Say what became of a step whose outcome is unknown, and go on from there; `not_done` sends it again.

        step: its key, `notify`, or one item of its for_each, `notify[2]`. It goes on once all its items are settled;
        those that are not yet are returned.

        Raises:
            NotFound: EXECUTION_NOT_FOUND. Conflict: EXECUTION_STEP_NOT_UNCERTAIN.
        """
        ...
