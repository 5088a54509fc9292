"""Hands without a mouse: what they reach for they walk to with Tab, and press."""

from playwright.sync_api import Locator, Page, expect

FURTHEST = 80  # presses of Tab; the longest page has fewer places


def walk_to(page: Page, place: Locator) -> Locator:
    """Press Tab until a place has the focus, and see that the eye can find it there."""
    expect(place).to_be_visible()
    for _ in range(FURTHEST):
        if place.evaluate("(element) => element === document.activeElement"):
            assert place.evaluate("(element) => getComputedStyle(element).outlineStyle") != "none", f"unseen: {place}"
            return place
        page.keyboard.press("Tab")
    raise AssertionError(f"{place} is not reached with Tab on {page.url}")


def press(page: Page, place: Locator, key: str = "Enter") -> None:
    """Walk to a place and press a key there."""
    walk_to(page, place)
    page.keyboard.press(key)


def write(page: Page, place: Locator, text: str) -> None:
    """Walk to a field and type into it, over whatever it holds."""
    walk_to(page, place)
    page.keyboard.press("Control+A")
    page.keyboard.type(text)
