"""A real browser for the tests of pages: `from tests.browser import browser`."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium, driven by Playwright."""
    if BROWSER is None:
        if os.environ.get("CI"):
            pytest.fail("no chromium: .ci/apt-packages.txt installs it")
        pytest.skip("no chromium: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        # root, which containers are, may not use the sandbox
        one = running.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield one
        one.close()
