"""What somebody wrote, as a page may show it: Markdown, JSON, and what would change."""

import re
from typing import Any

import pytest

from app.requests.changes import MOST_LINES, lines_of
from app.requests.markdown import html_of
from app.requests.parsing import spec_in
from app.requests.trees import DEEPEST, MOST_NODES, Node, label_of, tree_of
from app.requests.views import changes_between

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:msgbox)",
    "<javascript:alert(1)>",
    "![x](https://tracker.example/pixel.png)",
    '<a hx-get="/tokens">x</a>',
    '<div data-hx-post="/x" hx-on:load="alert(1)">x</div>',
    "<svg/onload=alert(1)>",
    "<style>body{display:none}</style>",
    '[x](https://a.example "onmouseover=alert(1)")',
    "`<script>`",
    "```html\n<script>alert(1)</script>\n```",
    "| <script> |\n|---|\n| <img onerror=x> |",
    "<iframe src='https://evil.example'></iframe>",
    "<!-- --><form action=/x><button>Approve</button></form>",
    "{{7*7}} ${7*7}",
    "[a]: javascript:alert(1)\n\n[a]",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_of_the_writers_runs(text: str) -> None:
    """Only the tags of the allow-list, only links with an address of the web (B-44)."""
    html = str(html_of(text))

    tags = re.findall(r"<(/?)(\w+)([^>]*)>", html)
    assert {name for _, name, _ in tags} <= {"p", "a", "em", "code", "pre", "table", "thead", "tbody", "tr", "th", "td"}
    for _, name, attributes in tags:
        names = set(re.findall(r'([\w:-]+)="', attributes))
        assert names <= ({"href", "rel"} if name == "a" else set())
    assert not re.search(r'href="(?!https?:|mailto:)', html)


def test_what_looks_like_code_is_text() -> None:
    """Nothing is evaluated, nothing is swallowed."""
    assert "<p>{{7*7}} ${7}</p>\n" == html_of("{{7*7}} ${7}")
    assert "&lt;script&gt;" in html_of("<script>")


def test_a_link_says_where_it_leads() -> None:
    """Whatever it is called; and an address that is its own name is said once."""
    shown = re.sub(r"<[^>]+>", "", str(html_of("[Your bank](https://evil.example/login) <https://ok.example>")))

    assert "Your bank (https://evil.example/login) https://ok.example\n" == shown


def test_unseen_characters_are_written_out() -> None:
    """In text, code and addresses (threat 12)."""
    assert "[U+202E]" in html_of("pay \u202eno")
    assert "[U+200B]" in html_of("`a\u200bb`")
    assert "\u202e" not in html_of("```\n\u202e\n```\n[x](https://a.example/\u202e)")


def test_headings_stay_below_the_question() -> None:
    html = html_of("# One\n\n###### Six")

    assert "<h2>One</h2>" in html
    assert "<h6>Six</h6>" in html


@pytest.mark.parametrize("text", [">" * 10_000, "[" * 10_000, "*a " * 6_000, "- " * 5_000, "`" * 20_000, "|a" * 10_000])
def test_deep_nesting_is_only_text(text: str) -> None:
    """Drawn, and not deeper than a page can be (B-45)."""
    html = str(html_of(text))

    assert html.count("<blockquote>") + html.count("<ul>") <= 21


def test_json_reads_as_names_and_values() -> None:
    node = tree_of({"unit_price": 12.5, "inStock": True, "note": None, "to": {"street": "A"}, "tags": ["a", "b"]})

    assert ["Unit price", "In stock", "Note", "To", "Tags"] == [label for label, _ in node.parts]
    assert ["text", "text", "nothing", "record", "list"] == [part.kind for _, part in node.parts]
    assert ["12.5", "Yes"] == [part.text for _, part in node.parts[:2]]


def test_things_of_one_kind_are_a_table() -> None:
    """Also where one lacks a value; not where one holds a list."""
    node = tree_of([{"item": "Shoe", "amount": 2}, {"item": "Hat"}])

    assert ("table", ("Item", "Amount"), (("Shoe", "2"), ("Hat", ""))) == (node.kind, node.columns, node.rows)
    assert "list" == tree_of([{"a": 1}, {"a": [1]}]).kind
    assert "list" == tree_of([{"a": 1}]).kind


def test_a_page_says_what_it_leaves_out() -> None:
    """However much comes: a bounded page, and a number."""
    wide = tree_of([str(number) for number in range(100_000)])
    rows = tree_of([{"a": number} for number in range(100_000)])

    assert 100_000 == len(wide.parts) + wide.left_out
    assert len(wide.parts) <= MOST_NODES
    assert 100_000 == len(rows.rows) + rows.left_out


