"""The door with a link of one's own: it shows, a button acts, and whoever comes too late is told kindly."""

import json

import httpx
import jwt
import pytest
from websockets.sync.client import connect

from app.admin import operations
from app.environments import environments
from app.people import people, sign_in
from app.tokens.models import By
from tests.links.conftest import an_address, asked, link_for
from tests.makers import House, Program
from tests.pages.conftest import Visitor, text_of


def secret_of(path: str) -> str:
    return path.partition("?link=")[2]


def test_the_secret_is_exchanged_for_a_clean_address(ada: Program, ben: Visitor) -> None:
    """And for a cookie that only this door gets, and that no script reads."""
    address = an_address()
    token = asked(ada, address, notify=False)
    path = link_for(ada, token, address)

    exchanged = ben.knock("GET", path)
    shown = ben.open(path)

    assert (303, f"/approve/{token.id}") == (exchanged.status_code, exchanged.headers["location"])
    cookie = exchanged.headers["set-cookie"]
    assert f"Path=/approve/{token.id}" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "no-store" == exchanged.headers["cache-control"]
    assert 200 == shown.status_code
    assert secret_of(path) not in shown.text


def test_an_answer_by_link_is_recorded_as_the_recipients(ada: Program, ben: Visitor) -> None:
    address = an_address()
    token = asked(ada, address, notify=False)
    ben.open(link_for(ada, token, address))

    done = ben.send(f"/approve/{token.id}", version="1", decision="approve", comment="Good.")

    assert 200 == done.status_code
    assert "COMPLETED" == ada.show(token)["status"]
    (link,) = ada.get(f"{token.path}/links").json()["data"]
    assert "usedAt" in link


def test_a_used_link_tells_what_was_decided(ada: Program, ben: Visitor) -> None:
    """To the one who used it, and to the other who was asked: who, what, and that nothing more is needed."""
    first, second = an_address(), an_address("cora")
    token = asked(ada, first, second, notify=False)
    path, other = link_for(ada, token, first), link_for(ada, token, second)
    ben.open(path)
    ben.send(f"/approve/{token.id}", version="1", decision="approve")

    for late in (path, other):
        told = ben.open(late)

        assert 200 == told.status_code
        assert f"Approved by {first}" in text_of(told)
        assert "Nothing more is needed from you" in text_of(told)


def test_a_late_link_tells_that_the_time_is_over(house: House, ada: Program, ben: Visitor) -> None:
    address = an_address()
    token = asked(ada, address, notify=False, timeout="1h")
    path = link_for(ada, token, address)
    house.clock.move(hours=30)

    told = ben.open(path)

    assert 200 == told.status_code
    assert "The time is over" in text_of(told)
    assert "Nothing more is needed from you" in text_of(told)


def test_a_deadline_closes_no_open_page(house: House, ada: Program, ben: Visitor) -> None:
    """Who was writing when the time ran out comes in still: to what was taken instead, and to what they had typed."""
    address = an_address()
    by_default = {"output": {"approved": False}}
    token = asked(ada, address, notify=False, timeout="1h", onTimeout=by_default)
    exchanged = ben.knock("GET", link_for(ada, token, address))
    assert int(exchanged.headers["set-cookie"].partition("Max-Age=")[2].partition(";")[0]) > 30 * 24 * 3600
    ben.open(f"/approve/{token.id}")
    house.clock.move(hours=2)

    told = ben.send(f"/approve/{token.id}", version="1", decision="approve", comment="Fine, but check\nthe prices.")

    assert 409 == told.status_code
    assert "The time is over" in text_of(told)
    assert "it counts as “Send back”" in text_of(told)
    assert "Your answer was not recorded : it came too late" in text_of(told)
    assert "What you had typed" in text_of(told)
    assert "Fine, but check\nthe prices." in told.text
    assert "The time is over" in text_of(ben.open(f"/approve/{token.id}"))
    assert {"approved": False} == json.loads(ada.show(token)["output"])


def test_a_late_link_opens_its_page_more_than_once(house: House, ada: Program, ben: Visitor) -> None:
    address = an_address()
    token = asked(ada, address, notify=False, timeout="1h")
    path = link_for(ada, token, address)
    house.clock.move(days=40)

    exchanged = ben.knock("GET", path)

    assert int(exchanged.headers["set-cookie"].partition("Max-Age=")[2].partition(";")[0]) > 24 * 3600


def test_a_link_to_a_withdrawn_question_tells_why(ada: Program, ben: Visitor) -> None:
    address = an_address()
    token = asked(ada, address, notify=False)
    path = link_for(ada, token, address)
    ada.cancel(token, "The sale is off.")

    told = ben.open(path)

    assert "withdrawn" in text_of(told)
    assert "The sale is off." in text_of(told)


