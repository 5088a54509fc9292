"""The question on somebody else's page: the same one, without a page around it, for whoever holds the public access token."""

import json
from typing import Any

import httpx
import pytest

from tests.makers import House, Program, ada, ben_with, house, nobody

__all__ = ["ada", "house", "nobody"]

ORIGIN = {"origin": "https://shop.example"}
FORM = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "guests": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["name"],
}


def asked(ada: Program, **request: Any) -> Any:
    return ada.make_token(request={"title": "Who is coming?", "form": FORM, **request})


def test_it_is_drawn_without_a_page_around_it(house: House, ada: Program) -> None:
    token = asked(ada)

    answer = ben_with(house, token).get(f"{token.path}/form", headers=ORIGIN)

    assert 200 == answer.status_code
    assert ORIGIN["origin"] == answer.headers["access-control-allow-origin"]
    assert "<h2>Who is coming?</h2>" in answer.json()["html"]
    assert 'name="/name"' in answer.json()["html"]
    assert not {"<html", "<main", "<script", "<h1"} & set(answer.json()["html"].replace(">", " ").split())
    assert answer.json()["isSettled"] is False


def test_what_is_wrong_is_said_and_the_token_keeps_waiting(house: House, ada: Program) -> None:
    token = asked(ada)

    answer = sent(house, token, **{"/name": "", "/guests:rows": "1", "/guests/0": "Cleo"})

    assert 400 == answer.status_code
    assert "Name must be filled in." in answer.json()["html"]
    assert 'value="Cleo"' in answer.json()["html"]
    assert "WAITING" == ada.get(token.path).json()["status"]


def test_rows_are_added_without_an_answer(house: House, ada: Program) -> None:
    token = asked(ada)

    answer = sent(house, token, **{"/name": "Ben", "/guests:rows": "0", "rows": "add:/guests"})

    assert 200 == answer.status_code
    assert 'name="/guests/0"' in answer.json()["html"]
    assert answer.json()["isSettled"] is False


def test_an_answer_is_recorded_once(house: House, ada: Program) -> None:
    token = asked(ada)

    first = sent(house, token, **{"/name": "Ben", "/guests:rows": "1", "/guests/0": "Cleo"})
    second = sent(house, token, **{"/name": "Somebody else"})

    assert (200, True) == (first.status_code, first.json()["isSettled"])
    assert (409, True) == (second.status_code, second.json()["isSettled"])
    assert '{"name":"Ben","guests":["Cleo"]}' == ada.get(token.path).json()["output"]


def test_a_file_comes_with_an_answer(house: House, ada: Program) -> None:
    cv = {"type": "object", "format": "file"}
    token = ada.make_token(request={"form": {"type": "object", "properties": {"cv": cv}, "required": ["cv"]}})
    data, file = {"version": "1", "decision": "submit"}, {"/cv:upload": ("cv.txt", b"I can.", "text/plain")}

    answer = ben_with(house, token).post(f"{token.path}/form", data=data, files=file, headers=ORIGIN)
    output = json.loads(ada.get(token.path).json()["output"])

    assert (200, True) == (answer.status_code, answer.json()["isSettled"])
    assert b"I can." == ada.get(f"{token.path}/files/{output['cv']['id']}").content


def test_a_token_that_asks_nothing_is_approved_or_sent_back(house: House, ada: Program) -> None:
    token = ada.make_token()

    answer = ben_with(house, token).post(f"{token.path}/form", data={"decision": "approve"}, headers=ORIGIN)

    assert (200, True) == (answer.status_code, answer.json()["isSettled"])
    assert '{"approved":true,"comment":""}' == ada.get(token.path).json()["output"]


def test_another_tokens_form_stays_closed(house: House, ada: Program) -> None:
    mine, other = asked(ada), asked(ada)

    answers = [
        ben_with(house, mine).get(f"{other.path}/form"),
        ben_with(house, mine).post(f"{other.path}/form", data={}),
    ]

    assert [403, 403] == [answer.status_code for answer in answers]
    assert [] == [answer.text for answer in answers if "coming" in answer.text]


def test_the_module_can_be_loaded_from_anywhere(house: House) -> None:
    files = [
        house.client.get(f"/static/{name}", headers=ORIGIN)
        for name in ("waitpoint.js", "js/form_case.js", "js/half_typed.js", "js/local_zone.js")
    ]

    assert [(200, "*")] * 4 == [(f.status_code, f.headers["access-control-allow-origin"]) for f in files]


def sent(house: House, token: Any, **fields: str) -> httpx.Response:
    """What a browser sends from another page."""
    data = {"version": "1", "decision": "submit", **fields}
    return ben_with(house, token).post(f"{token.path}/form", data=data, headers=ORIGIN)


@pytest.mark.parametrize("request_", [{"approvers": ["cora@example.com"]}, {"identity": "signed-in"}])
def test_what_asks_somebody_is_not_shown_to_whoever_has_the_public_access_token(
    house: House, ada: Program, request_: dict[str, object]
) -> None:
    """It names nobody: neither the question nor, afterwards, the answer. Told in a sentence that the form shows."""
    token = asked(ada, body="The price is secret.", **request_)
    form = house.program(token.public_access_token)

    waiting = form.get(f"{token.path}/form")
    ada.complete(token, {"approved": True, "comment": "Secretly."})
    settled = form.get(f"{token.path}/form")

    for told in (waiting, settled):
        assert 403 == told.status_code
        assert told.json()["detail"].startswith("This request asks certain people")
        assert "secret" not in told.text.lower()
