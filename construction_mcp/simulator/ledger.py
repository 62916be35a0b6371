"""What was asked and what came of it: the truth that tests hold their client against."""

from collections import deque
from itertools import islice
from typing import Any

from construction_mcp.core.config import Limits
from construction_mcp.simulator.instants import stamp
from construction_mcp.simulator.world import World

_HIDDEN = ("client_secret", "refresh_token", "token", "code")


class Ledger:
    """Numbered from 1, without `/_sim`; the oldest go when there are too many. In the state file when there is one."""

    def __init__(self, world: World, entries_max: int = Limits().simulator_ledger_max) -> None:
        self._world = world
        self._entries = deque[dict[str, Any]](world.journal.ledger() if world.journal else (), maxlen=entries_max)
        self._last = self._entries[-1]["n"] if self._entries else 0

    def open(self, method: str, path: str, query: str) -> dict[str, Any]:
        """A line for a request that begins now. Status 0 means that no answer was given."""
        self._last += 1
        at = stamp(self._world.clock.now())
        entry = {"n": self._last, "at": at, "method": method, "path": path, "status": 0, "write": False}
        if query:
            entry["query"] = query
        self._entries.append(entry)
        return entry

    def close(self, entry: dict[str, Any], *, status: int, write: bool, body: Any) -> None:
        """The outcome. `status` is what was answered, also when the answer was then lost on purpose."""
        entry["status"], entry["write"] = status, write
        if body:
            entry["body"] = _without_secrets(body)
        if self._world.journal:
            forgotten = self._last - len(self._entries)
            self._world.journal.append_ledger(entry["n"], entry, forget_up_to=forgotten)

    def since(self, number: int) -> list[dict[str, Any]]:
        """Everything kept after entry `number`."""
        skipped = number - (self._last - len(self._entries))
        return list(islice(self._entries, max(0, skipped), None))

    def clear(self) -> None:
        self._entries.clear()
        self._last = 0

    def __len__(self) -> int:
        return self._last


def _without_secrets(body: Any) -> Any:
    """The body as it was sent, uploaded bytes and OAuth secrets left out."""
    if not isinstance(body, dict):
        return body
    return {
        name: "***" if name in _HIDDEN else _without_secrets(value) for name, value in body.items() if name != "content"
    }
