"""The page of a question: Ben has a link, and answers what he sees."""

import json
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from tests.cast import ADAS_KEY
from tests.databases import DatabaseMaker
from tests.makers import House, Program, open_house
from tests.pages.conftest import Visitor, desk, text_of
from tests.requests.conftest import address, ask

__all__ = ["desk"]

FORM = {
    "type": "object",
    "properties": {
        "amount": {"type": "integer", "minimum": 1, "title": "Amount"},
        "note": {"type": "string", "title": "Note"},
    },
    "required": ["amount"],
}
DECISIONS = [
    {"value": "publish", "label": "Publish", "effect": "Goes live at once.", "output": {"approved": True}},
    {"value": "delete", "label": "Delete it", "output": {"deleted": True}, "confirm": True, "style": "careful"},
    {"value": "reject", "label": "Send back", "output": {"approved": False}, "require": ["comment"], "form": False},
]


@pytest.fixture
def ben(house: House) -> Iterator[Visitor]:
    """Ben: a browser without an account, and whatever link he is given."""
    visitor = Visitor(house)
    yield visitor
    visitor.client.close()


def opened(ben: Visitor, ada: Program, **request: Any) -> SimpleNamespace:
    """A question of Ada's that Ben has opened; `.page` is what he sees."""
    token = ask(ada, **request)
    token.page = ben.open(f"/approve/{token.id}?token={token.public_access_token}")
    return token


def send(ben: Visitor, token: SimpleNamespace, version: int = 1, **fields: str) -> httpx.Response:
    named = {name.replace("field_", "/"): value for name, value in fields.items()}
    return ben.client.post(
        f"/approve/{token.id}", data={"version": str(version), **named}, headers={"Origin": ben.house.url}
    )


def output_of(ada: Program, token: SimpleNamespace) -> Any:
    return json.loads(ada.show(token)["output"])


def amend(ada: Program, token: SimpleNamespace, **changes: Any) -> None:
    assert 200 == ada.ask("PATCH", f"{token.path}/request", json=changes).status_code


def test_a_question_explains_itself(ben: Visitor, ada: Program) -> None:
    """What, by whom, about what, what would change, what each answer does, and what happens without one."""
    token = opened(
        ben,
        ada,
        title="Publish the autumn sale?",
        body="It **starts** on Monday.",
        context={"order": {"total_price": 12.5}},
        diff={"before": "10 %", "after": "20 %"},
        requester="ada@example.com",
        decisions=DECISIONS,
        onTimeout={"output": {"approved": False, "comment": "Nobody answered."}},
    )

    text = text_of(token.page)
    assert "Publish the autumn sale? Asked by ada@example.com, just now" in text
    assert "<strong>starts</strong>" in token.page.text
    assert "Total price 12.5" in text
    assert "Before: 10 %" in text
    assert "After: 20 %" in text
    assert "Publish Goes live at once." in text
    assert re.search(
        r"If nobody answers by .* it counts as “Send back”, with these values: Comment Nobody answered\.", text
    )
    assert "<title>Publish the autumn sale? · Waitpoint</title>" in token.page.text


def test_a_decision_is_recorded_with_what_was_filled_in(ben: Visitor, ada: Program) -> None:
    """The form, and what the decision adds; the page says what was recorded."""
    token = opened(ben, ada, title="Publish?", form=FORM, decisions=DECISIONS)

    done = send(ben, token, decision="publish", field_amount="5")

    assert {"amount": 5, "approved": True} == output_of(ada, token)
    assert 303 == done.history[0].status_code
    assert (
        "Your answer was recorded. Answered: Publish Publish? “Publish” was chosen by somebody with the approval link on"
        in text_of(done)
    )
    assert "Amount 5" in text_of(done)


def test_a_form_alone_is_sent(ben: Visitor, ada: Program) -> None:
    token = opened(ben, ada, form=FORM)

    assert ">Send</button>" in token.page.text
    send(ben, token, decision="submit", field_amount="5", field_note="Hello")

    assert {"amount": 5, "note": "Hello"} == output_of(ada, token)


