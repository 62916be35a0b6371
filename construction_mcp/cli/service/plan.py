"""What a platform's service manager needs: one file and a few commands."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from construction_mcp.core.errors import Unavailable

COMMAND_TIMEOUT_S = 60.0  # starting a service waits until it runs or fails


@dataclass(frozen=True, slots=True)
class Plan:
    """How to keep `serve` running on one platform.

    `reach` succeeds when the manager can be spoken to at all, `status` when the service runs now.
    """

    manager: str
    file: Path
    text: str
    encoding: str
    reach: Sequence[str]
    start: Sequence[Sequence[str]]
    stop: Sequence[Sequence[str]]
    status: Sequence[str]
    after_remove: Sequence[Sequence[str]] = ()
    hint: str = ""


def succeeds(command: Sequence[str]) -> tuple[bool, str]:
    """Run a command; whether it ended with 0, and what it said, shortened."""
    try:
        done = subprocess.run(  # noqa: S603 - the service manager's own program, fixed words, no shell
            list(command), capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False
        )
    except FileNotFoundError:
        return False, f"{command[0]} is not installed"
    except subprocess.TimeoutExpired:
        return False, f"{command[0]} did not answer within {COMMAND_TIMEOUT_S:.0f} s"
    return done.returncode == 0, (done.stdout + done.stderr).strip()[:2000]


def require(command: Sequence[str], failure: str, hint: str) -> None:
    """Run a command that must succeed.

    Raises:
        Unavailable: it did not; the message says what it said.
    """
    done, said = succeeds(command)
    if not done:
        first = said.partition("\n")[0] or "no reason given"
        raise Unavailable(f"{failure}: {first}.", hint=hint, retryable=False)
