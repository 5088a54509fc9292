"""Links over HTTP: one for each recipient, taken back one by one."""

import pytest

from app.events import log
from app.links import links
from app.people import people, sign_in
from app.tokens.models import By
from tests.links.conftest import an_address, asked, link_for
from tests.makers import House, Program
from tests.pages.conftest import Visitor


def test_a_recipient_has_one_link(ada: Program) -> None:
    """Asked for again it is the same, and nobody else's."""
    ben, cora = an_address(), an_address("cora")
    token = asked(ada, ben, cora, notify=False)

    first, again = link_for(ada, token, ben), link_for(ada, token, ben.upper())

    assert first == again
    assert first != link_for(ada, token, cora)
    listed = ada.get(f"{token.path}/links").json()["data"]
    assert [ben, cora] == [link["recipient"] for link in listed]
    assert "url" not in listed[0]


def test_a_token_without_a_request_has_links_too(ada: Program) -> None:
    token = ada.make_token(timeout="1h")

    assert f"/approve/{token.id}?link=" in link_for(ada, token, an_address())


def test_a_link_for_somebody_who_is_not_asked_is_refused(ada: Program) -> None:
    """It could not answer, and nobody would learn why."""
    token = asked(ada, an_address(), notify=False)

    refused = ada.post(f"{token.path}/links", json={"recipient": "eve@example.com"})

    assert (422, "not-asked") == (refused.status_code, refused.json()["code"])


def test_who_asks_and_may_not_answer_hands_out_no_links(house: House, ada: Program) -> None:
    """They could open the link themselves: neither the program that asked, nor the requester at the desk."""
    ben, eve = an_address(), an_address("eve")
    token = asked(ada, ben, requester=eve, selfApproval=False)
    person = house.write(people.add, eve, "Eve", "member")
    desk = Visitor(house)
    desk.client.cookies.set("waitpoint", house.write(sign_in.begin, person.id).cookie)

    refused = ada.post(f"{token.path}/links", json={"recipient": ben})
    at_the_desk = desk.send(f"/tokens/{token.id}/links", recipient=ben)

    assert (403, "own-request") == (refused.status_code, refused.json()["code"])
    assert 400 == at_the_desk.status_code
    assert "you cannot hand out links to it" in at_the_desk.text
    assert "?link=" not in at_the_desk.text
    other = house.program(house.make_key("create").secret)
    assert f"/approve/{token.id}?link=" in link_for(other, token, ben)
    desk.client.close()


def test_every_link_that_is_handed_out_is_told(house: House, ada: Program) -> None:
    """Also when it was mailed before: whoever hands it out has it in their hands."""
    ben = an_address()
    token = asked(ada, ben)

    link_for(ada, token, ben)

    told = [event for event in house.read(log.of_subject, token.id) if event.kind.startswith("link.")]
    assert ["link.handed_out"] == [event.kind for event in told]
    assert ben == told[0].data["to"]


@pytest.mark.parametrize("recipient", [None, 7, "", "ben", "a@b\r\nBcc: c@d", "=?UTF-8?Q?=0ABcc:?=", "x" * 400])
def test_what_is_no_address_is_refused(ada: Program, recipient: object) -> None:
    token = ada.make_token()

    refused = ada.post(f"{token.path}/links", json={"recipient": recipient})

    assert (400, "invalid-email") == (refused.status_code, refused.json()["code"])
    assert "/recipient" == refused.json()["errors"][0]["pointer"]


def test_a_settled_token_has_no_new_links(ada: Program) -> None:
    token = ada.make_token()
    ada.complete(token, {"approved": True})

    assert 409 == ada.post(f"{token.path}/links", json={"recipient": "ben@example.com"}).status_code


def test_a_revoked_link_is_replaced_by_another(ada: Program) -> None:
    ben = an_address()
    token = asked(ada, ben, notify=False)
    first = link_for(ada, token, ben)
    (link,) = ada.get(f"{token.path}/links").json()["data"]

    revoked = ada.post(f"{token.path}/links/{link['id']}/revoke")

    assert (200, {"success": True}) == (revoked.status_code, revoked.json())
    assert 200 == ada.post(f"{token.path}/links/{link['id']}/revoke").status_code
    assert first != link_for(ada, token, ben)
    old, new = ada.get(f"{token.path}/links").json()["data"]
    assert "revokedAt" in old
    assert "revokedAt" not in new


@pytest.mark.parametrize("request_", [{}, {"journey": "mine"}])
def test_a_revoked_link_stays_revoked_when_the_question_is_amended(
    house: House, ada: Program, request_: dict[str, str]
) -> None:
    """Whoever took it back did not mean until the next comma."""
    ben, cora = an_address(), an_address("cora")
    about = {name: f"{value}:{ben}" for name, value in request_.items()}
    token = asked(ada, ben, **about)
    of = (house.dev.id, "journey" if about else "token", about.get("journey", token.id))
    (link,) = house.read(links.of, *of)
    house.write(links.revoke, link.id, token.id, By(kind="system", door="command"))

    amended = ada.ask("PATCH", f"{token.path}/request", json={"title": "Really?", "approvers": [ben, cora]})

    assert 200 == amended.status_code
    standing = [each.recipient for each in house.read(links.of, *of) if not each.is_revoked]
    assert [cora] == standing


def test_links_of_others_are_unknown(ada: Program, cleo: Program) -> None:
    """Of another environment, and of another token."""
    ben = an_address()
    token, other = asked(ada, ben, notify=False), ada.make_token()
    link_for(ada, token, ben)
    (link,) = ada.get(f"{token.path}/links").json()["data"]

    assert 404 == cleo.get(f"{token.path}/links").status_code
    assert 404 == cleo.post(f"{token.path}/links/{link['id']}/revoke").status_code
    assert 404 == ada.post(f"{other.path}/links/{link['id']}/revoke").status_code


def test_a_link_without_a_deadline_is_renewed_when_it_is_asked_for(house: House, ada: Program) -> None:
    """It lives 400 days, and the token may wait for longer."""
    ben = an_address()
    token = asked(ada, ben, notify=False, timeout=None)
    link_for(ada, token, ben)
    (before,) = ada.get(f"{token.path}/links").json()["data"]

    house.clock.move(days=2)
    link_for(ada, token, ben)

    (after,) = ada.get(f"{token.path}/links").json()["data"]
    assert before["id"] == after["id"]
    assert before["expiresAt"] < after["expiresAt"]
