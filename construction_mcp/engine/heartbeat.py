"""A dead-man's switch: as long as this works somebody outside hears of it each minute, and asks when they do not."""

import logging

from construction_mcp.core.clock import Clock
from construction_mcp.core.config import Limits
from construction_mcp.core.errors import ConstructionError
from construction_mcp.net.outbound import Outbound

log = logging.getLogger(__name__)

_ANSWER_BYTES_MAX = 64 * 1024
_FAILED = 400


class Heartbeat:
    """Asks for the address of the setting; without one it does nothing."""

    def __init__(self, url: str | None, outbound: Outbound, limits: Limits, clock: Clock) -> None:
        self._url = url
        self._outbound = outbound
        self._limits = limits
        self._clock = clock

    async def run(self) -> None:
        """Beat every `heartbeat_s` seconds, for ever."""
        while self._url is not None:
            await self.beat(self._url)
            await self._clock.sleep(self._limits.heartbeat_s)

    async def beat(self, url: str) -> None:
        """Once. A failure is logged: whoever listens notices by the silence. The address is a secret."""
        try:
            reply = await self._outbound.send(
                "GET", url, within_s=self._limits.post_timeout_s, bytes_max=_ANSWER_BYTES_MAX
            )
        except ConstructionError as problem:
            log.warning("the heartbeat was not heard: %s", problem.message)
        else:
            if reply.status >= _FAILED:
                log.warning("the heartbeat was answered with status %d", reply.status)
