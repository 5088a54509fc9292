"""Colours are readable: every pair that meets on a page, in both schemes, measured from the style sheet itself."""

import re

import pytest

from app.paths import STATIC

TEXT = 4.5  # WCAG 2.2, 1.4.3
EDGE = 3.0  # WCAG 2.2, 1.4.11

ON_EVERY_SURFACE = ("--ground", "--paper")
TEXT_PAIRS = [
    *[
        ("--ink", surface)
        for surface in (
            *ON_EVERY_SURFACE,
            "--accent-soft",
            "--waiting-soft",
            "--good-soft",
            "--bad-soft",
            "--idle-soft",
        )
    ],
    *[("--ink-soft", surface) for surface in (*ON_EVERY_SURFACE, "--idle-soft")],
    *[
        (state, surface)
        for state in ("--accent", "--waiting", "--good", "--bad", "--idle")
        for surface in ON_EVERY_SURFACE
    ],
    *[(state, f"{state}-soft") for state in ("--accent", "--waiting", "--good", "--bad", "--idle")],
    ("--on-fill", "--accent-fill"),
    ("--on-fill", "--accent-fill-strong"),
]
EDGE_PAIRS = [("--line-strong", surface) for surface in ON_EVERY_SURFACE]


def colours(scheme: str) -> dict[str, str]:
    css = (STATIC / "css" / "_global.css").read_text()
    pairs = {
        name: (light, dark) for name, light, dark in re.findall(r"(--[\w-]+): light-dark\((#\w{6}), (#\w{6})\)", css)
    }
    fixed = {name: (value, value) for name, value in re.findall(r"(--[\w-]+): (#\w{6});", css)}
    return {name: both[scheme == "dark"] for name, both in (pairs | fixed).items()}


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("front", "back", "least"), [(*p, TEXT) for p in TEXT_PAIRS] + [(*p, EDGE) for p in EDGE_PAIRS]
)
def test_what_stands_on_a_surface_can_be_read(scheme: str, front: str, back: str, least: float) -> None:
    """Text at 4.5:1, edges of controls at 3:1."""
    known = colours(scheme)

    measured = contrast(known[front], known[back])

    assert measured >= least, f"{front} on {back}, {scheme}: {measured:.2f}"


def test_colours_are_defined_in_one_place() -> None:
    """A component that brings a colour of its own would be forgotten by the dark scheme, and by a white label."""
    strays = {
        path.name: found
        for path in (STATIC / "css").glob("*.css")
        if path.name != "_global.css"
        and (found := re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(", path.read_text()))
    }

    assert strays == {}
