"""What came of running a step's body, and what has to be recorded together with it."""

from collections.abc import Callable
from typing import NamedTuple

from construction_mcp.engine.standing import Outcome
from construction_mcp.store.groups import Tx


class Result(NamedTuple):
    """notes: kind and text for the execution's log. records: further rows of the same transaction, such as how an
    intent ended; is_durable: the transaction has to survive a power cut. text: the output, if it is JSON already."""

    outcome: Outcome
    notes: tuple[tuple[str, str], ...] = ()
    records: tuple[Callable[[Tx], None], ...] = ()
    is_durable: bool = False
    text: str | None = None
