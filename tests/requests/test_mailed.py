"""The beginning of a question's text, as its mail shows it."""

import re

import pytest

from app.requests.mailed import LONGEST, excerpt_of
from tests.requests.test_drawing import HOSTILE

SALE = """# The autumn sale

All prices **20 %** down, *except* `shoes`.
See [the page](https://shop.example.com/autumn) or <https://shop.example.com>.

- Berlin
- Wien
  and around

3. first
4. then

> Last year
> we forgot.

| Shop | Opens |
|---|--:|
| Berlin | **8:00** |

---

```
a  *b*
```
"""
AS_TEXT = """The autumn sale

All prices 20 % down, except shoes.
See the page (https://shop.example.com/autumn) or https://shop.example.com.

- Berlin
- Wien
  and around

3. first
4. then

> Last year
> we forgot.

Shop | Opens
Berlin | 8:00

* * *

a  *b*"""


def test_the_text_of_a_mail_has_no_marks() -> None:
    """It reads as it was meant, and links say where they lead."""
    excerpt = excerpt_of(SALE)

    assert excerpt is not None
    assert AS_TEXT == excerpt.text


def test_the_html_of_a_mail_is_the_page_s_with_styles() -> None:
    """On the tags themselves: a mail has no style sheet."""
    excerpt = excerpt_of(SALE)

    assert excerpt is not None
    assert "<strong>20 %</strong>" in excerpt.html
    assert re.search(r'<td style="[^"]+"><strong>8:00</strong></td>', excerpt.html)
    assert re.search(r'<h2 style="[^"]+">The autumn sale</h2>', excerpt.html)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_of_the_writers_runs_in_a_mail(text: str) -> None:
    """Nor is anything fetched: the same allow-list, and no styles but ours."""
    html = excerpt.html if (excerpt := excerpt_of(text)) else ""

    assert not re.search(r"<(script|img|style|iframe|svg|form|button)|\son\w+=|hx-", re.sub(r"&lt;.*?&gt;", "", html))
    assert not re.search(r'href="(?!https?:|mailto:)', html)


@pytest.mark.parametrize(
    "text", ["x" * 2000, "word " * 500, "line\n" * 500, "| a | b |\n|---|---|\n" + "| c | d |\n" * 300]
)
def test_a_long_text_begins_and_says_that_it_goes_on(text: str) -> None:
    excerpt = excerpt_of(text)

    assert excerpt is not None
    assert len(excerpt.text) <= LONGEST + 3
    assert len(excerpt.text) > LONGEST // 3
    assert excerpt.text.endswith("\n\n…")
    assert ("<table" in excerpt.html) == ("|---" in text)


@pytest.mark.parametrize("text", ["", "  \n ", "[a]: https://a.example"])
def test_a_text_that_says_nothing_is_left_out(text: str) -> None:
    assert excerpt_of(text) is None


@pytest.mark.parametrize("text", [">" * 590, "- " * 290, "*a " * 190, "[" * 590, "![x](y)"])
def test_deep_nesting_is_only_text_in_a_mail(text: str) -> None:
    assert excerpt_of(text) is None or excerpt_of(text).text  # type: ignore[union-attr]
