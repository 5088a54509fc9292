"""The inbox in a browser: what it shows, deciding in it, and going on."""

import re
from typing import Any

import pytest

from tests.inbox.conftest import Asked, ask
from tests.makers import UNKNOWN_ID, House, Program


def quick(page: str, token_id: str) -> dict[str, str]:
    """The fields of a row's own form, by name; and which decisions it offers."""
    row = page.partition(f'id="request_{token_id}"')[2].partition("</li>")[0]
    fields = dict(re.findall(r'name="(version|back|next)" value="([^"]*)"', row))
    return fields | {"choices": " ".join(re.findall(r'name="decision" value="([^"]*)"', row))}


def test_the_inbox_is_the_first_page(house: House, mia: Asked) -> None:
    """An approver has nothing else to look at; the empty inbox says what it is for."""
    front = mia.open("/")
    page = mia.open()

    assert "/inbox" == front.headers["location"]
    assert 200 == page.status_code
    assert "Nothing waits for you" in page.text
    assert 'href="/tokens' not in page.text
    assert 'href="/people' not in page.text


def test_what_everybody_is_asked_is_for_members(newcomer: Program, mia: Asked) -> None:
    """An approver who comes to that address is led to what is theirs."""
    ask(newcomer)

    page = mia.open("/inbox?scope=all").text

    assert "This list is for members" in page
    assert "Nobody is asked anything now" not in page


def test_a_row_says_what_is_asked_by_whom_and_until_when(newcomer: Program, mia: Asked) -> None:
    """And is one link to the question."""
    token = ask(
        newcomer, mia.email, title="Refund <b>#8812</b>?", requester="ada@example.com", tags=["refund"], timeout="9m"
    )

    page = mia.open().text

    assert "Refund &lt;b&gt;#8812&lt;/b&gt;?" in page
    assert f'href="/approve/{token.id}"' in page
    for words in ("ada@example.com", "refund", "is-soon", 'value="1"'):
        assert words in page


@pytest.mark.parametrize(
    ("request_", "choices"),
    [
        ({}, "approve reject"),
        ({"decisions": [{"value": "yes"}, {"value": "no", "require": ["comment"]}]}, ""),
        ({"decisions": [{"value": "yes", "confirm": True}, {"value": "no"}]}, ""),
        ({"decisions": [{"value": "yes"}, {"value": "no"}, {"value": "later"}]}, ""),
        ({"form": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}}, ""),
    ],
    ids=["plain", "a reason is needed", "asked once more", "three", "a form"],
)
def test_only_what_needs_nothing_else_is_decided_in_the_list(
    newcomer: Program, mia: Asked, request_: dict[str, Any], choices: str
) -> None:
    """All of it or nothing: yes alone would be the easier answer."""
    token = ask(newcomer, mia.email, **request_)

    assert choices == quick(mia.open().text, token.id)["choices"]


def test_what_asks_others_is_not_decided_in_the_list(house: House, newcomer: Program) -> None:
    """A member sees it among all requests, and whom it asks."""
    token = ask(newcomer, "ben@example.com")

    page = Asked(house, "member").open("/inbox?scope=all").text

    assert "asks ben@example.com" in page
    assert "" == quick(page, token.id)["choices"]


def test_an_answered_request_says_what_was_answered_and_by_whom(newcomer: Program, mia: Asked) -> None:
    approved = ask(newcomer, mia.email)
    chosen = ask(newcomer, mia.email, decisions=[{"value": "refund", "output": {"refunded": True}}, {"value": "keep"}])
    mia.send(f"/inbox/{approved.id}/answer", decision="approve", version="1")
    newcomer.complete(chosen, {"refunded": True})

    page = mia.open("/inbox?status=answered").text

    assert "Approved by Mia" in page
    assert "Answered: Refund by API key" in page


def test_deciding_goes_on_to_the_next(newcomer: Program, mia: Asked) -> None:
    """Back to the same list, where the row behind has the finger; the log says who, and by which door."""
    first, second = ask(newcomer, mia.email, timeout="1h"), ask(newcomer, mia.email, timeout="2h")
    fields = quick(mia.open("/inbox?q=sale").text, first.id)

    answer = mia.send(
        f"/inbox/{first.id}/answer",
        decision="approve",
        **{k: v.replace("&amp;", "&") for k, v in fields.items() if k != "choices"},
    )

    assert (303, f"/inbox?q=sale#open_{second.id}") == (answer.status_code, answer.headers["location"])
    shown = newcomer.show(first.id)
    assert ("COMPLETED", '{"approved":true}') == (shown["status"], shown["output"])
    assert [second.id] == mia.ids()


