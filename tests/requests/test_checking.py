"""Whether an answer is one that was asked for: the one check of every door."""

from typing import Any

import pytest

from app.requests.answers import SUBMIT, Accepted, check, choices_of, output_of, takes_a_comment
from app.requests.parsing import spec_in
from app.requests.spec import Spec
from app.requests.values import is_same

FORM = {
    "type": "object",
    "properties": {"amount": {"type": "number", "minimum": 1}, "reason": {"type": "string", "title": "Why"}},
    "required": ["amount"],
    "additionalProperties": False,
}
PLAIN = spec_in({})
ONLY_A_FORM = spec_in({"form": FORM})
PUBLISH = spec_in(
    {
        "form": FORM,
        "decisions": [
            {"value": "publish", "output": {"approved": True}},
            {"value": "careful", "output": {"approved": None}, "require": ["reason"]},
            {"value": "reject", "output": {"approved": False}, "require": ["comment"], "form": False},
            {"value": "later"},
        ],
    }
)


@pytest.mark.parametrize(
    ("spec", "answer", "decision"),
    [
        (PLAIN, {"approved": True}, "approve"),
        (PLAIN, {"approved": False, "comment": "Not yet."}, "reject"),
        (PLAIN, {"approved": False, "comment": ""}, "reject"),
        (ONLY_A_FORM, {"amount": 5}, SUBMIT),
        (PUBLISH, {"approved": True, "amount": 5}, "publish"),
        (PUBLISH, {"approved": True, "amount": 5, "comment": "Good"}, "publish"),
        (PUBLISH, {"approved": None, "amount": 5, "reason": "So"}, "careful"),
        (PUBLISH, {"approved": False, "comment": "Wrong price"}, "reject"),
        (PUBLISH, {"decision": "later", "amount": 2}, "later"),
    ],
)
def test_an_answer_is_the_first_decision_whose_output_it_holds(spec: Spec, answer: Any, decision: str) -> None:
    """And the rest of it satisfies the form, where the decision asks for the form."""
    found = check(spec, answer)

    assert isinstance(found, Accepted), found
    assert decision == found.choice.value


@pytest.mark.parametrize(
    ("spec", "answer", "pointers"),
    [
        (PLAIN, None, [""]),
        (PLAIN, "yes", [""]),
        (PLAIN, [], [""]),
        (PLAIN, {}, [""]),
        (PLAIN, {"approved": 1}, [""]),  # not as Python has it, where 1 is True
        (PLAIN, {"approved": "true"}, [""]),
        (PLAIN, {"approved": True, "by": "me"}, ["/by"]),
        (PLAIN, {"approved": True, "comment": 7}, ["/comment"]),
        (PLAIN, {"approved": True, "comment": "x" * 10_001}, ["/comment"]),
        (ONLY_A_FORM, {}, ["/amount"]),
        (ONLY_A_FORM, {"amount": 0, "more": 1}, ["/more", "/amount"]),
        (ONLY_A_FORM, {"amount": 1, "comment": "no form says so"}, ["/comment"]),
        (PUBLISH, {"amount": 5}, [""]),
        (PUBLISH, {"approved": True}, ["/amount"]),
        (PUBLISH, {"approved": True, "amount": "5"}, ["/amount"]),
        (PUBLISH, {"approved": None, "amount": 5}, ["/reason"]),
        (PUBLISH, {"approved": None, "amount": 5, "reason": "  "}, ["/reason"]),
        (PUBLISH, {"approved": False}, ["/comment"]),
        (PUBLISH, {"approved": False, "comment": " \n"}, ["/comment"]),
        (PUBLISH, {"approved": False, "comment": "no", "amount": 5}, ["/amount"]),
    ],
)
def test_what_is_wrong_is_said_at_its_field(spec: Spec, answer: Any, pointers: list[str]) -> None:
    found = check(spec, answer)

    assert isinstance(found, list)
    assert sorted(pointers) == sorted(error.pointer for error in found)
    assert all(error.detail.endswith(".") and error.code for error in found)


def test_a_required_field_is_named_as_the_person_reads_it() -> None:
    """By its title, and by what the button says."""
    found = check(PUBLISH, {"approved": None, "amount": 5})

    assert isinstance(found, list)
    assert "“Careful” needs “Why”." == found[0].detail


def test_what_the_program_receives() -> None:
    """The form, what the decision adds, and the comment only where there is one."""
    publish, _, reject, later = choices_of(PUBLISH)

    assert {"amount": 5, "approved": True} == output_of(publish, {"amount": 5}, "")
    assert {"approved": False, "comment": "No"} == output_of(reject, {"amount": 5}, "No")
    assert {"amount": 5, "decision": "later"} == output_of(later, {"amount": 5}, "")


def test_a_comment_goes_along_where_nothing_says_otherwise() -> None:
    """Without a form, and where a decision needs it; a form that has a field of that name keeps it to itself."""
    assert takes_a_comment(PLAIN)
    assert takes_a_comment(PUBLISH)
    assert not takes_a_comment(ONLY_A_FORM)
    own = {"type": "object", "properties": {"comment": {"type": "integer"}}}
    assert not takes_a_comment(spec_in({"form": own}))
    assert isinstance(check(spec_in({"form": own}), {"comment": 3}), Accepted)


def test_what_was_edited_is_noted() -> None:
    """Pointers to what differs from what was proposed; what was not proposed is answered, and not edited."""
    spec = spec_in({"form": {"type": "object"}, "proposed": {"a": 1, "b": {"c": [1, 2]}, "gone": 0}})

    found = check(spec, {"a": 1, "b": {"c": [1, 3]}, "new": True})

    assert isinstance(found, Accepted)
    assert ["/b/c", "/gone"] == [edit.pointer for edit in found.edits]
    same = check(spec, {"a": 1, "b": {"c": [1, 2]}, "gone": 0})
    assert isinstance(same, Accepted)
    assert () == same.edits


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1.0, True),
        (True, 1, False),
        ({"a": [True]}, {"a": [1]}, False),
        ({"a/b": 1}, {}, False),
        ({"a": {}}, {"a": {}}, True),
    ],
)
def test_values_differ_as_json_does(one: Any, other: Any, same: bool) -> None:
    assert same == is_same(one, other)
