"""Every page in every state, looked at in a browser: by axe, by a ruler, and by its own policy."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

from e2e.browsers import launch_options
from tests.pages.gallery import SCENES, served

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
DESK, DOOR = 24, 44  # pixels that a target has at least
SCHEMES = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "forced": {"forced_colors": "active"},
}

TARGETS = """(least) => [...document.querySelectorAll('button, select, textarea, summary, input:not([type=checkbox], [type=radio]), .door .choice label, a.button, a.chip')]
    .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height + 0.5 < least)
    .map((e) => `${e.outerHTML.slice(0, 80)}: ${e.getBoundingClientRect().height}`)"""
TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@contextmanager
def looking(width: int, scheme: str, **options: Any) -> Iterator[Page]:
    """A browser, closed again after the test: while one is open, no other event loop may run in its thread."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())  # type: ignore[arg-type]
        context = browser.new_context(viewport={"width": width, "height": 800}, **SCHEMES[scheme], **options)  # type: ignore[arg-type]
        yield context.new_page()
        browser.close()


@pytest.mark.slow
@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_nothing(width: int, scheme: str) -> None:
    """No page, in no state, in no scheme, on a phone or a desk."""
    found: dict[str, list[str]] = {}

    with served() as address, looking(width, scheme) as page:
        for scene in SCENES:
            page.goto(f"{address}/{scene}")
            page.wait_for_function("() => customElements.get('local-time')")
            results = Axe().run(page, options={"resultTypes": ["violations"], "runOnly": RULES, "preload": False})
            if results.response["violations"]:
                found[scene] = [f"{v['id']}: {v['nodes'][0]['target']}" for v in results.response["violations"]]

    assert found == {}


def test_axe_would_find_something() -> None:
    """The check checks: a button without words and grey on grey are both found."""
    with looking(1280, "light") as page:
        page.set_content("<!doctype html><title>x</title><button></button><p style='color:#aaa'>faint</p>")
        results = Axe().run(page, options={"resultTypes": ["violations"], "runOnly": RULES})

    assert {"button-name", "color-contrast"} <= {violation["id"] for violation in results.response["violations"]}


@pytest.mark.slow
@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_everything_fits_and_can_be_hit(width: int) -> None:
    """No page scrolls sideways; targets are large enough for a pointer at the desk and a thumb at the door."""
    wrong: dict[str, Any] = {}

    with served() as address, looking(width, "light") as page:
        for scene in SCENES:
            page.goto(f"{address}/{scene}")
            least = DOOR if page.evaluate("() => document.body.classList.contains('door')") else DESK
            if (beyond := page.evaluate(TOO_WIDE)) > 0 or (small := page.evaluate(TARGETS, least)):
                wrong[scene] = beyond or small

    assert wrong == {}


def test_the_policy_is_never_broken() -> None:
    """Every page loads everything it asks for, and the browser refuses nothing."""
    complaints: list[str] = []

    with served() as address, looking(1280, "light") as page:
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        for scene in SCENES:
            page.goto(f"{address}/{scene}", wait_until="networkidle")

    assert complaints == []


def test_pages_are_whole_without_scripts() -> None:
    """Times, countdowns and forms are there; only what needs a script to work is not offered."""
    with served() as address, looking(390, "light", java_script_enabled=False) as page:
        page.goto(f"{address}/approve")

        assert "in 3 h 1" in page.inner_text("main")
        assert page.get_by_role("button").all_inner_texts() == ["Approve", "Send back"]

        page.goto(f"{address}/token-waiting")
        assert not page.locator("theme-switch").is_visible()
        assert not page.locator("copy-button").first.is_visible()


def test_forced_colours_keep_everything_visible() -> None:
    """In a high contrast theme a status still has its word and its shape."""
    with served() as address, looking(1280, "forced") as page:
        page.goto(f"{address}/list")

        assert page.locator(".row .status svg").first.is_visible()
        assert page.locator(".row .status").first.inner_text() == "Waiting"
