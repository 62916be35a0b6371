"""One exchange with Procore as meters and traces tell it: how long, and how it ended; no id, no query, no body.

Nothing of a trace goes on to Procore: no `traceparent` is sent, since it would name our callers' requests to
somebody who has no use for them.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from construction_mcp.core import meters, spans
from construction_mcp.net.outbound import TransferFailed

_NUMBERS = re.compile(r"/\d+(?=/|$)")


class Exchange:
    """What came back; `status` stays None when nothing did."""

    __slots__ = ("status",)

    def __init__(self) -> None:
        self.status: int | None = None


@contextmanager
def exchanging(method: str, api: str, path: str) -> Iterator[Exchange]:
    """Around one request to Procore. Its caller tells the status once it is there."""
    host = urlsplit(api).hostname or ""
    seen, error, started = Exchange(), "", time.perf_counter()
    place = _NUMBERS.sub("/{id}", path)
    named = {"http__request__method": method, "server__address": host, "url__template": place}
    with spans.span(f"{method} {place}", "client", **named) as span:
        try:
            yield seen
        except TransferFailed as problem:
            error = problem.fault.value
            raise
        except BaseException as problem:
            error = type(problem).__name__
            raise
        finally:
            status = "" if seen.status is None else str(seen.status)
            error = error or (status if seen.status is not None and seen.status >= 400 else "")
            meters.UPSTREAM.observe(time.perf_counter() - started, host, method, status, error)
            if seen.status is not None:
                span.note("http.response.status_code", seen.status)
            if error:
                span.failed(error)