def test_a_wrong_field_is_said_at_the_field(ben: Visitor, ada: Program) -> None:
    """And in the summary, which leads there; what was typed is still there, and the token waits."""
    token = opened(ben, ada, form=FORM, decisions=DECISIONS)

    page = send(ben, token, decision="publish", field_amount="0", field_note="half a <thought>")

    assert 400 == page.status_code
    found = re.search(r'<a href="#([^"]+)">([^<]+)</a>', page.text)
    assert found is not None
    assert f'id="{found[1]}"' in page.text
    assert f'id="{found[1]}_error"' in page.text
    assert "half a &lt;thought&gt;" in page.text
    assert "<title>Error: " in page.text
    assert "WAITING" == ada.show(token)["status"]


@pytest.mark.parametrize("comment", ["", "  \n "])
def test_a_comment_that_is_needed_is_asked_for(ben: Visitor, ada: Program, comment: str) -> None:
    """In the words of the button; the form need not be filled to send back."""
    token = opened(ben, ada, form=FORM, decisions=DECISIONS)
    assert "Comment (needed for “Send back”)" in text_of(token.page)

    page = send(ben, token, decision="reject", comment=comment, field_amount="7")

    assert 400 == page.status_code
    assert "“Send back”" not in text_of(page).partition("Comment")[0] or "Send back" in text_of(page)
    assert "“Send back” needs a comment." in text_of(page)
    assert '<a href="#comment">' in page.text
    assert 'value="7"' in page.text
    send(ben, token, decision="reject", comment="Wrong price.")
    assert {"approved": False, "comment": "Wrong price."} == output_of(ada, token)


@pytest.mark.parametrize("decision", [{}, {"decision": "APPROVE "}, {"decision": "yes"}, {"decision": ""}])
def test_a_decision_that_was_not_offered_comes_back(ben: Visitor, ada: Program, decision: dict[str, str]) -> None:
    """With the names of those that were, and everything that was typed (B-49)."""
    token = opened(ben, ada, form=FORM, decisions=DECISIONS)

    page = send(ben, token, 1, comment="kept", **decision)

    assert 400 == page.status_code
    assert "Choose Publish, Delete it or Send back." in text_of(page)
    assert "kept</textarea>" in page.text
    assert "WAITING" == ada.show(token)["status"]


def test_two_decisions_at_once_are_none(ben: Visitor, ada: Program) -> None:
    """The page comes back and says so, with what was typed (B-49)."""
    token = opened(ben, ada, title="Publish?")

    page = ben.client.post(
        f"/approve/{token.id}",
        content="version=1&decision=approve&decision=reject&comment=kept",
        headers={"Origin": ben.house.url, "Content-Type": "application/x-www-form-urlencoded"},
    )

    assert 400 == page.status_code
    assert "kept</textarea>" in page.text
    assert "Something was sent twice, so nothing was recorded. Choose one answer." in text_of(page)
    assert "Publish?" in text_of(page)
    assert "WAITING" == ada.show(token)["status"]


def test_what_cannot_be_undone_is_asked_once_more(ben: Visitor, ada: Program) -> None:
    """Everything that was typed goes along, and back; only the second yes decides."""
    token = opened(ben, ada, title="Old shop", form=FORM, decisions=DECISIONS)

    sure = send(ben, token, decision="delete", field_amount="5", field_note="two\nlines & <b>")

    assert 200 == sure.status_code
    assert "Old shop Delete it: are you sure?" in text_of(sure)
    assert "WAITING" == ada.show(token)["status"]
    carried = {name: value.removeprefix("\n") for name, value in _carried(sure)}
    assert {"version": "1", "/amount": "5", "/note": "two\nlines & <b>"} == carried

    carried.pop("version")
    back = send(ben, token, 1, **carried, decision="delete", back="yes")
    assert 200 == back.status_code
    assert 'value="5"' in back.text
    assert "WAITING" == ada.show(token)["status"]

    send(ben, token, 1, **carried, decision="delete", confirmed="delete")
    assert {"amount": 5, "note": "two\nlines & <b>", "deleted": True} == output_of(ada, token)


def _carried(page: httpx.Response) -> list[tuple[str, str]]:
    from html import unescape  # noqa: PLC0415

    found = re.findall(r'<textarea name="([^"]+)" hidden>(.*?)</textarea>', page.text, re.DOTALL)
    return [(unescape(name), unescape(value)) for name, value in found]


