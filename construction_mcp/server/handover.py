"""How `serve` comes to own a data directory that a stdio process may hold: it asks for it."""

import contextlib
import json
import time

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Conflict
from construction_mcp.core.ownership import (
    HELLO_BYTES_MAX,
    Holder,
    Ownership,
    connect,
    error_from,
    hello,
    holder_of,
    read_line,
    take,
)

_RETRY_S = 0.05  # between two looks at a lock that is about to be free


def own_directory(data_dir: str, limits: Limits) -> Ownership:
    """Take the directory, from a stdio process if need be: that one answers what it has in flight and bridges to us.

    Raises:
        Conflict: another `serve` or a command owns it, or its owner does not let go within the drain time.
    """
    give_up_at = time.monotonic() + limits.drain_s + limits.linger_s
    has_asked = False
    while True:
        ownership = take(data_dir, kind="serve")
        if ownership is not None:
            return ownership
        holder = holder_of(data_dir)
        if holder is not None and holder.kind == "serve":
            raise _owned(data_dir, holder)
        if holder is not None and holder.address and not has_asked:
            has_asked = _ask(holder, give_up_at - time.monotonic())
        if time.monotonic() > give_up_at:
            raise _owned(data_dir, holder)
        time.sleep(_RETRY_S)


def _ask(holder: Holder, patience_s: float) -> bool:
    """Whether the holder said that the directory is free. One that is gone is asked again by the next look.

    Raises:
        ConstructionError: it refused.
    """
    with contextlib.suppress(OSError, ValueError), connect(holder) as channel:
        channel.settimeout(max(patience_s, _RETRY_S))
        channel.sendall(hello(holder, "handover"))
        line, _ = read_line(channel, HELLO_BYTES_MAX)
        answer = json.loads(line)
        if "error" in answer:
            raise error_from(answer)
        return True
    return False


def _owned(data_dir: str, holder: Holder | None) -> Conflict:
    who = f"process {holder.pid} ({holder.kind}, construction-mcp {holder.package_version})" if holder else "a process"
    return Conflict(
        f"{data_dir} is owned by {who}.",
        code="SYSTEM_DIRECTORY_OWNED",
        hint="Stop that process, or use another --data-dir.",
        details={"pid": holder.pid, "kind": holder.kind} if holder else None,
    )
