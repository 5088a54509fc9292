"""What holds for every page, in every state."""

import gzip
import re

import pytest

from app.pages.page import HEADERS
from app.paths import STATIC, TEMPLATES
from app.web.edge import CSP
from tests.pages.gallery import SCENES, draw

LIGHT_ENOUGH = 100_000  # bytes of a page with everything, as it is sent


@pytest.mark.parametrize("scene", SCENES)
def test_a_page_is_well_made(scene: str) -> None:
    """One heading of the first rank, a title, a language, landmarks, a way past the menu."""
    html = draw(scene)

    assert html.count("<h1") == 1
    assert len(re.findall(r"<title>[^<]+ · Waitpoint</title>", html)) == 1
    assert '<html lang="en"' in html
    assert html.count('<main id="main"') == 1
    assert 'class="skip-link" href="#main"' in html
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("scene", SCENES)
def test_a_page_has_nothing_inline(scene: str) -> None:
    """The content security policy forbids it, and so nothing may rely on it."""
    html = draw(scene)

    assert re.findall(r"<script(?![^>]*\bsrc=)", html) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=\"|javascript:", html) == []
    own = re.sub(r'<a href="[^"]+" rel="noopener noreferrer nofollow">', "", html)  # links that somebody wrote
    assert re.findall(r"(?:src|href)=\"(?:https?:)?//", own.replace('href="http://127.0.0.1', "")) == []


@pytest.mark.parametrize("scene", ["token-hostile", "approve-hostile", "question-hostile"])
def test_what_people_wrote_stays_text(scene: str) -> None:
    """Markup in a tag or an output is shown, never obeyed, and characters that hide are written out."""
    html = draw(scene)

    assert "<img src=x" not in html
    assert "<script>1" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    assert "\u202e" not in html
    assert "[U+202E]gnp.exe" in html


def test_templates_never_trust_text() -> None:
    """`safe` would put what somebody wrote into a page as markup."""
    trusting = [
        str(path) for path in TEMPLATES.rglob("*.html") if re.search(r"\|\s*safe\b|autoescape false", path.read_text())
    ]

    assert trusting == []


def test_nothing_of_a_merge_is_left_in_what_is_served() -> None:
    """No checker reads templates, styles and scripts, and a browser shows or skips what it does not know."""
    served = (
        path
        for root in (TEMPLATES, STATIC)
        for path in root.rglob("*")
        if path.suffix in {".html", ".txt", ".css", ".js"}
    )

    assert [] == [str(path) for path in served if re.search("^(<{7}|>{7}) ", path.read_text(), re.MULTILINE)]


def test_the_policy_of_a_page_is_the_servers() -> None:
    """Pages under /api/ carry it themselves; it is the same one everywhere."""
    assert HEADERS["Content-Security-Policy"] == CSP


def test_the_heaviest_page_is_light() -> None:
    """A full list, with its styles and scripts, as a browser receives it."""
    scripts = [*list((STATIC / "js").glob("*.js")), STATIC / "vendor" / "htmx.js"]
    files = [*(STATIC / "css").glob("*.css"), *scripts, STATIC / "favicon.svg"]

    sent = len(draw("list").encode()) + sum(len(gzip.compress(path.read_bytes())) for path in files)

    assert sent < LIGHT_ENOUGH, sent
