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


UNNAMED = """() => [...document.querySelectorAll("button, input, select, dialog[open]")]
  .filter((e) => e.checkVisibility() && !e.textContent.trim() && !e.labels?.length && !e.ariaLabel && !e.getAttribute("aria-labelledby"))
  .map((e) => e.outerHTML)"""
"""What one can use on a page and has no name for who does not see it."""

CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parse = (color) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const told = {};
  for (const element of document.querySelectorAll("body *")) {
    if (![...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || !element.checkVisibility()) continue;
    if (element.closest(":disabled")) continue;
    let back = element;
    while (back && parse(getComputedStyle(back).backgroundColor)[3] === 0) back = back.parentElement;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(parse(getComputedStyle(back ?? document.body).backgroundColor))];
    told[`${element.tagName}.${element.className} ${element.textContent.slice(0, 20)}`] = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  }
  return told;
}"""
"""The contrast of each text with what is behind it; 4.5 is what can be read."""