def test_a_revoked_link_opens_nothing_and_says_so(ada: Program, ben: Visitor) -> None:
    """Also to who had it open already; nothing about the question is shown."""
    address = an_address()
    token = asked(ada, address, notify=False)
    path = link_for(ada, token, address)
    ben.open(path)
    (link,) = ada.get(f"{token.path}/links").json()["data"]
    ada.post(f"{token.path}/links/{link['id']}/revoke")

    for told in (
        ben.open(path),
        ben.open(f"/approve/{token.id}"),
        ben.send(f"/approve/{token.id}", version="1", decision="approve"),
    ):
        assert 410 == told.status_code
        assert "This link was taken back" in text_of(told)
        assert "Nothing more is needed from you" in text_of(told)
        assert "autumn" not in told.text
    assert "WAITING" == ada.show(token)["status"]


def test_a_link_opens_no_other_token(ada: Program, ben: Visitor) -> None:
    address = an_address()
    token, other = asked(ada, address, notify=False), asked(ada, address, notify=False)
    secret = secret_of(link_for(ada, token, address))

    assert 403 == ben.open(f"/approve/{other.id}?link={secret}").status_code
    assert 401 == ben.open(f"/approve/{other.id}").status_code


def test_a_link_is_no_public_access_token(house: House, ada: Program) -> None:
    """It completes nothing over HTTP."""
    address = an_address()
    token = asked(ada, address, notify=False)
    secret = secret_of(link_for(ada, token, address))

    answer = house.program(secret).complete(token, {"approved": True})

    assert (401, "WAITING") == (answer.status_code, ada.show(token)["status"])


@pytest.mark.parametrize("spoil", ["cut", "alien key", "none", "no jti", "another environment"])
def test_a_forged_link_opens_nothing(house: House, ada: Program, ben: Visitor, spoil: str) -> None:
    address = an_address()
    token = asked(ada, address, notify=False)
    secret = secret_of(link_for(ada, token, address))
    header = jwt.get_unverified_header(secret)
    claims = jwt.decode(secret, options={"verify_signature": False})
    forged = {
        "cut": secret[:-4],
        "alien key": jwt.encode(claims, "x" * 40, headers=header),
        "none": jwt.encode(claims, None, algorithm="none", headers={"kid": header["kid"], "typ": header["typ"]}),
        "no jti": jwt.encode({**claims, "jti": 7}, "x" * 40, headers=header),
        "another environment": jwt.encode({**claims, "sub": house.prod.id}, "x" * 40, headers=header),
    }[spoil]

    told = ben.open(f"/approve/{token.id}?link={forged}")

    assert told.status_code in {401, 403}
    assert "This link does not work" in text_of(told)


def test_links_outlive_a_rotation_unless_it_has_no_grace(house: House, ben: Visitor) -> None:
    """A mail cannot be sent anew; after a leak it has to be."""
    program, address = house.newcomer(), an_address()
    slug = next(each.slug for each in house.read(environments.every) if each.id == program.environment_id)
    token = asked(program, address, notify=False)
    path = link_for(program, token, address)

    house.write(lambda db: operations.rotate_key(db, environment=slug, grace="1d"))
    house.forget()
    assert 200 == ben.open(path).status_code
    house.write(lambda db: operations.rotate_key(db, environment=slug, grace="0s"))
    house.forget()
    assert 401 == ben.open(path).status_code

    assert 200 == ben.open(link_for(program, token, address)).status_code


def test_who_is_asked_and_signed_in_needs_no_link(house: House, ada: Program, ben: Visitor) -> None:
    """And is recorded as themselves, even where they have a link, too."""
    address = an_address()
    house.write(people.add, address, "Ben", "approver")
    token = asked(ada, address, notify=False, identity="signed-in")
    ben.open(link_for(ada, token, address))
    assert 403 == ben.send(f"/approve/{token.id}", version="1", decision="approve").status_code

    ben.client.cookies.set("waitpoint", signed_in(house, address))
    done = ben.send(f"/approve/{token.id}", version="1", decision="approve")

    assert 200 == done.status_code
    assert "Approved by Ben" in text_of(done)


def test_whose_link_is_answered_with_is_said_beforehand(house: House, ada: Program, ben: Visitor) -> None:
    """Also to somebody else who has signed in: where only the recipient is asked, the link speaks for them."""
    address, eve = an_address(), an_address("eve")
    house.write(people.add, eve, "Eve", "approver")
    token = asked(ada, address, notify=False)
    path = link_for(ada, token, address)
    ben.client.cookies.set("waitpoint", signed_in(house, eve))

    shown = ben.open(path)

    assert f"You answer as {address}." in text_of(shown)


def test_who_is_signed_in_and_not_asked_is_told_so(house: House, ada: Program, ben: Visitor) -> None:
    other = an_address("cora")
    house.write(people.add, other, "Cora", "approver")
    token = asked(ada, an_address(), notify=False)
    ben.client.cookies.set("waitpoint", signed_in(house, other))

    told = ben.open(f"/approve/{token.id}")

    assert 403 == told.status_code
    assert "This question asks other people" in text_of(told)


def signed_in(house: House, address: str) -> str:
    from app.people import sign_in  # noqa: PLC0415

    person = house.read(people.find, address)
    assert person is not None
    return house.write(sign_in.begin, person.id).cookie


