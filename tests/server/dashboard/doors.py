"""A browser without a window or a script: keeps cookies, sends the origin of the page with its forms."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from html import unescape
from typing import Any

import httpx
from starlette.types import ASGIApp, Message

from construction_mcp.server.dashboard.session import Links

TOKEN = "t" * 43
LOGIN, APPROVALS = "/dashboard/login", "/dashboard/approvals"


class Door:
    """One browser. `another` is one of somebody else, on the same server."""

    def __init__(
        self, client: httpx.AsyncClient, links: Links | None, another: Callable[[], httpx.AsyncClient], app: ASGIApp
    ) -> None:
        self.client = client
        self.links: Any = links
        self._another = another
        self._app = app

    def another(self) -> "Door":
        return Door(self._another(), self.links, self._another, self._app)

    @asynccontextmanager
    async def stream(self) -> AsyncIterator["Stream"]:
        """The page's own stream, open until the block ends."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.client.cookies.items())
        stream = Stream()
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/dashboard/live",
            "query_string": b"",
            "headers": [(b"host", b"127.0.0.1:8765"), (b"cookie", cookies.encode())],
        }
        task = asyncio.ensure_future(self._app(scope, stream.receive, stream.send))
        try:
            yield stream
        finally:
            stream.gone.set()
            await task

    async def get(self, path: str = "/dashboard", **more: str) -> httpx.Response:
        return await self.client.get(path, headers=more)

    async def send(self, path: str, form: Mapping[str, str], origin: str | None = None, **more: str) -> httpx.Response:
        """A form of a page of this server, unless another origin is given; "" is none."""
        own = str(self.client.base_url).rstrip("/")
        headers = {"origin": own if origin is None else origin, **more}
        return await self.client.post(path, data=dict(form), headers={k: v for k, v in headers.items() if v})

    async def sign_in(self, bearer: str = TOKEN) -> httpx.Response:
        return await self.send(LOGIN, {"bearer": bearer})

    async def press(self, approval_id: str, decision: str, **edits: str) -> httpx.Response:
        """Open the approval's page, change what is given, press a button."""
        page = await self.get(f"{APPROVALS}/{approval_id}")
        return await self.send(f"{APPROVALS}/{approval_id}", {**form_of(page.text), **edits, "decision": decision})


def form_of(page: str) -> dict[str, str]:
    """What a browser would send back of the decision untouched, without the button."""
    form = page.partition('class="decide"')[2].partition("</form>")[0]
    hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
    areas = re.findall(r'<textarea name="(edit_\d)"[^>]*>\n?([^<]*)</textarea>', form)
    numbers = re.findall(r'<input name="(edit_\d)"[^>]* value="([^"]*)"', form)
    return {name: unescape(value) for name, value in [*hidden, *areas, *numbers]}


def leave_key(page: str) -> str:
    """The key of the form that signs out."""
    found = re.search(r'name="key" value="(\w+)"', page)
    assert found is not None
    return found[1]


class Stream:
    """What arrives on a stream, and whether it has ended."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.status: int | None = None
        self.ended = asyncio.Event()
        self._arrived: asyncio.Queue[bytes] = asyncio.Queue()

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        if message.get("body"):
            self._arrived.put_nowait(message["body"])
        if not message.get("more_body"):
            self.ended.set()

    async def next(self) -> bytes:
        """The next part, which has to come."""
        async with asyncio.timeout(5):
            return await self._arrived.get()

    @property
    def waiting(self) -> int:
        """Parts that arrived and were not looked at."""
        return self._arrived.qsize()