def test_a_mistake_is_said_before_it_is_asked_once_more(ben: Visitor, ada: Program) -> None:
    token = opened(ben, ada, form=FORM, decisions=DECISIONS)

    assert 400 == send(ben, token, decision="delete", field_amount="none").status_code


def test_a_stale_answer_is_shown_what_changed(ben: Visitor, ada: Program) -> None:
    """Nothing is recorded, nothing typed is lost; the next answer is about what is asked now (B-51)."""
    token = opened(ben, ada, title="Publish 10 %?", body="Soon.", decisions=DECISIONS, form=FORM)
    amend(ada, token, title="Publish 20 %?")

    stale = send(ben, token, decision="publish", field_amount="5", field_note="my words")

    assert 409 == stale.status_code
    text = text_of(stale)
    assert "This question was changed after you opened it" in text
    assert "Before: Publish 10 %?" in text
    assert "After: Publish 20 %?" in text
    assert "my words" in stale.text
    assert "WAITING" == ada.show(token)["status"]

    send(ben, token, version=2, decision="publish", field_amount="5")
    assert "COMPLETED" == ada.show(token)["status"]


@pytest.mark.parametrize("version", ["", "0", "9", "one", "1" * 30])
def test_an_answer_says_what_it_is_about(ben: Visitor, ada: Program, version: str) -> None:
    """Or it is asked for again."""
    token = opened(ben, ada)

    page = ben.send(f"/approve/{token.id}", version=version, decision="approve")

    assert 409 == page.status_code
    assert "WAITING" == ada.show(token)["status"]


def test_who_comes_second_is_told_who_was_first(ben: Visitor, ada: Program) -> None:
    """What was decided, when, and that their choice was not recorded (B-50)."""
    token = opened(ben, ada, decisions=DECISIONS)
    ada.complete(token, {"approved": False, "comment": "Too early."})

    late = send(ben, token, decision="publish")

    assert 409 == late.status_code
    text = text_of(late)
    assert "This was already answered" in text
    assert "“Send back” was chosen by a program on" in text
    assert "Too early." in text
    assert "Your answer was not recorded" in text

    same = send(ben, token, decision="reject", comment="Too early.")
    assert "That is what you answered, too." in text_of(same)


@pytest.mark.parametrize(
    ("recorded", "sent"),
    [
        ({"approved": True, "amount": 1000}, {"decision": "publish", "field_amount": "78"}),
        ({"approved": False, "comment": "Whatever the price."}, {"decision": "reject", "comment": "Not at 10."}),
        ({"approved": False, "comment": "Too early."}, {"decision": "reject"}),
    ],
)
def test_another_answer_by_the_same_button_is_not_taken_for_the_same(
    ben: Visitor, ada: Program, recorded: dict[str, object], sent: dict[str, Any]
) -> None:
    """Else who wrote "only at 10" goes home believing that it was heard."""
    form = {"type": "object", "properties": {"amount": {"type": "number"}}}
    token = opened(ben, ada, form=form, decisions=DECISIONS)
    ada.complete(token, recorded)

    late = send(ben, token, **sent)

    assert "Your answer was not recorded" in text_of(late)
    assert "That is what you answered, too." not in text_of(late)


def test_what_was_proposed_can_be_edited(ben: Visitor, ada: Program) -> None:
    """The form is filled beforehand; the page and the timeline tell what was edited."""
    token = opened(ben, ada, form=FORM, proposed={"amount": 12, "note": "As agreed"}, decisions=DECISIONS)
    assert 'value="12"' in token.page.text

    done = send(ben, token, decision="publish", field_amount="15", field_note="As agreed")

    assert {"amount": 15, "note": "As agreed", "approved": True} == output_of(ada, token)
    assert "Edited before it was sent Amount 12 → 15" in text_of(done)


