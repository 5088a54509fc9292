"""What a request says: everything that may be said is kept, and every mistake has its sentence and its place."""

import json
from typing import Any

import msgspec
import pytest

from app.requests import spec as specs
from app.requests.lifecycle import asked_in
from app.requests.parsing import spec_in
from app.requests.spec import Approver, Spec, approvers_of
from app.web.problems import Problem

FORM = {"type": "object", "properties": {"amount": {"type": "number"}, "reason": {"type": "string"}}}
EVERYTHING: dict[str, Any] = {
    "title": "Publish the autumn sale?",
    "body": "It *starts* on Monday.",
    "context": {"items": 12, "big": 2**70, "price": 1.5},
    "diff": {"before": "a", "after": "b"},
    "form": FORM,
    "proposed": {"amount": 12},
    "decisions": [
        {"value": "publish", "label": "Publish", "effect": "Goes live at once.", "output": {"approved": True}},
        {"value": "reject", "output": {"approved": False}, "require": ["comment"], "form": False, "style": "careful"},
        {"value": "later", "confirm": True, "require": ["reason"]},
    ],
    "requester": "ada@example.com",
    "approvers": ["ben@example.com", "group:editors"],
    "identity": "signed-in",
    "selfApproval": False,
    "notify": False,
    "onTimeout": {"output": {"approved": False, "comment": "Nobody answered."}},
    "journey": "sale:42",
    "step": {"index": 1, "of": 3, "title": "Your company"},
    "redirectUrl": "https://shop.example.com/thanks",
}


def test_everything_that_is_said_is_kept() -> None:
    """What a program reads back is what it wrote, defaults left out."""
    kept = specs.read(specs.written(spec_in(EVERYTHING)))

    assert EVERYTHING == msgspec.to_builtins(kept)


def test_nothing_is_a_request_too() -> None:
    """Approve or send back, by whoever has the link."""
    assert Spec() == spec_in({})
    assert "{}" == specs.written(spec_in({}))
    assert spec_in({}).is_open


@pytest.mark.parametrize(
    "fields", [{"approvers": ["ben@example.com"]}, {"identity": "signed-in"}, {"selfApproval": False}]
)
def test_a_request_that_wants_to_know_who_answers_is_not_open(fields: dict[str, Any]) -> None:
    """A bare address proves nothing."""
    assert not spec_in(fields).is_open


def test_approvers_are_compared_as_addresses_are() -> None:
    """Small letters, other scripts as punycode, each once; one may stand alone."""
    spec = spec_in({"approvers": ["Ben@Example.com", "ben@example.com", "ada@bücher.example", "group:editors"]})

    assert [
        Approver("address", "ben@example.com"),
        Approver("address", "ada@xn--bcher-kva.example"),
        Approver("group", "editors"),
    ] == approvers_of(spec)
    assert ["ben@example.com"] == spec_in({"approvers": "ben@example.com"}).approvers


STRANGE_BUT_TRUE = ["😀", "\u202egnp.exe", "a\u200bb", "<script>alert(1)</script>", "{{7*7}}", "x" * 200]


@pytest.mark.parametrize("title", STRANGE_BUT_TRUE)
def test_a_strange_title_is_kept(title: str) -> None:
    """Pages write out what hides or turns text; nothing is changed on its way in (B-43)."""
    assert title == spec_in({"title": title}).title


