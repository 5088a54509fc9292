"""The corpus: every schema can be a form, is drawn, gives good answers back unchanged and refuses others at the field."""

import re
from typing import Any

import pytest

from app.requests.forms import check_schema, controls, form_of, read, summary, typed_in, typed_of, validate
from tests.requests.forms.browsers import drawn, sent, through_a_browser
from tests.requests.forms.corpus import CORPUS, NAMES

GOOD = [(name, schema, answer) for name, schema, answers, _ in CORPUS for answer in answers]
BAD = [(name, schema, answer, place) for name, schema, _, answers in CORPUS for answer, place in answers]


def test_the_corpus_is_large_enough() -> None:
    assert 60 <= len(CORPUS)
    assert 20 <= len([name for name in NAMES if name.startswith("pydantic")])
    assert len(NAMES) == len(set(NAMES))


@pytest.mark.parametrize(("name", "schema"), [(name, schema) for name, schema, *_ in CORPUS], ids=NAMES)
def test_a_schema_is_drawn(name: str, schema: dict[str, Any]) -> None:
    check_schema(schema, "")

    html = drawn(form_of(schema), typed_of(form_of(schema)))

    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    described = {one for several in re.findall(r'aria-describedby="([^"]+)"', html) for one in several.split(" ")}
    assert {*re.findall(r'<label for="([^"]+)"', html), *described} <= set(ids)


@pytest.mark.parametrize(("name", "schema", "answer"), GOOD, ids=[name for name, *_ in GOOD])
def test_a_good_answer_comes_back_unchanged(name: str, schema: dict[str, Any], answer: Any) -> None:
    """Filled in, drawn, sent by a browser as it is, read: the same answer, with the defaults of what it left unsaid."""
    form = form_of(schema)
    assert [] == validate(schema, answer)

    posted = through_a_browser(form, answer)
    reading = read(form, typed_in(form, posted, answer), answer)

    assert {} == reading.errors
    assert says(reading.value, answer), reading.value


def says(value: Any, answer: Any) -> bool:
    """Whether a value is an answer, or that and more."""
    if isinstance(answer, dict):
        return isinstance(value, dict) and all(name in value and says(value[name], answer[name]) for name in answer)
    if isinstance(answer, list):
        return isinstance(value, list) and len(value) == len(answer) and all(map(says, value, answer))
    return repr(value) == repr(answer)


@pytest.mark.parametrize(("name", "schema", "answer"), GOOD, ids=[name for name, *_ in GOOD])
def test_an_answer_can_be_typed_from_nothing(name: str, schema: dict[str, Any], answer: Any) -> None:
    """Somebody who types what a good answer says gives a good answer, though its blanks may be left out."""
    form = form_of(schema)

    reading = read(form, typed_of(form, answer))

    errors = {place: said for place, said in reading.errors.items() if "must be filled in" not in said}
    assert {} == errors


@pytest.mark.parametrize(("name", "schema", "answer", "place"), BAD, ids=[f"{name} {place}" for name, *_, place in BAD])
def test_a_bad_answer_is_refused_at_its_field(name: str, schema: dict[str, Any], answer: Any, place: str) -> None:
    form = form_of(schema)
    assert validate(schema, answer)

    typed = typed_of(form, answer)
    reading = read(form, typed, answer)

    assert place in reading.errors or not place
    if place:
        page = drawn(form, typed, reading.errors)
        said = summary(controls(form, typed, reading.errors))
        ids = set(re.findall(r'\sid="([^"]+)"', page))
        assert set(said) <= ids
        assert reading.errors[place] in said.values()
        before = {name: text for name, text in typed.items() if text and not name.startswith("=")}
        assert before.items() <= (sent(page) | {name: text for name, text in before.items() if ":rows" in name}).items()
