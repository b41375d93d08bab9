"""A headless Chromium for the tests of the web app, and what it complained of and asked for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ("--disable-background-networking", "--disable-gpu", "--disable-extensions", "--no-first-run")
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
PATIENCE = 15_000  # milliseconds
# On a module of tests that drive the browser.
sync_api_needed = pytest.mark.skipif(
    CHROMIUM is None or find_spec("playwright") is None,
    reason="playwright drives chromium: pip install playwright, apt-get install chromium",
)

Page = Any


@dataclass
class Heard:
    """What pages complained of (errors and warnings), and every address they asked for."""

    errors: list[str] = field(default_factory=list[str])
    asked: list[str] = field(default_factory=list[str])

    def follow(self, page: Page) -> None:
        """Listen to a page from now on."""
        page.on("console", lambda said: self.errors.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda asked: self.asked.append(asked.url))

    def elsewhere(self, address: str) -> list[str]:
        """What was asked of anything but the server at an address."""
        return [one for one in self.asked if not one.startswith((f"{address}/", "blob:"))]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One browser for the tests of a file: while it is there, this thread has a loop that runs, and can have no other."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_api.sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *root])
        yield started
        started.close()


def opened(browser: Any, heard: Heard, size: dict[str, int], **how: Any) -> Page:
    """A page of its own context, with nothing in it yet; `how` as of a browser's context."""
    page = browser.new_context(viewport=size, **how).new_page()
    page.set_default_timeout(PATIENCE)
    heard.follow(page)
    return page


@pytest.fixture(scope="module")
def heard() -> Heard:
    """What the pages of a file of tests complained of, but for those that make them fail."""
    return Heard()


@pytest.fixture(scope="module")
def desk(browser: Any, heard: Heard) -> Iterator[Page]:
    """A page as wide as a desk's screen, shared by the tests of a file."""
    page = opened(browser, heard, WIDE, color_scheme="light", reduced_motion="reduce", accept_downloads=True)
    yield page
    page.context.close()