MISTAKES: list[tuple[Any, str, str]] = [
    # what came, the place, and a part of the sentence
    ([], "", "request must be a JSON object, not []"),
    ("yes?", "", "request must be a JSON object"),
    ({"titel": "x"}, "/titel", "titel is not a field of a request; known are approvers, body"),
    ({"a/b~c": 1}, "/a~1b~0c", "is not a field of a request"),
    ({"title": 1}, "/title", "title must be a text, not 1"),
    ({"title": "x" * 201}, "/title", "title must have at most 200 characters, not 201"),
    ({"title": "   "}, "/title", "title must not be empty"),
    ({"title": "a\nBcc: b"}, "/title", "title must be one line"),
    ({"title": "a\u2028b"}, "/title", "title must be one line"),
    ({"body": "x" * 1_000_000}, "/body", "body must have at most 10,000 characters, not 1,000,000"),
    ({"body": "\x1b[31m"}, "/body", "body must not contain control characters"),
    ({"diff": {"before": 1}}, "/diff/after", "after must be given: a diff has two sides"),
    ({"diff": "a"}, "/diff", "diff must be a JSON object"),
    ({"diff": {"before": 1, "after": 2, "x": 3}}, "/diff/x", "x is not a field of a diff"),
    ({"form": {"type": "string"}}, "/form", "must describe an object"),
    ({"form": {"$ref": "https://example.com/s"}}, "/form/$ref", "is never fetched"),
    ({"form": 1}, "/form", "must be a JSON Schema"),
    ({"proposed": {}}, "/proposed", "proposed needs a form beside it"),
    ({"form": FORM, "proposed": []}, "/proposed", "proposed must be a JSON object"),
    ({"form": FORM | {"additionalProperties": False}, "proposed": {"note": 1}}, "/proposed/note", "note is proposed, and the form takes"),
    ({"decisions": {}}, "/decisions", "decisions must be a list of at most 10 decisions"),
    ({"decisions": [{"value": f"d{n}"} for n in range(11)]}, "/decisions", "not 11 of them"),
    ({"decisions": [1]}, "/decisions/0", "decision must be a JSON object, not 1"),
    ({"decisions": [{}]}, "/decisions/0/value", "value must be a name of letters"),
    ({"decisions": [{"value": "APPROVE "}]}, "/decisions/0/value", "value must be a name"),
    ({"decisions": [{"value": "a"}, {"value": "a"}]}, "/decisions/1/value", "must differ from the others"),
    ({"decisions": [{"value": "a", "lable": "A"}]}, "/decisions/0/lable", "lable is not a field of a decision"),
    ({"decisions": [{"value": "a", "label": "x" * 61}]}, "/decisions/0/label", "at most 60 characters"),
    ({"decisions": [{"value": "a", "effect": 1}]}, "/decisions/0/effect", "effect must be a text"),
    ({"decisions": [{"value": "a", "output": True}]}, "/decisions/0/output", "output must be a JSON object"),
    ({"decisions": [{"value": "a", "output": {"comment": ""}}]}, "/decisions/0/output", "one of the two would be lost"),
    ({"decisions": [{"value": "a", "output": {"x": 1}}, {"value": "b", "output": {"x": 1, "y": 2}}]}, "/decisions/1/output", "would be taken for 'a'"),
    ({"decisions": [{"value": "a", "confirm": "yes"}]}, "/decisions/0/confirm", "confirm must be true or false"),
    ({"decisions": [{"value": "a", "style": "red"}]}, "/decisions/0/style", 'style must be "main", "plain" or "careful"'),
    ({"decisions": [{"value": "a", "style": ["main"]}]}, "/decisions/0/style", "style must be"),
    ({"decisions": [{"value": "a", "require": "comment"}]}, "/decisions/0/require", "must be a list of names"),
    ({"decisions": [{"value": "a", "require": ["why"]}]}, "/decisions/0/require/0", "must name comment or a field"),
    ({"requester": "a@b\r\nBcc: c@d"}, "/requester", "requester must be one line"),
    ({"requester": "a@"}, "/requester", "requester must be a mail address such as ben@example.com"),
    ({"approvers": []}, "/approvers", "approvers must name somebody"),
    ({"approvers": 7}, "/approvers", "must be a list of at most 50 addresses and groups, not 7"),
    ({"approvers": ["ben@example.com"] * 51}, "/approvers", "not 51 of them"),
    ({"approvers": [None]}, "/approvers/0", "must be mail addresses and group:<name>, not null"),
    ({"approvers": ["ben"]}, "/approvers/0", "must be a mail address such as ben@example.com"),
    ({"approvers": ["a@b\r\nBcc: c@d"]}, "/approvers/0", "must be a mail address"),
    ({"approvers": ["=?UTF-8?Q?=0ABcc:?="]}, "/approvers/0", "must be a mail address"),
    ({"approvers": ["x" * 320 + "@example.com"]}, "/approvers/0", "must be a mail address"),
    ({"approvers": ['"x"@[127.0.0.1]']}, "/approvers/0", "must be a mail address"),
    ({"approvers": ["group:"]}, "/approvers/0", "names a group by small letters"),
    ({"approvers": ["group:The Editors"]}, "/approvers/0", "names a group by small letters"),
    ({"journey": ".."}, "/journey", "journey must be a name that an address can hold"),
    ({"journey": "."}, "/journey", "journey must be a name that an address can hold"),
    ({"identity": "passport"}, "/identity", 'identity must be "link" or "signed-in", not "passport"'),
    ({"identity": ["link"]}, "/identity", "identity must be"),
    ({"requester": "Eve", "selfApproval": False}, "/requester", "must be a mail address where selfApproval is false"),
    ({"selfApproval": 0}, "/selfApproval", "selfApproval must be true or false, not 0"),
    ({"notify": "no"}, "/notify", "notify must be true or false"),
    ({"onTimeout": {}}, "/onTimeout/output", "output must be a JSON object"),
    ({"onTimeout": {"output": {"approved": "no"}}}, "/onTimeout/output", "fits none of the decisions"),
    ({"step": {"index": 1}}, "/step", "step needs a journey beside it"),
    ({"journey": "j", "step": {"index": 0}}, "/step/index", "must be a whole number from 1 to 100, not 0"),
    ({"journey": "j", "step": {"index": True}}, "/step/index", "must be a whole number"),
    ({"journey": "j", "step": {"index": 3, "of": 2}}, "/step/index", "must not be beyond of, which is 2"),
    ({"journey": ""}, "/journey", "journey must not be empty"),
    ({"redirectUrl": "javascript:alert(1)"}, "/redirectUrl", "must be an address that starts with https://"),
    ({"redirectUrl": "https://a.example@b.example"}, "/redirectUrl", 'must have no user name before its host: "https://a.example@b.example" leads to b.example'),
    ({"redirectUrl": "//evil.example"}, "/redirectUrl", "must be an address"),
    ({"redirectUrl": "https://[::1"}, "/redirectUrl", "must be an address"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "place", "sentence"), MISTAKES)
