"""Debian's Chromium, driven as a person would: it reaches this machine only."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

PROGRAM = "chromium"
_HERE = {"127.0.0.1", "localhost", "::1"}
# WebGL in software: OHIF draws with it, and these machines have no GPU.
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
]


def require_chromium() -> str:
    """Its path. Skip the test where there is none; in CI, which installs it, fail."""
    path = shutil.which(PROGRAM)
    if path is None:
        reason = "chromium is missing: apt-get install chromium"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return str(path)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser for several pages."""
    path = require_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def open_page(browser: Browser, width: int = 1280, height: int = 900) -> Iterator[Page]:
    """A page of a fresh profile. A request to another host is refused, and fails the test at the end."""
    context = browser.new_context(viewport={"width": width, "height": height})
    strays: list[str] = []

    def only_here(route: Route) -> None:
        parts = urlsplit(route.request.url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname not in _HERE:
            strays.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    context.route("**/*", only_here)
    try:
        yield context.new_page()
        assert not strays, f"The page asked other hosts: {sorted(set(strays))}"
    finally:
        context.close()


def keep(page: Page, name: str) -> Path:
    """A screenshot among the build artefacts: the folder SDSEG_ARTIFACTS, else test-artifacts here."""
    folder = Path(os.environ.get("SDSEG_ARTIFACTS", "test-artifacts"))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    page.screenshot(path=path)
    return path