def test_an_answer_is_told_in_the_words_of_the_form(desk: Visitor, ben: Visitor, ada: Program) -> None:
    """At the door and at the desk; what was not proposed is answered, and was not edited."""
    colour = {"oneOf": [{"const": "g", "title": "Green"}, {"const": "r", "title": "Red"}], "title": "Which colour?"}
    parts = {"colour": colour, "size": {"enum": ["s"], "x-ui": {"show": True}}, "note": {"type": "string"}}
    hidden = {"source": {"type": "string", "x-ui": {"widget": "hidden"}}}
    token = opened(
        ben, ada, form={"type": "object", "properties": {**parts, **hidden}}, proposed={"colour": "g", "source": "shop"}
    )

    done = send(ben, token, decision="submit", field_colour="r", field_note="Mine")

    assert {"colour": "r", "source": "shop", "size": "s", "note": "Mine"} == output_of(ada, token)
    edits = "Edited before it was sent Which colour? Green → Red All that was answered Which colour? Red"
    for page in (done, desk.open(f"/tokens/{token.id}")):
        assert edits in text_of(page)
        assert "Note Mine" in text_of(page)
    assert "shop" not in done.text


SECRETS = {
    "type": "object",
    "properties": {
        "pin": {"type": "string", "format": "password", "title": "PIN"},
        "key": {"type": "string", "writeOnly": True, "title": "Key"},
        "amount": {"type": "integer", "title": "Amount"},
        "rows": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["amount"],
}


def test_a_secret_is_on_no_page(desk: Visitor, ben: Visitor, ada: Program) -> None:
    """Not when it is sent back, nor afterwards, nor to whoever comes late; the program is given it."""
    token = opened(ben, ada, form=SECRETS, proposed={"key": "k-proposed"})
    typed = {"field_pin": "s3cret", "field_key": "k-typed", "decision": "submit"}

    wrong = send(ben, token, 1, **typed, field_amount="many")
    longer = send(ben, token, 1, **typed, field_amount="1", rows="add:/rows")
    done = send(ben, token, 1, **typed, field_amount="1")
    late = send(ben, token, 1, **typed, field_amount="2")

    pages = [token.page, wrong, longer, done, late, desk.open(f"/tokens/{token.id}")]
    for page in pages:
        assert not re.search("s3cret|k-proposed|k-typed", page.text)
    assert "There is a problem PIN must be typed again. Key must be typed again. Amount must be" in text_of(wrong)
    assert "PIN must be typed again." in text_of(longer)
    assert "Edited before it was sent Key •••••• → ••••••" in text_of(done)
    assert "PIN ••••••" in text_of(done)
    assert "What you had typed PIN ••••••" in text_of(late)
    assert {"pin": "s3cret", "key": "k-typed", "amount": 1} == output_of(ada, token)


def test_a_secret_that_was_proposed_stays_when_it_is_left_empty(ben: Visitor, ada: Program) -> None:
    token = opened(ben, ada, form=SECRETS, proposed={"key": "k-proposed"})
    assert "Left empty, it stays as it is." in text_of(token.page)

    done = send(ben, token, decision="submit", field_pin="", field_key="", field_amount="1")

    assert {"key": "k-proposed", "amount": 1} == output_of(ada, token)
    assert "Edited" not in text_of(done)


def test_what_came_too_late_is_told_as_the_form_showed_it(ben: Visitor, ada: Program) -> None:
    """With the rows and the groups that it stands in."""
    guest = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "eats": {"enum": ["v", "m"], "x-ui": {"labels": ["Vegetables", "Meat"]}},
        },
    }
    form = {"type": "object", "properties": {"guests": {"type": "array", "items": guest}, "sure": {"const": True}}}
    token = opened(ben, ada, form=form)
    ada.complete(token, {})

    late = send(ben, token, 1, **{"/guests:rows": "1", "/guests/0/name": "Cora", "/guests/0/eats": "m", "/sure": "yes"})

    assert "What you had typed Guests 1, Name Cora Guests 1, Eats Meat Sure Yes" in text_of(late)


def test_what_an_amended_form_has_no_place_for_is_not_lost(ben: Visitor, ada: Program) -> None:
    """It is still here, or it is shown."""
    colour = {"enum": ["g", "r"], "x-ui": {"labels": ["Green", "Red"]}}
    before = {"type": "object", "properties": {"a": {"type": "string"}, "gone": {"type": "string"}, "colour": colour}}
    token = opened(ben, ada, form=before)
    amend(ada, token, form={"type": "object", "properties": {"a": {"type": "string"}, "colour": {"enum": ["b"]}}})

    told = send(ben, token, decision="submit", field_a="Stays", field_gone="Typed in vain", field_colour="g")

    assert 'value="Stays"' in told.text
    text = text_of(told)
    assert "is still here, but for what is not asked any more: Gone Typed in vain Colour Green Form" in text
    assert "Not asked any more: Gone. Changed: Colour." in text