def test_a_mistake_is_said_in_one_sentence(value: Any, place: str, sentence: str) -> None:
    """Which field, which rule, what came; and a pointer to the place."""
    with pytest.raises(Problem) as raised:
        asked_in(value)

    problem = raised.value
    assert 400 == problem.status
    assert sentence in problem.detail
    assert f"/request{place}" == problem.errors[0]["pointer"]
    assert json.loads(problem.body())["detail"] == problem.detail


def test_a_question_that_nobody_may_answer_is_not_asked() -> None:
    """Its only approver is who asks, and may not. Who is in a group is looked up when it is answered."""
    own = {"requester": "Ben@example.com", "selfApproval": False}

    with pytest.raises(Problem) as raised:
        asked_in({**own, "approvers": ["ben@example.com"]})

    assert (422, "own-request") == (raised.value.status, raised.value.code)
    assert "/request/approvers" == raised.value.errors[0]["pointer"]
    assert "approvers must name somebody else than the requester" in raised.value.detail
    for approvers in (["ben@example.com", "eve@example.com"], ["ben@example.com", "group:editors"]):
        asked_in({**own, "approvers": approvers})
    asked_in({**own, "selfApproval": True, "approvers": ["ben@example.com"]})


def test_a_default_answer_must_satisfy_the_form() -> None:
    """Found out when it is asked for, not when the deadline comes."""
    with pytest.raises(Problem) as raised:
        asked_in({"form": FORM | {"required": ["amount"]}, "onTimeout": {"output": {"amount": "much"}}})

    assert "invalid-default-answer" == raised.value.code
    assert "/request/onTimeout/output/amount" == raised.value.errors[0]["pointer"]
