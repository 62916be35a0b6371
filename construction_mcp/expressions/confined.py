"""Evaluates expressions in a process that may be killed.

CEL's library holds the interpreter's lock while it evaluates, so neither a thread nor a time-out in this process can
stop it, and a walk over lists may cost time and memory that grow by their product (security.md, finding 3). So such an
expression goes to a child process with little memory, no environment and no rights it does not need; what takes too
long is killed with it. `child` is its program, `process` the parent's end of it.

On Windows the child has no memory limit yet; the kill on time-out holds there too, which bounds what it can take in 250
ms.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from construction_mcp.core.catalogue import CATALOGUE
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Invalid, Unavailable
from construction_mcp.expressions.evaluation import too_large, weigh
from construction_mcp.expressions.process import Died, Process


class Confined:
    """One child process, started when it is first needed; evaluations take turns in it, first come first served."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._process: Process | None = None
        self._closed = False

    async def run(self, text: str, values: Mapping[str, Any]) -> Any:
        """The value of the expression, as JSON, within `expression_timeout_s` of its turn.

        `values` is what it reads, weighed by the caller.

        Raises:
            Invalid: EXECUTION_EXPRESSION_FAILED, EXECUTION_EXPRESSION_TIMEOUT, VALIDATION_TOO_LARGE, and what
                `evaluate_here` raises.
            Unavailable: SYSTEM_BUSY, too many wait; SYSTEM_UNAVAILABLE, no process could be started.
        """
        answer, _ = await self._ask({"text": text, "values": values}, self._limits.expression_timeout_s)
        outcome = _outcome(answer)
        if isinstance(outcome, Invalid):
            raise outcome
        return outcome

    async def run_each(self, text: str, name: str, items: Sequence[Any], values: Mapping[str, Any]) -> list[Any]:
        """The value for each item under `name`, in order; an item that failed gives its `Invalid`.

        All of them have `expression_each_timeout_s`. They go in batches, between which others get their turn.

        Raises:
            Invalid: about all of them, as `run` does.
            Unavailable: as `run` does.
        """
        weigh(values)
        remaining_s = self._limits.expression_each_timeout_s
        outcomes: list[Any] = [None] * len(items)
        for batch in self._batches(items, outcomes):
            request = {"text": text, "values": values, "name": name, "items": [items[at] for at in batch]}
            answer, took_s = await self._ask(request, remaining_s)
            for at, outcome in zip(batch, _outcomes(answer, len(batch)), strict=True):
                outcomes[at] = outcome
            remaining_s -= took_s
        return outcomes

    async def aclose(self) -> None:
        """End the process; who still waits gets SYSTEM_SHUTTING_DOWN."""
        self._closed = True
        if self._process is not None:
            self._process.kill()
            await self._process.ended()

    def _batches(self, items: Sequence[Any], outcomes: list[Any]) -> Iterator[list[int]]:
        """The places of the items that go together; one that is refused unread has its outcome at once."""
        batch: list[int] = []
        weight = 0
        for at, item in enumerate(items):
            try:
                added = weigh(item)
            except Invalid as problem:
                outcomes[at] = problem
                continue
            is_full = (
                weight + added > self._limits.expression_bytes_max or len(batch) == self._limits.expression_batch_max
            )
            if batch and is_full:
                yield batch
                batch, weight = [], 0
            batch.append(at)
            weight += added
        if batch:
            yield batch

    async def _ask(self, request: Mapping[str, Any], timeout_s: float) -> tuple[Any, float]:
        """The child's answer and the seconds it took, waiting and starting aside."""
        frame = self._frame(request)
        if self._waiting >= self._limits.expressions_waiting_max:
            raise Unavailable("Too many expressions wait for evaluation.", code="SYSTEM_BUSY", retry_after_s=1.0)
        self._waiting += 1
        try:
            async with self._turn:
                return await self._exchange(frame, timeout_s)
        finally:
            self._waiting -= 1

    def _frame(self, request: Mapping[str, Any]) -> bytes:
        try:
            frame = json.dumps(request, separators=(",", ":"), allow_nan=False).encode()
        except ValueError:
            raise _failed("A number in the values is not finite, or has thousands of digits.") from None
        except RecursionError:
            raise too_large("more levels than JSON can be written with") from None
        if len(frame) > self._limits.expression_frame_bytes_max:
            raise too_large(f"more than {self._limits.expression_frame_bytes_max} bytes with what it needs to be sent")
        return frame

    async def _exchange(self, frame: bytes, timeout_s: float) -> tuple[Any, float]:
        loop = asyncio.get_running_loop()
        took_s = 0.0
        for _ in range(self._limits.expression_tries):
            process = await self._running()
            began = loop.time()
            try:
                answer = await process.exchange(frame, timeout_s - took_s)
                return _read_answer(answer), took_s + loop.time() - began
            except TimeoutError:
                raise Invalid(
                    f"The expression took longer than {timeout_s:g} s and was stopped.",
                    code="EXECUTION_EXPRESSION_TIMEOUT",
                ) from None
            except Died:
                process.kill()  # it may live: what it wrote was no answer
                took_s += loop.time() - began
        raise _failed("The expression ended the process that evaluated it.")

    async def _running(self) -> Process:
        """The process, started anew if the last one is gone: never two at once, so that one's memory is the most."""
        if self._process is not None and not self._process.alive:
            await self._process.ended()
            self._process = None
        if self._closed:
            raise Unavailable("The server is ending.", code="SYSTEM_SHUTTING_DOWN")
        if self._process is None:
            try:
                self._process = await Process.start(self._limits)
            except (Died, OSError) as problem:  # TimeoutError is an OSError
                raise Unavailable("The process that evaluates expressions could not be started.") from problem
        return self._process


def _read_answer(raw: bytes) -> Any:
    """The child is not trusted more than what it reads: an answer that is not JSON is a death."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise Died from None


def _outcomes(answer: Any, count: int) -> list[Any]:
    outcomes = answer.get("outcomes") if isinstance(answer, dict) else None
    if isinstance(outcomes, list) and len(outcomes) == count:
        return [_outcome(each) for each in outcomes]
    problem = _outcome(answer)
    raise problem if isinstance(problem, Invalid) else _failed("The list was answered by something else.")


def _outcome(answer: Any) -> Any:
    """The value, or the `Invalid` that evaluating it raised."""
    if isinstance(answer, dict) and "value" in answer:
        return answer["value"]
    if isinstance(answer, dict) and answer.get("code") in CATALOGUE:
        return Invalid(
            str(answer.get("message")), code=answer["code"], hint=answer.get("hint"), details=answer.get("details")
        )
    return _failed("The expression's evaluation gave neither value nor error.")


def _failed(message: str) -> Invalid:
    return Invalid(message, code="EXECUTION_EXPRESSION_FAILED")
