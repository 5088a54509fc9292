"""Times and states are said in words, and in the same ones by the server and by the browser."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.pages import words
from app.pages.templates import templates
from app.paths import STATIC
from tests.contract.nodejs import NODE
from tests.pages.gallery import cancelled, done, timed_out, token

NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)

DISTANCES = {
    0: "just now",
    -59: "just now",
    -60: "1 min ago",
    -3599: "59 min ago",
    -3600: "1 h ago",
    -86_399: "23 h ago",
    -86_400: "1 day ago",
    -3 * 86_400: "3 days ago",
    -20 * 86_400: "2 Nov 2026",
    1: "in 1 s",
    40: "in 40 s",
    9 * 60 + 59: "in 9 min",
    3599: "in 1 h",
    3 * 3600 + 12 * 60: "in 3 h 12 min",
    86_400: "in 1 day",
    2 * 86_400 + 3600: "in 2 days 1 h",
    30 * 86_400: "22 Dec 2026",
}


@pytest.mark.parametrize(("seconds", "said"), DISTANCES.items())
def test_a_moment_is_said_as_a_distance(seconds: int, said: str) -> None:
    """Near moments by how far they are, distant ones by their date."""
    assert words.relative(NOW + timedelta(seconds=seconds), NOW) == said


def test_the_browser_says_the_same_words() -> None:
    """A page that wakes up does not change its words, so nothing jumps."""
    program = f"""
        import {{ relative, exact }} from {json.dumps((STATIC / "js" / "words.js").as_uri())};
        const now = {NOW.timestamp() * 1000};
        const said = {json.dumps(list(DISTANCES))}.map((s) => relative(new Date(now + s * 1000), now));
        console.log(JSON.stringify([...said, exact(new Date(now))]));
    """

    out = subprocess.run(
        [str(NODE), "--input-type=module", "--no-warnings", "-e", program],
        env={"TZ": "UTC"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(out.stdout) == [*DISTANCES.values(), words.exact(NOW)]


def test_each_state_has_its_own_word() -> None:
    """A cancelled token reads TIMED_OUT on the wire, and "Cancelled" to people."""
    said = [words.standing(each).word for each in (token(), done(), timed_out(), cancelled())]

    assert said == ["Waiting", "Completed", "Timed out", "Cancelled"]


@pytest.mark.parametrize(
    ("output", "decided"),
    [
        ('{"approved":true,"comment":"fine"}', {"approved": True, "comment": "fine"}),
        ('{"approved":false}', {"approved": False, "comment": ""}),
        ('{"approved":"yes","comment":""}', None),
        ('{"approved":true,"amount":3}', None),
        ('"approved"', None),
        ("not json", None),
        (None, None),
    ],
)
def test_an_approval_is_told_as_one(output: str | None, decided: dict[str, Any] | None) -> None:
    """Only an output that is an approval, whole, is shown as one; anything else is shown as it is."""
    assert words.decision(done(output=output)) == decided


def test_a_person_is_told_with_their_address_and_outside_by_name() -> None:
    """What somebody calls themselves says little; what happened before addresses were kept has the name alone."""
    ben = {"kind": "person", "door": "page", "id": "person_1", "name": "Ben", "address": "ben@example.com"}

    assert "Ben (ben@example.com)" == words.who(ben)
    assert "Ben" == words.who_from_outside(ben)
    assert "Ben" == words.who({name: value for name, value in ben.items() if name != "address"})


def test_unseen_characters_are_written_out() -> None:
    """A tag cannot turn the text around it, nor hide something in it."""
    assert words.plainly("\u202egnp.exe a\u200bb") == "[U+202E]gnp.exe a[U+200B]b"
    assert words.plainly("naïve 👩\u200d💻 مرحبا\n\t") == "naïve 👩\u200d💻 مرحبا\n\t"


def test_code_in_a_sentence_is_shown_as_code() -> None:
    """Between backquotes; everything else stays text."""
    coded = templates().filters["coded"]

    assert coded("`true` or <b>, `a<b`") == "<code>true</code> or &lt;b&gt;, <code>a&lt;b</code>"