def test_a_default_answer_is_told_as_what_it_is(house: House, ben: Visitor, ada: Program) -> None:
    """Announced before, and marked after."""
    token = ada.make_token(
        timeout="1m", request={"decisions": DECISIONS, "onTimeout": {"output": {"approved": False, "comment": "Late."}}}
    )
    link = f"/approve/{token.id}?token={token.public_access_token}"
    assert "it counts as “Send back”, with these values: Comment Late." in text_of(ben.open(link))

    house.time_passes(minutes=2)

    text = text_of(ben.open(f"/approve/{token.id}"))
    assert "The time is over" in text
    assert "so it counts as “Send back”" in text
    assert "Late." in text


def test_the_values_of_a_default_answer_are_shown_before(desk: Visitor, ben: Visitor, ada: Program) -> None:
    """To whoever is asked, and at the desk."""
    token = opened(ben, ada, form=FORM, onTimeout={"output": {"amount": 5000}})

    assert re.search("it counts as “Send”, with these values: .*Amount 5000", text_of(token.page))
    assert "If nobody answers “Send” Amount 5000" in text_of(desk.open(f"/tokens/{token.id}"))


def test_a_withdrawn_question_says_why(ben: Visitor, ada: Program) -> None:
    token = opened(ben, ada, title="Publish?")
    ada.cancel(token, "The sale is off.")

    text = text_of(ben.open(f"/approve/{token.id}"))

    assert "This question was withdrawn" in text
    assert "The sale is off." in text


def test_a_bare_link_shows_nothing_of_what_certain_people_are_asked(ben: Visitor, ada: Program) -> None:
    """It names nobody. Neither the question nor, afterwards, how it was answered."""
    token = opened(ben, ada, title="Publish?", body="The price is secret.", approvers=[address("cora")])

    refused = send(ben, token, decision="approve")
    assert "WAITING" == ada.show(token)["status"]
    ada.complete(token, {"approved": True, "comment": "Secretly."})

    for told in (token.page, refused, ben.open(f"/approve/{token.id}")):
        assert (403, True) == (told.status_code, "This question asks other people" in text_of(told))
        assert "secret" not in told.text.lower()


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{777*777}}", "\u202eevil", "</textarea><b>"],
)
def test_nothing_that_a_program_says_becomes_markup(ben: Visitor, ada: Program, text: str) -> None:
    """Wherever it stands (B-43, B-44)."""
    token = opened(
        ben,
        ada,
        title=text,
        body=text,
        context={text: text, "list": [{text: text}, {text: text}]},
        diff={"before": text, "after": f"{text}!"},
        requester=text,
        decisions=[{"value": "yes", "label": text, "effect": text, "confirm": True}],
        form={"type": "object", "properties": {"x": {"type": "string", "title": text, "description": text}}},
        proposed={"x": text},
    )

    pages = [token.page, send(ben, token, decision="yes", field_x=text), send(ben, token, version=7, decision="yes")]

    for page in pages:
        inside = page.text.partition("<main")[2]
        assert "<script>" not in inside
        assert "<img" not in inside
        assert "<b>" not in inside
        assert "\u202e" not in re.sub(r"<(?:input|textarea)[^>]*>[^<]*", "", inside)
        assert "603729" not in text_of(page)


def test_what_was_wrong_goes_away_with_the_question(ben: Visitor, ada: Program) -> None:
    """An answer that is pushed replaces the live part: what is wrong, or has changed, stands in it."""
    token = opened(ben, ada, form=FORM, decisions=DECISIONS)
    wrong = send(ben, token, decision="publish", field_amount="none")
    amend(ada, token, title="Publish twice?")
    changed = send(ben, token, decision="publish", field_amount="3")

    for page, words in ((wrong, "There is a problem"), (changed, "This question was changed after you opened it")):
        before, _, live = page.text.partition('id="live"')
        assert words in live
        assert words not in before


