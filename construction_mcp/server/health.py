"""`/healthz`: the process lives. `/readyz`: it would answer a call now, or why not."""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


class Readiness:
    """Why the server should get no traffic; ready when there is no reason."""

    def __init__(self, *reasons: str) -> None:
        self._reasons = set(reasons)

    def hold(self, reason: str) -> None:
        self._reasons.add(reason)

    def release(self, reason: str) -> None:
        self._reasons.discard(reason)

    @property
    def reasons(self) -> list[str]:
        return sorted(self._reasons)


def health_routes(readiness: Readiness) -> list[Route]:
    """The two routes. They say nothing about what is stored, so they need no bearer."""

    async def healthz(_: Request) -> JSONResponse:
        return JSONResponse({"status": "alive"}, headers=_UNCACHED)

    async def readyz(_: Request) -> JSONResponse:
        reasons = readiness.reasons
        status = "not_ready" if reasons else "ready"
        return JSONResponse({"status": status, "reasons": reasons}, 503 if reasons else 200, _UNCACHED)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


_UNCACHED = {"cache-control": "no-store"}
