"""One token at the desk: its story, and what can be done to it."""

import re
from typing import Any

import pytest

from app.database import Unit
from tests.makers import UNKNOWN_ID, House, Program
from tests.pages.conftest import Visitor, text_of


def test_it_tells_the_story(desk: Visitor, ada: Program) -> None:
    """What it is, until when, for whom, and what happened so far."""
    token = ada.make_token(timeout="2h", tags=["moderation"], idempotencyKey="order-17" + ada.make_token().id)

    page = desk.open(f"/tokens/{token.id}")
    said = text_of(page)

    assert page.status_code == 200
    assert "If nobody answers by" in said
    assert "2 h left to answer" in said
    assert "moderation" in said
    assert "Created by API key WAITPOINT_SECRET_KEY · REST API" in said
    assert token.url in said
    assert "order-17" in said
    assert f"/approve/{token.id}?token=" in said


def test_however_much_has_happened_it_tells_how_it_began_and_ended(house: House, desk: Visitor, ada: Program) -> None:
    """On the page, which says that it leaves something out, and to whoever answers too late."""
    token = ada.make_token()
    happen(house, token.id, 250)
    desk.send(f"/tokens/{token.id}/completion", decision="approve")
    happen(house, token.id, 250)

    said = text_of(desk.open(f"/tokens/{token.id}"))
    late = ada.complete(token, {}, headers={"x-waitpoint-if-waiting": "true"})

    assert "Created by API key WAITPOINT_SECRET_KEY" in said
    assert "Approved by Owner (owner@example.com)" in said
    assert "Much has happened. This is the latest of it." in said
    assert 200 == said.count("Opened by")
    assert "Owner (owner@example.com)" in late.text


def happen(house: House, token_id: str, times: int) -> None:
    """Something happens to a token, again and again."""

    def record(db: Unit) -> None:
        for _ in range(times):
            db.record("link.opened", token_id)

    house.write(record)


@pytest.mark.parametrize(("decision", "approved"), [("approve", True), ("reject", False)])
def test_a_person_decides(desk: Visitor, ada: Program, decision: str, approved: bool) -> None:
    """Approve and send back are an output like any other, with the comment."""
    token = ada.make_token()

    page = desk.send(f"/tokens/{token.id}/completion", decision=decision, comment="two\r\nlines ")

    assert page.url.path == f"/tokens/{token.id}"
    assert page.history[0].status_code == 303
    assert "Your answer was recorded." in text_of(page)
    shown = ada.show(token)
    assert shown["status"] == "COMPLETED"
    assert shown["output"] == f'{{"approved":{str(approved).lower()},"comment":"two\\nlines"}}'


def test_a_word_is_said_once(desk: Visitor, ada: Program) -> None:
    """What was done is said on the next page, and not on the one after."""
    token = ada.make_token()

    first = desk.send(f"/tokens/{token.id}/completion", decision="approve")
    second = desk.open(f"/tokens/{token.id}")

    assert "Your answer was recorded." in text_of(first)
    assert "Your answer was recorded." not in text_of(second)


def test_json_is_given_as_it_was_written(desk: Visitor, ada: Program) -> None:
    """Raw JSON arrives byte for byte, big numbers included."""
    token = ada.make_token()

    desk.send(f"/tokens/{token.id}/completion", data='{"n": 12345678901234567, "x": 1.50}')

    assert ada.show(token)["output"] == '{"n": 12345678901234567, "x": 1.50}'


@pytest.mark.parametrize("data", ["", "{", '{"a":1,"a":2}', "NaN", '"\\ud800"'])
def test_bad_json_is_told_at_the_field(desk: Visitor, ada: Program, data: str) -> None:
    """The form comes back with what was typed and a sentence at the field; the token keeps waiting."""
    token = ada.make_token()

    page = desk.send(f"/tokens/{token.id}/completion", data=data)

    assert page.status_code == 400
    assert 'id="data_error"' in page.text
    assert re.search(
        r'<textarea id="data"[^>]*aria-describedby="data_help data_error"[^>]*aria-invalid="true"', page.text
    )
    assert '<a href="#data">' in page.text
    assert ada.show(token)["status"] == "WAITING"


def test_a_decision_is_needed(desk: Visitor, ada: Program) -> None:
    """Neither button: nothing is guessed."""
    token = ada.make_token()

    page = desk.send(f"/tokens/{token.id}/completion", comment="hm")

    assert page.status_code == 400
    assert "Choose Approve or Send back." in text_of(page)
    assert ada.show(token)["status"] == "WAITING"


def test_the_second_is_told_who_was_first(desk: Visitor, ada: Program) -> None:
    """A late answer changes nothing and is told so, with the answer that stands."""
    token = ada.make_token()
    ada.complete(token, {"approved": False, "comment": "no"})

    page = desk.send(f"/tokens/{token.id}/completion", decision="approve")

    assert page.status_code == 409
    assert "Nothing was changed" in text_of(page)
    assert "Sent back by API key" in text_of(page)


def test_it_is_cancelled_with_a_reason(desk: Visitor, ada: Program) -> None:
    """Everybody reads why."""
    token = ada.make_token()

    page = desk.send(f"/tokens/{token.id}/cancellation", reason="The order was withdrawn.")

    assert "Owner (owner@example.com) withdrew it." in text_of(page)
    assert ada.show(token)["cancelReason"] == "The order was withdrawn."


