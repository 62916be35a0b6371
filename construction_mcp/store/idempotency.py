"""The same request twice has one effect: the first result is kept with the key, in the transaction that made it."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from construction_mcp.core.errors import Conflict
from construction_mcp.core.json import write_json
from construction_mcp.store.columns import json_text, time_text
from construction_mcp.store.groups import Tx
from construction_mcp.store.queries import load

_sql = load("idempotency")


@dataclass(frozen=True, slots=True)
class Once:
    """A request that must take effect once. Keys of different principals and tools never meet."""

    principal: str
    tool: str
    key: str
    digest: str

    @classmethod
    def of(cls, principal: str, tool: str, key: str, arguments: Any) -> "Once":
        """`arguments` is what makes two requests the same, without the key itself."""
        return cls(principal, tool, key, hashlib.sha256(write_json(arguments).encode()).hexdigest())


def perform_once(tx: Tx, once: Once | None, now: datetime, perform: Callable[[], Any]) -> Any:
    """The JSON result of `perform`, or of the first request with this key.

    Raises:
        Conflict: IDEMPOTENCY_CONFLICT when the key was used with other arguments.
    """
    if once is None:
        return perform()
    place = {"principal": once.principal, "tool": once.tool, "key": once.key}
    earlier = tx.one(_sql.find, **place)
    if earlier is None:
        result = perform()
        tx.run(_sql.keep, **place, digest=once.digest, result=json_text(result), now=time_text(now))
        return result
    if earlier["digest"] != once.digest:
        raise Conflict(
            "The idempotency key was used before with other arguments.",
            code="IDEMPOTENCY_CONFLICT",
            details={"idempotency_key": once.key},
        )
    return json.loads(earlier["result"])


def forget_before(tx: Tx, moment: datetime) -> int:
    """Drop the keys first used before `moment`; how many."""
    return tx.run(_sql.forget, before=time_text(moment))