def test_the_desk_shows_links_and_takes_them_back(house: House, ada: Program, desk: Visitor) -> None:
    address = an_address()
    token = asked(ada, address, notify=False)

    made = desk.send(f"/tokens/{token.id}/links", recipient=address)
    assert "?link=" in made.text
    refused = desk.send(f"/tokens/{token.id}/links", recipient="eve@example.com")
    assert (400, True) == (refused.status_code, "The request asks other people." in text_of(refused))
    (link,) = ada.get(f"{token.path}/links").json()["data"]
    revoked = desk.send(f"/tokens/{token.id}/links/{link['id']}/revocation")

    assert "The link was revoked." in text_of(revoked)
    assert "revokedAt" in ada.get(f"{token.path}/links").json()["data"][0]


def test_opening_is_told_by_a_form_of_our_own_only(ada: Program, ben: Visitor) -> None:
    address = an_address()
    token = asked(ada, address, notify=False)
    ben.open(link_for(ada, token, address))

    foreign: httpx.Response = ben.send(f"/approve/{token.id}/opened", headers={"Origin": "https://evil.example"})

    assert 403 == foreign.status_code
    assert "openedAt" not in ada.get(f"{token.path}/links").json()["data"][0]


def test_who_is_not_asked_any_more_reads_nothing(house: House, ada: Program, ben: Visitor, desk: Visitor) -> None:
    """Of the question as it was amended, its files and its answer; members see it as everywhere."""
    address = an_address()
    token = asked(ada, address, notify=False)
    ben.open(link := link_for(ada, token, address))
    desk.open(link)
    changed = {"approvers": [an_address("cora")], "title": "Who will have to go?"}
    assert 200 == ada.ask("PATCH", f"{token.path}/request", json=changed).status_code

    refused = [
        ben.open(link),
        ben.open(f"/approve/{token.id}/files/file_1"),
        ben.send(f"/approve/{token.id}", version="2", decision="approve"),
    ]
    assert [403, 403, 403] == [told.status_code for told in refused]
    assert all("This question asks other people" in told.text for told in refused)
    assert not any("Who will have to go?" in told.text for told in refused)
    assert "Who will have to go?" in desk.open(f"/approve/{token.id}").text
    ada.complete(token, {"approved": False, "comment": "Everybody stays."})
    assert "Everybody stays." not in ben.open(f"/approve/{token.id}").text


def test_an_open_page_is_pushed_nothing_once_others_are_asked(house: House, ada: Program, ben: Visitor) -> None:
    """How it was answered neither."""
    address = an_address()
    token = asked(ada, address, notify=False)
    ben.open(link_for(ada, token, address))
    cookie = "; ".join(f"{cookie.name}={cookie.value}" for cookie in ben.client.cookies.jar)
    headers, url = {"origin": house.url, "cookie": cookie}, f"ws://127.0.0.1:{house.port}/approve/{token.id}/live"

    with connect(url, additional_headers=headers, proxy=None) as socket:
        assert "ping" in str(socket.recv(timeout=20))
        ada.ask("PATCH", f"{token.path}/request", json={"approvers": [an_address("cora")]})
        ada.complete(token, {"approved": False, "comment": "Everybody stays."})
        told = str(socket.recv(timeout=20))

    assert "ping" in told  # and nothing before it


def test_a_link_of_somebody_who_was_shut_out_opens_nothing(house: House, ada: Program, ben: Visitor) -> None:
    """A token that asks nobody anything neither."""
    fired = an_address("fired")
    person = house.write(people.add, fired, fired, "approver")
    token = ada.make_token()
    ben.open(link_for(ada, token, fired))

    house.write(sign_in.shut_out, person.id, By(kind="system", door="command"))

    assert 403 == ben.open(f"/approve/{token.id}").status_code
    assert 403 == ben.send(f"/approve/{token.id}", decision="approve").status_code
    assert "WAITING" == ada.show(token)["status"]


def test_who_asks_sees_the_question_and_withdraws_it(house: House, ada: Program, ben: Visitor) -> None:
    """Signed in, in whatever role; nobody else does, not even who is asked."""
    address, eve = an_address(), an_address("eve")
    token = asked(ada, address, requester=eve, notify=False)
    shown, sent = {}, {}
    for one in (address, eve):
        person = house.write(people.add, one, one, "approver")
        ben.client.cookies.set("waitpoint", house.write(sign_in.begin, person.id).cookie)
        shown[one] = ben.open(f"/approve/{token.id}")
        sent[one] = ben.send(f"/approve/{token.id}/withdrawal", reason="The sale is off.")

    assert [200, 200] == [page.status_code for page in shown.values()]
    assert [False, True] == ["Withdraw the question" in page.text for page in shown.values()]
    assert [403, 200] == [page.status_code for page in sent.values()]
    assert "The question was withdrawn" in text_of(sent[eve])
    assert "The sale is off." in text_of(sent[eve])
    assert "The sale is off." == ada.show(token)["cancelReason"]
    assert 200 == ben.send(f"/approve/{token.id}/withdrawal", reason="Again.").status_code
    assert "The sale is off." == ada.show(token)["cancelReason"]
