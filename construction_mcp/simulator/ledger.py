"""What was asked and what came of it: the truth that tests hold their client against."""

from typing import Any

from construction_mcp.simulator.instants import stamp
from construction_mcp.simulator.world import World

_HIDDEN = ("client_secret", "refresh_token", "token", "code")


class Ledger:
    """Numbered from 1, without `/_sim`. Kept in the state file when there is one."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._entries: list[dict[str, Any]] = world.journal.ledger() if world.journal else []

    def open(self, method: str, path: str, query: str) -> dict[str, Any]:
        """A line for a request that begins now. Status 0 means that no answer was given."""
        at = stamp(self._world.clock.now())
        entry = {"n": len(self._entries) + 1, "at": at, "method": method, "path": path, "status": 0, "write": False}
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
            self._world.journal.append_ledger(entry["n"], entry)

    def since(self, number: int) -> list[dict[str, Any]]:
        """Everything after entry `number`."""
        return self._entries[max(0, number) :]

    def clear(self) -> None:
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)


def _without_secrets(body: Any) -> Any:
    """The body as it was sent, uploaded bytes and OAuth secrets left out."""
    if not isinstance(body, dict):
        return body
    return {
        name: "***" if name in _HIDDEN else _without_secrets(value) for name, value in body.items() if name != "content"
    }
