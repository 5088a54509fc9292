"""A question on the token's page at the desk: what is asked, how it was answered, and what happened."""

import json
import re
import shlex
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest

from tests.makers import House, Program
from tests.pages.conftest import Visitor, text_of
from tests.requests.conftest import address, ask

FORM = {"type": "object", "properties": {"amount": {"type": "integer", "minimum": 1, "title": "Amount"}}}
DECISIONS = [
    {"value": "publish", "label": "Publish", "effect": "Goes live.", "output": {"approved": True}},
    {"value": "reject", "label": "Send back", "output": {"approved": False}, "form": False},
]


@pytest.fixture
def desk(house: House) -> Iterator[Visitor]:
    """Somebody at the desk: signed in."""
    visitor = Visitor(house)
    visitor.client.cookies.set("waitpoint", house.sign_in())
    yield visitor
    visitor.client.close()


def test_the_desk_shows_the_question_and_leads_to_its_page(desk: Visitor, ada: Program) -> None:
    """There is one place where people answer; the desk has no second form for it."""
    token = ask(ada, title="Publish?", body="It *starts* soon.", requester="ada@example.com", decisions=DECISIONS)

    page = desk.open(f"/tokens/{token.id}")

    text = text_of(page)
    assert "What is asked just now Asked by ada@example.com. May be answered by whoever has the link." in text
    assert "<em>starts</em>" in page.text
    assert "Publish Goes live." in text
    assert f'href="/approve/{token.id}"' in page.text
    assert 'value="approve"' not in page.text


def test_somebody_signed_in_answers_there(desk: Visitor, ada: Program) -> None:
    """By name; the timeline tells the decision and that something was edited."""
    token = ask(ada, title="Publish?", form=FORM, proposed={"amount": 5}, decisions=DECISIONS)

    assert 200 == desk.open(f"/approve/{token.id}").status_code
    sent = {"version": "1", "decision": "publish", "/amount": "7"}
    assert 200 == desk.client.post(f"/approve/{token.id}", data=sent, headers={"Origin": desk.house.url}).status_code

    text = text_of(desk.open(f"/tokens/{token.id}"))
    assert "Publish by Owner" in text
    assert "Amount 5 → 7" in text
    assert "Completed: “Publish”, after editing by Owner" in text


def test_json_is_checked_like_any_answer(desk: Visitor, ada: Program) -> None:
    """What was written comes back, with the sentence."""
    token = ask(ada, form=FORM)
    path = f"/tokens/{token.id}/completion"

    refused = desk.send(path, data='{"amount": 0}')

    assert 400 == refused.status_code
    assert "The answer is not one that was asked for." in text_of(refused)
    assert "&#34;amount&#34;: 0" in refused.text
    assert "WAITING" == ada.show(token)["status"]
    desk.send(path, data='{"amount": 3}')
    assert '{"amount": 3}' == ada.show(token)["output"]


def test_who_is_not_asked_ends_nothing_with_an_answer(desk: Visitor, ada: Program) -> None:
    """Neither with JSON nor by bringing the default answer forward; withdrawing decides nothing, and is allowed."""
    token = ask(ada, approvers=[address("cora")], onTimeout={"output": {"approved": True}})

    refused = desk.send(f"/tokens/{token.id}/completion", data='{"approved": true}')
    assert (403, True) == (refused.status_code, "This request asks other people." in text_of(refused))
    assert "{&#34;approved&#34;: true}</textarea>" in refused.text
    assert 403 == desk.send(f"/tokens/{token.id}/time-out").status_code
    assert "WAITING" == ada.show(token)["status"]

    assert 200 == desk.send(f"/tokens/{token.id}/cancellation", reason="Off.").status_code
    assert "Off." == ada.show(token)["cancelReason"]


def test_a_default_answer_is_marked(house: House, desk: Visitor, ada: Program) -> None:
    token = ada.make_token(timeout="1m", request={"decisions": DECISIONS, "onTimeout": {"output": {"approved": False}}})
    assert "If nobody answers “Send back”" in text_of(desk.open(f"/tokens/{token.id}"))

    house.time_passes(minutes=2)

    text = text_of(desk.open(f"/tokens/{token.id}"))
    assert "Send back : nobody answered in time, so the default answer was taken" in text
    assert "Completed with the default answer · deadline" in text


def test_an_amendment_is_told(desk: Visitor, ada: Program) -> None:
    token = ask(ada, title="Publish?")
    ada.ask("PATCH", f"{token.path}/request", json={"title": "Delete?"})

    text = text_of(desk.open(f"/tokens/{token.id}"))

    assert text.startswith("Delete? ")
    assert "What is asked version 2, just now" in text
    assert "Question changed by API key" in text


@pytest.mark.parametrize(
    "request_",
    [
        {"title": "Publish?"},
        {"form": FORM, "decisions": DECISIONS, "proposed": {"amount": 5}},
        {"form": {"type": "object", "properties": {"why": {"type": "string"}}, "required": ["why"]}},
        {"title": "It's on?", "decisions": [{"value": "yes", "label": "Yes", "output": {"said": "it's"}, "require": ["comment"]}]},
    ],
)  # fmt: skip
def test_the_command_on_the_page_is_an_answer(desk: Visitor, ada: Program, request_: dict[str, Any]) -> None:
    """Whoever pastes it as it stands has completed the token, and is not told that nobody asked for that."""
    token = ask(ada, **request_)

    command = re.search(r"<code[^>]*>(curl .*?)</code>", desk.open(f"/tokens/{token.id}").text, re.DOTALL)
    assert command is not None
    body = json.loads(shlex.split(unescape(command[1]))[-1])

    assert {"success": True} == ada.complete(token, body["data"]).json()


def test_the_command_on_the_page_holds_no_secret(desk: Visitor, ada: Program) -> None:
    form = {"type": "object", "properties": {"pin": {"type": "string", "format": "password"}}, "required": ["pin"]}
    token = ask(ada, form=form, proposed={"pin": "1234"})

    assert "1234" not in desk.open(f"/tokens/{token.id}").text.replace(token.id, "")