def test_depth_ends_in_text() -> None:
    value: Any = "deep"
    for _ in range(60):
        value = {"in": value}

    depth, node = 0, tree_of(value)
    while node.kind == "record":
        depth, node = depth + 1, node.parts[0][1]
    assert (DEEPEST, "text") == (depth, node.kind)


@pytest.mark.parametrize(("name", "label"), [("a b", "a b"), ("größe", "größe"), ("URL", "URL"), ("_x", "X"), ("", "")])
def test_names_that_are_no_identifiers_stay(name: str, label: str) -> None:
    assert label == label_of(name).strip()


def said(before: Any, after: Any) -> list[str]:
    signs = {"same": " ", "before": "-", "after": "+", "gap": "…"}
    lines = lines_of(before, after)
    assert lines is not None
    return [
        signs[line.side] + "".join(f"[{part.text}]" if part.differs else part.text for part in line.parts)
        for line in lines
    ]


def test_a_change_is_shown_word_by_word() -> None:
    assert ["-The [red] shoe", "+The [blue] shoe"] == said("The red shoe", "The blue shoe")


def test_lines_that_stay_are_left_out() -> None:
    old = [f"line {number}" for number in range(30)]
    new = [*old[:15], "new", *old[15:]]

    assert ["…", *(f" line {n}" for n in (12, 13, 14)), "+new", *(f" line {n}" for n in (15, 16, 17)), "…"] == said(
        "\n".join(old), "\n".join(new)
    )


def test_json_is_compared_as_it_reads() -> None:
    assert [" {", '-  "price": [12]', '+  "price": [15]', " }"] == said({"price": 12}, {"price": 15})


def test_the_same_is_no_change() -> None:
    assert [] == said({"a": 1}, {"a": 1})


def test_too_much_is_not_compared() -> None:
    assert lines_of("a\n" * (MOST_LINES + 1), "b") is None
    assert lines_of("a" * 200_000, "b") is None


def test_an_amendment_is_told_in_words() -> None:
    """What a person can understand, and only what differs."""
    before = spec_in({"title": "Publish?", "body": "Soon.", "context": {"price": 12}, "notify": False})
    after = spec_in({"title": "Publish now?", "body": "Soon.", "context": {"price": 15}})

    assert ["Question", "Details"] == [change.label for change in changes_between(before, after)]


def form(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


TEXT: dict[str, Any] = {"type": "string"}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (form(a=TEXT), form(a=TEXT, new_one=TEXT), ["New: New one."]),
        (form(a=TEXT, old=TEXT), form(a=TEXT), ["Not asked any more: Old."]),
        (form(a=TEXT), form(a=TEXT | {"title": "Sum"}), ["“A” is called “Sum” now."]),
        (form(a=TEXT), form(("a",), a=TEXT), ["Needed now: A."]),
        (form(("a",), a=TEXT), form(a=TEXT), ["Not needed any more: A."]),
        (form(a=TEXT, b=TEXT), form(a={"type": "integer"}, b=TEXT | {"maxLength": 3}), ["Changed: A, B."]),
        (form(g=form(a=TEXT)), form(g=form(a=TEXT, b=TEXT)), ["New: G, B."]),
        (form(a=TEXT), form(a=TEXT) | {"minProperties": 1}, ["Its rules were changed."]),
        (form(a={"$ref": "#/$defs/A"}) | {"$defs": {"A": TEXT}}, form(a={"$ref": "#/$defs/B"}) | {"$defs": {"B": TEXT}}, ["Its rules were changed."]),
    ],
)  # fmt: skip
def test_an_amended_form_is_told_by_its_labels(before: Any, after: Any, told: list[str]) -> None:
    (change,) = changes_between(spec_in({"form": before}), spec_in({"form": after}))

    assert ("Form", told) == (change.label, [*change.sentences])


def test_amended_values_are_told_by_their_labels() -> None:
    """And nothing secret is among them."""
    asked = form(colour={"enum": ["g", "r"], "x-ui": {"labels": ["Green", "Red"]}}, pin=TEXT | {"format": "password"})
    before = spec_in({"form": asked, "proposed": {"colour": "g", "pin": "1"}})
    after = spec_in({"form": asked, "proposed": {"colour": "r", "pin": "2"}})

    (change,) = changes_between(before, after)

    lines = ["".join(part.text for part in line.parts) for line in change.lines or ()]
    assert ["Colour: Green", "Colour: Red", "Pin: ••••••"] == lines


def test_nothing_is_nothing() -> None:
    values: tuple[Any, ...] = (None, "", [], {})
    for nothing in values:
        assert Node("nothing") == tree_of(nothing)
    assert "0" == tree_of(0).text
    assert "No" == tree_of(False).text
