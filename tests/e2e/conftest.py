"""A real server and a real browser, which runs scripts only where a test asks for it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.installation import Installation
from tests.warm_parent import WarmParent

NewPage = Callable[..., Page]


@pytest.fixture(scope="module")
def served(warm: WarmParent, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installation = Installation(warm, tmp_path_factory.mktemp("e2e") / "var")
    with installation.serving():
        yield installation


@pytest.fixture
def new_page(browser: Browser, served: Installation) -> Iterator[NewPage]:
    """Opens pages, each as of another person; whatever the browser complains about fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(language: str = "en", *, scripts: bool = False, **options: object) -> Page:
        context = browser.new_context(
            base_url=served.base,
            java_script_enabled=scripts,
            locale=language,
            **options,  # type: ignore[arg-type]
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: complaints.extend(_complaint(message.text)))
        page.on("requestfailed", lambda request: complaints.extend(_complaint(f"{request.url}: {request.failure}")))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def _complaint(text: str) -> list[str]:
    """A refusal is a page with its own status, which Chromium remarks on; the rest is the test's own doing."""
    ours = r"responded with a status of 4(09|15|22)\b|net::ERR_ABORTED|^Autofocus processing was blocked"
    return [] if re.search(ours, text) else [text]


@pytest.fixture
def photograph(tmp_path: Path) -> Callable[[Page, str], None]:
    """Keeps a picture of the page in the test's folder, or in LIANDONG_TEST_PICTURES."""
    folder = Path(os.environ.get("LIANDONG_TEST_PICTURES") or tmp_path)

    def take(page: Page, name: str) -> None:
        page.screenshot(path=folder / f"{name}.png", full_page=True)

    return take
