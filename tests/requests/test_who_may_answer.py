"""Who may answer, by which door: decided inside the one function that settles, so the same everywhere."""

from collections.abc import Callable
from typing import Any

import pytest

from app.people import groups, people, sign_in
from app.tokens import lifecycle
from app.tokens.lifecycle import Answer, Refused, Settled, Unchecked
from app.tokens.models import COMPLETED, By
from tests.makers import House, Program
from tests.requests.conftest import SYSTEM, Doors, address, ask, rules_of

YES = {"approved": True}
DOORS = [
    "key",
    "other_key",
    "public_access_token",
    "callback",
    "bens_link",
    "bens_sign_in",
    "eves_link",
    "eves_sign_in",
]


@pytest.mark.parametrize(
    ("asked", "may"),
    [
        # Nobody in particular is asked: whoever holds the link, the callback URL or a key.
        ({}, "key other_key public_access_token callback bens_link bens_sign_in eves_link eves_sign_in"),
        # Ben is asked: Ben by his link or signed in, and keys. A bare address proves nothing.
        ({"approvers": ["ben"]}, "key other_key bens_link bens_sign_in"),
        ({"approvers": ["group"]}, "key other_key bens_link bens_sign_in"),
        ({"approvers": ["cora", "group"]}, "key other_key bens_link bens_sign_in"),
        # It must be known who answers: a link only shows.
        ({"identity": "signed-in"}, "key other_key bens_sign_in eves_sign_in"),
        ({"approvers": ["ben"], "identity": "signed-in"}, "key other_key bens_sign_in"),
        # Not who asks: neither the person nor the program.
        ({"selfApproval": False, "requester": "ben"}, "other_key eves_link eves_sign_in"),
        ({"selfApproval": False, "requester": "ben", "approvers": ["ben", "eve"]}, "other_key eves_link eves_sign_in"),
        ({"selfApproval": False, "requester": "ben", "approvers": ["group"]}, "other_key"),
        ({"selfApproval": False, "approvers": ["ben"]}, "other_key bens_link bens_sign_in"),
    ],
)  # fmt: skip
def test_who_may_answer_by_which_door(
    ada: Program, doors: Doors, make_group: Callable[..., str], asked: dict[str, Any], may: str
) -> None:
    """Every door, for every way to ask. Who may not is told 403, and the token keeps waiting."""
    people_here = {name: address(name) for name in ("ben", "eve", "cora")}
    group = f"group:{make_group(people_here['ben'])}"
    request = asked | {"approvers": [people_here.get(name, group) for name in asked["approvers"]]} if "approvers" in asked else dict(asked)  # fmt: skip
    if "requester" in request:
        request["requester"] = people_here[request["requester"]].upper()
    ways = {
        "key": doors.key,
        "other_key": doors.other_key,
        "public_access_token": doors.public_access_token,
        "callback": doors.callback,
        "bens_link": doors.link_of(people_here["ben"]),
        "bens_sign_in": doors.person(people_here["ben"]),
        "eves_link": doors.link_of(people_here["eve"]),
        "eves_sign_in": doors.person(people_here["eve"]),
    }
    allowed = set()
    for name in DOORS:
        token = ask(ada, **request)
        told = ways[name](token, YES)
        assert (told == 200) == (ada.show(token)["status"] == COMPLETED)
        if told == 200:
            allowed.add(name)
        else:
            assert 403 == told, name

    assert set(may.split()) == allowed


def test_who_left_the_group_may_not_answer_any_more(
    house: House, ada: Program, doors: Doors, make_group: Callable[..., str]
) -> None:
    """Membership is read when the answer comes."""
    ben = address("ben")
    slug = make_group(ben)
    token = ask(ada, approvers=[f"group:{slug}"])
    person = house.read(people.find, ben)
    assert person is not None
    house.write(groups.leave, slug, person.id, SYSTEM)

    assert 403 == doors.person(ben)(token, YES)
    house.write(groups.join, slug, person.id, SYSTEM)
    assert 200 == doors.person(ben)(token, YES)


