"""The address that a program hands on: whoever has it may answer, as long as the question waits."""

from types import SimpleNamespace
from typing import Any

import pytest

from app.links import links
from app.links.links import WITHOUT_A_DEADLINE
from app.people import people, sign_in
from tests.links.conftest import an_address
from tests.makers import House, Program
from tests.pages.conftest import Visitor, text_of


def open_to_all(program: Program, timeout: str | None = "2d", **request: Any) -> SimpleNamespace:
    """A token on which nobody in particular is asked. `address` is the path of its approvalUrl."""
    made = program.create(timeout=timeout, request={"title": "Publish the autumn sale?"} | request).json()
    token = SimpleNamespace(id=made["id"], path=f"/api/v1/waitpoints/tokens/{made['id']}")
    token.address = "/approve/" + made["approvalUrl"].partition("/approve/")[2]
    return token


@pytest.mark.parametrize(("timeout", "after"), [("60d", {"days": 59}), (None, {"days": WITHOUT_A_DEADLINE.days - 1})])
def test_it_opens_the_question_as_long_as_it_waits(
    house: House, ada: Program, ben: Visitor, timeout: str | None, after: dict[str, Any]
) -> None:
    token = open_to_all(ada, timeout)
    house.clock.move(**after)

    opened = ben.open(token.address)
    done = ben.send(f"/approve/{token.id}", version="1", decision="approve")

    assert "Publish the autumn sale?" in text_of(opened)
    assert 200 == done.status_code
    assert "COMPLETED" == ada.show(token)["status"]


def test_it_is_kind_to_whoever_is_late(house: House, ada: Program, ben: Visitor) -> None:
    """By the address as it was sent, and months later: what happened, and that nothing more is needed."""
    answered, overdue = open_to_all(ada), open_to_all(ada)
    ada.complete(answered, {"approved": True})
    house.clock.move(days=60)

    told, late = ben.open(answered.address), ben.open(overdue.address)

    assert "Approved by a program" in text_of(told)
    assert "The time is over" in text_of(late)
    assert (200, 200) == (told.status_code, late.status_code)


def test_its_holder_is_nobody_in_particular(ada: Program, ben: Visitor) -> None:
    token = open_to_all(ada)
    ben.open(token.address)
    ben.send(f"/approve/{token.id}", version="1", decision="approve")

    assert "Approved by somebody with the link" in text_of(ben.open(token.address))


def test_whoever_has_signed_in_is_known_all_the_same(house: House, ada: Program, ben: Visitor) -> None:
    """By name, and with a way back to their inbox; a plain token, too, is answered in their name."""
    person = house.write(people.add, an_address(), "Ben", "approver")
    ben.client.cookies.set("waitpoint", house.write(sign_in.begin, person.id).cookie)
    token, plain = open_to_all(ada), ada.make_token()

    shown = ben.open(token.address)
    ben.send(f"/approve/{token.id}", version="1", decision="approve")
    ben.open(f"/approve/{plain.id}?token={plain.public_access_token}")
    ben.send(f"/approve/{plain.id}", decision="approve")

    assert "You answer as Ben." in text_of(shown)
    assert '<a href="/inbox">' in shown.text
    for each in (token, plain):
        assert "Approved by Ben" in text_of(ben.open(f"/approve/{each.id}"))


def test_it_is_listed_and_taken_back_for_good(house: House, ada: Program, ben: Visitor, desk: Visitor) -> None:
    """Also when the question is amended: whoever took it back did not mean until the next comma."""
    token = open_to_all(ada)
    (link,) = ada.get(f"{token.path}/links").json()["data"]
    assert "whoever has it" in text_of(desk.open(f"/tokens/{token.id}/links"))

    desk.send(f"/tokens/{token.id}/links/{link['id']}/revocation")
    ada.ask("PATCH", f"{token.path}/request", json={"title": "Publish the winter sale?"})

    told = ben.open(token.address)
    assert (410, True) == (told.status_code, "This link was taken back" in text_of(told))
    assert not [each for each in house.read(links.of, house.dev.id, "token", token.id) if not each.is_revoked]