def test_enter_in_a_field_decides_nothing(ben: Visitor, ada: Program) -> None:
    """What a browser presses is the first button: it only draws the page again."""
    token = opened(ben, ada, form=FORM, decisions=DECISIONS)
    form = token.page.text.partition("<form")[2]
    first = re.search(r"<button[^>]*>", form)

    assert first is not None
    assert 'name="rows" value="stay" hidden' in first[0]
    assert 200 == send(ben, token, rows="stay", field_amount="5").status_code
    assert "WAITING" == ada.show(token)["status"]


def test_who_has_answered_goes_on_where_the_settings_allow(make_database: DatabaseMaker) -> None:
    """Right after the answer without being asked, later by a button; nowhere else, whatever a program says."""
    with make_database("sqlite") as url, open_house(url, redirect_urls="https://shop.example.com/thanks") as house:
        ada, ben = house.program(ADAS_KEY, house.dev), Visitor(house)
        for target, is_allowed in (("https://shop.example.com/thanks/8812", True), ("https://evil.example/", False)):
            token = opened(ben, ada, redirectUrl=target)
            done = send(ben, token, decision="approve")

            assert is_allowed == (f'content="0; url={target}"' in done.text)
            later = ben.open(f"/approve/{token.id}").text
            assert is_allowed == (f'href="{target}"' in later)
            assert 'http-equiv="refresh"' not in later
        ben.client.close()


def test_nobody_decides_on_what_they_cannot_read(ben: Visitor, ada: Program) -> None:
    """What is too much to be drawn is there as JSON; what was proposed without a field stands beside the form."""
    form = {"type": "object", "properties": {"note": {"type": "string"}}}
    rows = [{"sku": f"A-{number}", "price": number} for number in range(2_000)]
    token = opened(ben, ada, context={"rows": rows}, form=form, proposed={"note": "x", "amount_due": 100_000})

    page = ben.open(f"/approve/{token.id}")

    assert "A-1999" in page.text
    assert "All of it, as JSON" in text_of(page)
    assert "Goes along with your answer" in text_of(page)
    assert "100000" in text_of(page)
    send(ben, token, decision="submit", field_note="x")
    assert {"note": "x", "amount_due": 100_000} == output_of(ada, token)


TYPED: dict[str, Any] = {
    "/note": "A long\nthought",
    "/pin": "1234",
    "/guests:rows": "1",
    "/guests/0/name": "Cora",
    "comment": "So there.",
}


def asked_of(desk: Visitor, ada: Program) -> SimpleNamespace:
    """A question that asks whoever is at the desk, who has opened it."""
    fields = {"note": {"type": "string", "title": "Why on earth"}, "pin": {"type": "string", "format": "password"}}
    guests = {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}}
    form = {"type": "object", "properties": {**fields, "guests": guests}}
    token = ask(ada, title="Publish?", form=form, approvers=["owner@example.com"], decisions=DECISIONS)
    assert "Publish?" in text_of(desk.open(f"/approve/{token.id}"))
    return token


def test_what_was_typed_stays_when_the_sign_in_has_ended(desk: Visitor, ada: Program) -> None:
    """By the names that it was sent with: of the question, nothing is told to whoever is not known."""
    token = asked_of(desk, ada)
    desk.client.cookies.clear()

    page = send(desk, token, decision="publish", **TYPED)

    text = text_of(page)
    assert 401 == page.status_code
    assert "Nothing was recorded" in text
    assert "What you had typed Note A long thought Guests, 1, Name Cora Comment So there." in text
    assert f'href="/sign-in?next=/approve/{token.id}"' in page.text
    assert "1234" not in page.text
    assert "Why on earth" not in page.text


def test_what_was_typed_stays_for_whoever_is_not_asked_any_more(desk: Visitor, ada: Program) -> None:
    """They may see it still, and so it is told in its own words."""
    token = asked_of(desk, ada)
    amend(ada, token, approvers=[address("cora")])

    page = send(desk, token, decision="publish", **TYPED)

    text = text_of(page)
    assert 403 == page.status_code
    assert "This request asks other people." in text
    assert "What you had typed Why on earth A long thought" in text
    assert "Cora" in text
    assert "1234" not in page.text
