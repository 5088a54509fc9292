"""Every page in every state, looked at in a browser: by axe, by a ruler, and by its own policy."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from e2e.browsers import launch_options
from e2e.looking import TOO_WIDE, complaints_of, faults_in
from tests.pages.gallery import SCENES, served

DESK, DOOR = 24, 44  # pixels that a target has at least
PARTS = 6  # so that several processes can look at once
LOOKED_AT = (320, 1280)  # pixels wide: in each scheme
EVERY_MEDIA: Any = {"color_scheme": "light", "forced_colors": "none"}
SCHEMES: dict[str, Any] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "forced": {"forced_colors": "active"},
}

TARGETS = """(least) => [...document.querySelectorAll('button, select, textarea, summary, input:not([type=checkbox], [type=radio]), .door .choice label, a.button, a.chip')]
    .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height + 0.5 < least)
    .map((e) => `${e.outerHTML.slice(0, 80)}: ${e.getBoundingClientRect().height}`)"""


WATCH_THE_FOCUS = """() => {
    document.body.tabIndex = -1;
    document.body.focus();
    const places = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
        .filter((e) => e.checkVisibility({ visibilityProperty: true }) && !e.disabled);
    const groups = places.filter((e) => e.type === 'radio').map((e) => e.name);
    window.unreached = new Set(places.filter((e) => e.type !== 'radio'));
    window.unreachedGroups = new Set(groups);
    window.unseen = [];
    document.addEventListener('focusin', ({ target }) => {
        unreached.delete(target);
        unreachedGroups.delete(target.name);
        const isSeen = [null, '::after'].some((part) => getComputedStyle(target, part).outlineStyle !== 'none');
        if (!isSeen) unseen.push(target.outerHTML.slice(0, 80));
    });
    const parts = document.querySelectorAll('[type=date], [type=time], [type=datetime-local]').length * 8;
    return places.length + parts + 1;
}"""
FOCUS_SEEN = """() => [
    ...[...unreached].map((e) => `not reached: ${e.outerHTML.slice(0, 80)}`),
    ...[...unreachedGroups].map((name) => `not reached: ${name}`),
    ...unseen.map((e) => `no focus to see: ${e}`),
]"""


@contextmanager
def looking(width: int, scheme: str, **options: Any) -> Iterator[Page]:
    """A browser, closed again after the test: while one is open, no other event loop may run in its thread."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())  # type: ignore[arg-type]
        context = browser.new_context(viewport={"width": width, "height": 800}, **SCHEMES[scheme], **options)
        yield context.new_page()
        browser.close()


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_is_wrong_with_any_page(part: int) -> None:
    """In no state, in no scheme, at no width: axe finds nothing, everything fits and is reached by pointer and by Tab."""
    wrong: dict[str, list[str]] = {}

    with served() as address, looking(1280, "light", reduced_motion="reduce") as page:
        complaints = complaints_of(page)
        for scene in [*SCENES][part::PARTS]:
            page.goto(f"{address}/{scene}")
            page.wait_for_function("() => customElements.get('local-time')")
            wrong[scene] = [*_wrong_with(page), *_out_of_reach_in(page), *complaints]
            complaints.clear()

    assert {} == {scene: found for scene, found in wrong.items() if found}


def _wrong_with(page: Page) -> list[str]:
    found: list[str] = []
    least = DOOR if page.evaluate("() => document.body.classList.contains('door')") else DESK
    for width in (320, 390, 768, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        if page.evaluate(TOO_WIDE) > 0:
            found.append(f"{width}: scrolls sideways")
        found += [f"{width}: too small: {target}" for target in page.evaluate(TARGETS, least)]
        for scheme, media in SCHEMES.items() if width in LOOKED_AT else ():
            page.emulate_media(**(EVERY_MEDIA | media))
            found += [f"{width}, {scheme}: {fault}" for fault in faults_in(page)]
        page.emulate_media(**EVERY_MEDIA)
    return found


def _out_of_reach_in(page: Page) -> list[str]:
    """What Tab does not lead to, or only without a sign of it."""
    for _ in range(page.evaluate(WATCH_THE_FOCUS)):
        page.keyboard.press("Tab")
    found: list[str] = page.evaluate(FOCUS_SEEN)
    return found


def test_something_would_be_found() -> None:
    """The check checks: each of these is found, and only where it is wrong."""
    with looking(1280, "light") as page:
        page.set_content(
            "<!doctype html><html lang=en><title>x</title><main><h1>x</h1><button></button>"
            "<style>@media (prefers-color-scheme: dark) { p { color: #aaa } } button { height: 20px; outline: none }</style>"
            "<p>faint</p><a href='#' tabindex='-1'>away</a><div style='width: 400px'>wide</div></main>"
        )
        found = {*_wrong_with(page), *_out_of_reach_in(page)}

    assert "320, light: button-name: ['button']" in found
    assert [f"{width}, dark: color-contrast: ['p']" for width in (1280, 320)] == sorted(
        f for f in found if "color" in f
    )
    assert {"320: scrolls sideways", "390: scrolls sideways"} == {fault for fault in found if "sideways" in fault}
    assert 4 == len([fault for fault in found if "too small" in fault])
    assert 1 == len([fault for fault in found if "no focus to see" in fault])
    assert 1 == len([fault for fault in found if "not reached" in fault])


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
