"""The person in the demo: what they do in a browser, by the pages that they are shown."""

import re
from html.parser import HTMLParser

import httpx2


class _Form(HTMLParser):
    """The fields of a page's only form, as a browser would send them untouched."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.action = ""
        self._writing = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        name = said.get("name") or ""
        if tag == "form":
            self.action = said.get("action") or ""
        elif tag == "input":
            self.fields[name] = said.get("value") or ""
        elif tag == "textarea":
            self.fields[name], self._writing = "", name

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.fields[self._writing] = self.fields[self._writing].removeprefix("\n")
            self._writing = ""

    def handle_data(self, data: str) -> None:
        if self._writing:
            self.fields[self._writing] += data


async def sign_in(link: str) -> str:
    """Open the link, go on to Procore, sign in as whoever is offered first, come back; what the last page says."""
    async with httpx2.AsyncClient(trust_env=False) as browser:
        begun = await browser.post(link)
        page = await browser.get(begun.headers["location"])
        form = _Form(page.raise_for_status().text)
        signed_in = await browser.post(page.url.join(form.action), data=form.fields)
        return _words(await browser.get(signed_in.headers["location"]))


async def open_page(link: str) -> str:
    """Only look, as a mail program's preview does; what the page says."""
    async with httpx2.AsyncClient(trust_env=False) as browser:
        return _words(await browser.get(link))


async def approve(link: str, edit: str) -> str:
    """Write `edit` into what may be changed and press Approve; what the next page says."""
    async with httpx2.AsyncClient(trust_env=False, timeout=30.0) as browser:
        form = _Form((await browser.get(link)).raise_for_status().text)
        return _words(await browser.post(link, data={**form.fields, "edit_0": edit, "decision": "approve"}))


async def dashboard(server: str, bearer: str, path: str = "") -> str:
    """Sign in to the dashboard, as in a browser, and read a page of it; what it says."""
    async with httpx2.AsyncClient(base_url=server, trust_env=False, follow_redirects=True, timeout=30.0) as browser:
        form = {"bearer": bearer, "to": f"/dashboard{path}"}
        return _words(await browser.post("/dashboard/login", data=form, headers={"origin": server}))


def link_in(text: str) -> str | None:
    """The address behind which the reader of a letter decides."""
    found = re.search(r"https?://\S+/approvals/\S+", text)
    return found.group() if found else None


def _words(answer: httpx2.Response) -> str:
    """The text of a page that was answered with success.

    Raises:
        httpx2.HTTPStatusError: it was not.
    """
    body = re.sub(r"<style.*?</style>", "", answer.raise_for_status().text, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())