def test_what_changed_meanwhile_is_looked_at_again(newcomer: Program, mia: Asked) -> None:
    """An older version, a decision that is none, or one that needs more: nothing is decided, the question opens."""
    token = ask(newcomer, mia.email, decisions=[{"value": "yes"}, {"value": "no", "require": ["comment"]}])

    for fields in (
        {"version": "2", "decision": "yes"},
        {"version": "1", "decision": "no"},
        {"version": "1", "decision": "x"},
        {},
    ):
        answer = mia.send(f"/inbox/{token.id}/answer", **fields)
        assert (303, f"/approve/{token.id}") == (answer.status_code, answer.headers["location"])
    assert "WAITING" == newcomer.show(token.id)["status"]


def test_whoever_is_not_asked_decides_nothing(newcomer: Program, mia: Asked, max_: Asked) -> None:
    """To an approver it is not there; a member, who may look, is told that others are asked."""
    token, anybodys = ask(newcomer, max_.email), ask(newcomer)
    fields = {"version": "1", "decision": "approve"}

    assert 404 == mia.send(f"/inbox/{token.id}/answer", **fields).status_code
    assert 404 == mia.send(f"/inbox/{anybodys.id}/answer", **fields).status_code
    assert 404 == mia.send(f"/inbox/{UNKNOWN_ID}/answer", **fields).status_code
    assert 404 == mia.send("/inbox/x/answer", **fields).status_code
    theirs = ask(newcomer, mia.email)
    assert 403 == max_.send(f"/inbox/{theirs.id}/answer", **fields).status_code
    assert 303 == max_.send(f"/inbox/{anybodys.id}/answer", **fields).status_code
    assert "WAITING" == newcomer.show(theirs.id)["status"]


def test_who_comes_late_is_told_so(newcomer: Program, mia: Asked) -> None:
    """Twice is once: the first answer stands."""
    token = ask(newcomer, mia.email)
    fields = {"version": "1", "decision": "approve", "back": "//evil.example"}

    first, second = (mia.send(f"/inbox/{token.id}/answer", **fields) for _ in range(2))

    assert ("/inbox", "/inbox") == (first.headers["location"], second.headers["location"])
    assert "too-late" in second.headers["set-cookie"]


def test_next_opens_the_most_urgent(newcomer: Program, mia: Asked) -> None:
    """And the list when nothing waits any more."""
    assert "/inbox" == mia.open("/inbox/next").headers["location"]
    ask(newcomer, mia.email, timeout="2h")
    soon = ask(newcomer, mia.email, timeout="5m")

    assert f"/approve/{soon.id}" == mia.open("/inbox/next").headers["location"]


def test_an_empty_list_says_why(newcomer: Program, mia: Asked, max_: Asked) -> None:
    assert "Nothing here matches" in mia.open("/inbox?q=needle").text
    assert "Your groups have nothing to answer" in mia.open("/inbox?scope=groups").text
    assert "Nothing was answered yet" in mia.open("/inbox?status=answered").text


def test_the_numbers_are_on_every_page_at_the_desk(newcomer: Program, max_: Asked) -> None:
    """What waits for me is counted beside the inbox, and on the favicon."""
    ask(newcomer, max_.email)

    page = max_.open("/tokens").text

    assert re.search(r'<waiting-count id="asked_count"[^>]*value="1"', page)
    assert 1 == page.count("<waiting-count")


def test_who_is_asked_answers_by_the_page_and_goes_on(newcomer: Program, mia: Asked) -> None:
    """The question opens for whoever is asked and signed in; afterwards it leads to the next one."""
    token = ask(newcomer, f"group:{mia.group}", title="Publish it?")
    path = f"/approve/{token.id}"

    assert "Publish it?" in mia.open(path).text
    answer = mia.send(path, version="1", decision="reject", comment="Not yet.")
    settled = mia.open(path).text

    assert 303 == answer.status_code
    assert '{"approved":false,"comment":"Not yet."}' == newcomer.show(token.id)["output"]
    assert 'href="/inbox/next"' in settled
    assert 'href="/inbox/next"' not in newcomer.client.get(path).text
