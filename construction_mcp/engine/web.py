"""Requests of workflows to other systems, through the guard that knows what arguments may reach."""

from collections.abc import Mapping

from construction_mcp.core.config import Limits
from construction_mcp.core.errors import Unavailable, Uncertain
from construction_mcp.net.outbound import TransferFailed
from construction_mcp.notify.posts import Posts, Way


class GuardedWeb:
    """Implements `performing.Web`."""

    def __init__(self, way: Way, posts: Posts, limits: Limits) -> None:
        self._way = way
        self._posts = posts
        self._limits = limits

    def admit(self, url: str) -> None:
        """Raises: EgressRefused: arguments may not lead there."""
        self._posts.admit(url)

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None, timeout_s: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of the answer, whatever the status. Raises: as `Web.request`."""
        try:
            reply = await self._way.outbound.send(
                method,
                url,
                headers=headers,
                content=body,
                within_s=timeout_s,
                bytes_max=self._limits.answer_bytes_max,
            )
        except TransferFailed as problem:
            if problem.sent and method not in ("GET", "HEAD"):
                raise Uncertain("It was sent and no answer came.", code="NOTIFY_OUTCOME_UNKNOWN") from None
            raise Unavailable("That host gave no answer.", code="SYSTEM_UNAVAILABLE") from None
        return reply.status, reply.headers, reply.body
