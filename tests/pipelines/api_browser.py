"""A browser on the page of a server, for the tests that read as a reader does."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from api_example import Serving

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def browser() -> Iterator[Any]:
    """Headless; the test is skipped where none is installed."""
    api = pytest.importorskip("playwright.sync_api", reason="pip install playwright to open the page")
    found = os.environ.get("KNOBO_TEST_BROWSER") or next(filter(None, map(shutil.which, BROWSERS)), "")
    if not found:
        pytest.skip(f"no browser on PATH: looked for {', '.join(BROWSERS)}")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


def opened(chromium: Any, serving: Serving, *, width: int = 1280) -> tuple[Any, list[str], list[str]]:
    """The page, what it complains of, and what it asks for."""
    page = chromium.new_page(viewport={"width": width, "height": 900})
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(serving.url)
    return page, complaints, requests
