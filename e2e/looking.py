"""Looking a page over: with the eyes of axe, in both schemes, on a phone and at a desk."""

from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_AXE = Axe()
_HAS_AXE = "() => typeof axe !== 'undefined'"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDTHS = (320, 1280)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def faults_in(page: Page) -> list[str]:
    """What axe finds on a page as it stands: which rule, and where."""
    options: dict[str, Any] = {"resultTypes": ["violations"], "runOnly": RULES, "preload": False}
    if not page.evaluate(_HAS_AXE):
        page.evaluate(_AXE.axe_script)  # half a megabyte, once for each page
    found = page.evaluate("(options) => axe.run(options)", options)
    return [f"{violation['id']}: {violation['nodes'][0]['target']}" for violation in found["violations"]]


def look_over(page: Page) -> None:
    """Axe finds nothing here, and nothing sticks out of the page."""
    size = page.viewport_size or {"width": 1280, "height": 720}
    found: dict[str, list[str]] = {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # nothing is caught half-way
            found[f"{width} {scheme}"] = faults_in(page)
        found[f"{width} too wide"] = ["yes"] if page.evaluate(TOO_WIDE) > 0 else []
    page.set_viewport_size(size)
    wrong = {where: what for where, what in found.items() if what}
    assert {} == wrong, f"{page.url}: {wrong}"


def complaints_of(page: Page) -> list[str]:
    """Fills with what the browser complains of: scripts that fail, and what the page's own policy refuses."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(f"{said.text} {said.location}") if said.type == "error" else None)
    return complaints
