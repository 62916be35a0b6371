"""A real `serve` on a workspace with a past, and a real Chromium that looks at it."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.server.dashboard.workspace import build

ROOT = Path(__file__).parents[3]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_DEADLINE_S = 60
# As root in a container there is no sandbox to be had; the rest spares processor time that shows nothing.
_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-software-rasterizer", "--disable-extensions")


@dataclass(frozen=True)
class Site:
    """Where it is served, who may do what there, and the ids of what is in it."""

    url: str
    token: str
    link: str
    ids: dict[str, str]

    def path(self, path: str = "") -> str:
        return f"{self.url}{path}"


@contextmanager
def site_in(folder: Path, days: int, **more: str) -> Iterator[Site]:
    """A server on a workspace that has lived through so many days."""
    ids = asyncio.run(build(folder / "data", days, **more))
    told = folder / "told.txt"
    with told.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "construction_mcp", "serve", "--json", "--port", "0", "--data-dir", folder / "data"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PROCORE_GRANT": "client_credentials"},
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, told.read_text()
        said = json.loads(line)
        found = re.search(r"http://\S+/dashboard/link/\S+", told.read_text())
        assert found is not None
        yield Site(said["dashboard"], said["token"], found[0], ids)
    finally:
        process.terminate()
        process.stdout.close()
        process.wait(_DEADLINE_S)


def watched(page: Page) -> Page:
    """A page on which anything that the browser complains of, a refused script or style too, fails the test."""
    page.on("pageerror", lambda error: pytest.fail(f"script: {error}"))
    page.on("console", lambda said: pytest.fail(f"console: {said.text}") if said.type == "error" else None)
    return page


def browser_file() -> str | None:
    """The system's Chromium; None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, without a window. Loopback only, as root in a container too."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_file(), args=_ARGUMENTS)
        yield browser
        browser.close()