def test_whoever_took_it_back_still_opens_the_question_themselves(ada: Program, desk: Visitor) -> None:
    """Their browser kept the secret of the link; at the desk they need none."""
    token = open_to_all(ada)
    desk.open(token.address)
    (link,) = ada.get(f"{token.path}/links").json()["data"]
    desk.send(f"/tokens/{token.id}/links/{link['id']}/revocation")

    assert "Publish the autumn sale?" in text_of(desk.open(f"/approve/{token.id}"))


def test_it_shows_nothing_of_a_question_that_asks_certain_people_since(ada: Program, ben: Visitor) -> None:
    token = open_to_all(ada, body="The secret price is 7.")

    ada.ask("PATCH", f"{token.path}/request", json={"approvers": [an_address()]})

    told = ben.open(token.address)
    assert (403, False) == (told.status_code, "secret price" in told.text)


def test_a_question_that_comes_to_ask_whoever_has_it_gets_one(ada: Program, ben: Visitor) -> None:
    """Asked again with its key, the token names an address that opens it."""
    key = an_address()
    asked = ada.create(idempotencyKey=key, request={"title": "Publish?", "approvers": [an_address()]}).json()
    path = f"/api/v1/waitpoints/tokens/{asked['id']}/request"
    ada.ask("PATCH", path, json={"approvers": None})

    again = ada.create(idempotencyKey=key, request={"title": "Publish?"}).json()

    assert "?" not in asked["approvalUrl"]
    assert 200 == ben.open("/approve/" + again["approvalUrl"].partition("/approve/")[2]).status_code


@pytest.mark.parametrize("asked", [{"identity": "signed-in"}, {"selfApproval": False}])
def test_without_a_secret_it_opens_to_whoever_has_signed_in(
    house: House, ada: Program, ben: Visitor, asked: dict[str, Any]
) -> None:
    """Nobody in particular is asked, and it must be known who answers: an approver, too, has an account for that."""
    token = open_to_all(ada, **asked)
    closed = ben.open(token.address)
    address = an_address()
    person = house.write(people.add, address, "Ben", "approver")
    ben.client.cookies.set("waitpoint", house.write(sign_in.begin, person.id).cookie)

    shown = ben.open(token.address)
    done = ben.send(f"/approve/{token.id}", version="1", decision="approve")

    assert 401 == closed.status_code
    assert "Publish the autumn sale?" in text_of(shown)
    assert "Approved by Ben" in text_of(done)


def test_an_open_question_is_not_opened_by_its_id_alone(house: House, ada: Program, ben: Visitor) -> None:
    """It has an address with a secret; an id stands in logs, and an account is no licence to guess."""
    token = open_to_all(ada)
    person = house.write(people.add, an_address(), "Ben", "approver")
    ben.client.cookies.set("waitpoint", house.write(sign_in.begin, person.id).cookie)

    assert 403 == ben.open(f"/approve/{token.id}").status_code
    assert 200 == ben.open(token.address).status_code


def test_a_public_access_token_is_kind_to_whoever_is_late_too(house: House, ada: Program, ben: Visitor) -> None:
    """For a month after its end. It opens nothing that waits, and no program takes it any more."""
    answered, waiting = (ada.make_token(timeout="60d") for _ in range(2))
    ada.complete(answered, {"approved": True})
    house.clock.move(days=2)

    told = ben.open(f"/approve/{answered.id}?token={answered.public_access_token}")
    closed = ben.open(f"/approve/{waiting.id}?token={waiting.public_access_token}")

    assert "Approved by" in text_of(told)
    assert (410, True) == (closed.status_code, "This link has expired" in text_of(closed))
    assert 401 == house.program(answered.public_access_token).complete(answered, 1).status_code
    house.clock.move(days=30)
    assert 410 == ben.open(f"/approve/{answered.id}?token={answered.public_access_token}").status_code