@pytest.mark.parametrize("loosened", [{"selfApproval": True}, {"requester": "mallory@example.com"}])
def test_who_asks_does_not_amend_their_way_to_an_answer(
    house: House, ada: Program, loosened: dict[str, object]
) -> None:
    """The rest of the request they may change, and another program all of it."""
    token = ask(ada, selfApproval=False, requester="ada@example.com", approvers=["ben@example.com"])
    path = f"{token.path}/request"

    refused = ada.ask("PATCH", path, json=loosened)

    assert (403, "own-request") == (refused.status_code, refused.json()["code"])
    assert 403 == ada.complete(token, YES).status_code
    assert 200 == ada.ask("PATCH", path, json={"title": "Really?"}).status_code
    other = house.program(house.make_key("full").secret)
    assert 200 == other.ask("PATCH", path, json=loosened).status_code


@pytest.mark.parametrize("asked_as", ["address", "group", "whoever"])
def test_who_was_shut_out_decides_nothing_any_more(
    house: House, ada: Program, doors: Doors, make_group: Callable[..., str], asked_as: str
) -> None:
    """Neither by a link from before nor as a session that has not noticed yet, until they are let in again."""
    fired = address("fired")
    asked = {"address": {"approvers": [fired]}, "group": {"approvers": [f"group:{make_group(fired)}"]}, "whoever": {}}
    token, ways = ask(ada, **asked[asked_as]), (doors.link_of(fired), doors.person(fired))
    person = house.read(people.find, fired)
    assert person is not None

    house.write(sign_in.shut_out, person.id, SYSTEM)
    assert [403, 403] == [way(token, YES) for way in ways]
    assert "WAITING" == ada.show(token)["status"]

    house.write(sign_in.let_in, person.id, SYSTEM)
    assert 200 == ways[0](token, YES)


def test_the_refusal_says_what_to_do(house: House, ada: Program) -> None:
    token = ask(ada, approvers=[address("ben")])

    answer = house.program(token.public_access_token).complete(token, YES)

    assert (403, "not-asked") == (answer.status_code, answer.json()["code"])
    assert "certain people" in answer.json()["detail"]


def test_who_may_not_answer_learns_nothing_about_the_form(house: House, ada: Program) -> None:
    """Refused before anything is checked."""
    token = ask(ada, approvers=[address("ben")], form={"type": "object", "properties": {"secret": {"const": 7}}})

    assert 403 == house.program(token.public_access_token).complete(token, {"secret": 1}).status_code


def test_a_default_answer_is_not_brought_forward_by_whoever_may_not_answer(
    house: House, ada: Program, doors: Doors
) -> None:
    """Else "time out now" would be a way to approve. Without a default answer nothing is decided by it."""
    ben, eve = address("ben"), address("eve")
    person = {name: house.write(people.add, name, "Somebody", "member") for name in (ben, eve)}
    by = {name: By(kind="person", door="page", id=each.id) for name, each in person.items()}
    decided = ask(ada, approvers=[ben], onTimeout={"output": YES})
    undecided = ask(ada, approvers=[ben])
    out_now = (ada.environment_id, by[eve], rules_of(house))

    assert isinstance(house.write(lifecycle.time_out, decided.id, *out_now), Refused)
    assert isinstance(house.write(lifecycle.time_out, undecided.id, *out_now), Settled)
    ended = house.write(lifecycle.time_out, decided.id, ada.environment_id, by[ben], rules_of(house))
    assert isinstance(ended, Settled)
    assert ("COMPLETED", "default") == (ended.token.status, ended.token.answered_by)


def test_nothing_unchecked_is_ever_taken(house: House, ada: Program) -> None:
    """Fail closed: without rules, without a check, or with the check of another version."""
    token = ask(ada)
    by = By(kind="api_key", door="rest", id="k")
    answer = Answer(output='{"approved":true}')
    here = (token.id, ada.environment_id)

    assert Unchecked() == house.write(lifecycle.settle, *here, answer, by)
    assert Unchecked() == house.write(lifecycle.settle, *here, answer, by, rules_of(house))
    wrong = Answer(output='{"approved":true}', checked_version=7)
    assert Unchecked() == house.write(lifecycle.settle, *here, wrong, by, rules_of(house))
    assert "WAITING" == ada.show(token)["status"]