def test_it_is_timed_out_by_hand(desk: Visitor, ada: Program) -> None:
    """As if the deadline had come; the timeline says who let it."""
    token = ada.make_token(timeout=None)

    page = desk.send(f"/tokens/{token.id}/time-out")

    assert "Timed out by Owner" in text_of(page)
    shown = ada.show(token)
    assert shown["status"] == "TIMED_OUT"
    assert "TRIGGER_WAITPOINT_TIMEOUT" in shown["output"]


@pytest.mark.parametrize("action", ["completion", "cancellation", "time-out"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_site_cannot_do_it(desk: Visitor, ada: Program, action: str, headers: dict[str, str]) -> None:
    """A form that another site sent is refused, whatever cookies come with it."""
    token = ada.make_token()

    page = desk.send(f"/tokens/{token.id}/{action}", headers=headers, decision="approve")

    assert page.status_code == 403
    assert ada.show(token)["status"] == "WAITING"


@pytest.mark.parametrize("action", ["completion", "cancellation", "time-out"])
def test_nobody_does_it_without_signing_in(ben: Visitor, ada: Program, action: str) -> None:
    """The forms are as closed as the page."""
    token = ada.make_token()

    page = ben.send(f"/tokens/{token.id}/{action}", decision="approve")

    assert page.status_code == 401
    assert ada.show(token)["status"] == "WAITING"


@pytest.mark.parametrize(
    "token_id",
    [UNKNOWN_ID, "nope", "%F0%9F%A6%86", "..%2f..", "%00", "waitpoint_%00", "a%0d%0ab", "waitpoint_" + "x" * 5000],
)
def test_what_is_not_there_is_not_there(desk: Visitor, token_id: str) -> None:
    """One page for every id that leads nowhere."""
    for path in (f"/tokens/{token_id}", f"/tokens/{token_id}/output"):
        page = desk.open(path)
        assert page.status_code == 404
        assert "There is nothing here" in text_of(page)


def test_a_large_output_does_not_make_a_large_page(desk: Visitor, ada: Program) -> None:
    """The page shows the beginning; the whole is a link away, as text that no browser runs."""
    token = ada.make_token()
    ada.complete(token, "<script>" + "x" * 200_000)

    page, whole = desk.open(f"/tokens/{token.id}"), desk.open(f"/tokens/{token.id}/output")

    assert len(page.text) < 60_000
    assert whole.headers["content-type"] == "text/plain; charset=utf-8"
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert len(whole.text) == 200_010


def test_a_token_is_made_by_hand(desk: Visitor, ada: Program) -> None:
    """The form asks what the API asks, by the same rules."""
    page = desk.send("/tokens", timeout="2h", tags="moderation, user:1", idempotency_key="", idempotency_key_ttl="")

    assert "The token was created." in text_of(page)
    shown = ada.show(page.url.path.rpartition("/")[2])
    assert shown["tags"] == ["moderation", "user:1"]
    assert "timeoutAt" in shown
    assert "idempotencyKey" not in shown


def test_without_a_deadline_it_waits_for_ever(desk: Visitor, ada: Program) -> None:
    """An empty field is what its help says."""
    page = desk.send("/tokens", timeout="", tags="")

    assert "No deadline" in text_of(page)
    assert "timeoutAt" not in ada.show(page.url.path.rpartition("/")[2])


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"timeout": "soon"}, "timeout"),
        ({"timeout": "0s"}, "timeout"),
        ({"timeout": "1h", "tags": ",".join(str(n) for n in range(11))}, "tags"),
        ({"timeout": "1h", "tags": "x" * 129}, "tags"),
        ({"timeout": "1h", "idempotency_key_ttl": "1h"}, "idempotency_key_ttl"),
        ({"timeout": "1h", "idempotency_key": "k" * 2049}, "idempotency_key"),
    ],
)
def test_a_bad_field_is_told_at_the_field(desk: Visitor, fields: dict[str, Any], field: str) -> None:
    """Nothing typed is lost, and the sentence stands where the mistake is."""
    page = desk.send("/tokens", **fields)

    assert page.status_code == 400
    assert f'id="{field}_error"' in page.text
    assert f'<a href="#{field}">' in page.text
    assert f'value="{fields["timeout"]}"' in page.text


def test_strange_forms_are_refused_in_words(desk: Visitor, ada: Program) -> None:
    """What no browser sends is answered with a page, and changes nothing."""
    token = ada.make_token()
    origin, path = {"Origin": desk.house.url}, f"/tokens/{token.id}/completion"
    form = {"Content-Type": "application/x-www-form-urlencoded"} | origin

    answers = [
        desk.knock("POST", path, content=b"decision=approve&decision=reject", headers=form),
        desk.knock("POST", path, content=b"decision=approve&comment=%00", headers=form),
        desk.knock("POST", path, content=b"decision=approve&comment=%ff", headers=form),
        desk.knock(
            "POST", path, content=b"decision=approve&" + b"&".join(b"a%d=1" % n for n in range(5_100)), headers=form
        ),
        desk.knock("POST", path, content=b"\xff\xfe", headers=form),
        desk.knock("POST", path, json={"decision": "approve"}, headers=origin),
        desk.knock("POST", path, content=b"comment=" + b"x" * 3_200_000, headers=form),
    ]

    assert [answer.status_code for answer in answers] == [400, 400, 400, 400, 400, 415, 413]
    assert ada.show(token)["status"] == "WAITING"
