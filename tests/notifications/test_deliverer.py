"""Delivering: what was queued arrives, once, whatever the mail server does meanwhile."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from app.asgi import MAILS
from app.notifications import outbox, queue
from app.notifications.deliverer import DELAYS, Deliverer
from app.notifications.kinds import Kind, NotNeeded
from app.notifications.models import DROPPED, FAILED, SENT, WAITING, Mail
from app.notifications.outbox import LEASE
from app.paths import TEMPLATES
from tests.databases import DatabaseMaker
from tests.makers import House, open_house, unique
from tests.pages.conftest import Visitor, text_of
from tests.postbox import Postbox, open_postbox


@pytest.fixture(scope="module")
def postbox() -> Iterator[Postbox]:
    with open_postbox() as postbox:
        yield postbox


@pytest.fixture(scope="module")
def mailing(make_database: DatabaseMaker, postbox: Postbox) -> Iterator[House]:
    """A server that sends mails."""
    settings = {"smtp_url": postbox.url, "mail_from": "Acme <ask@example.com>", "public_url": "http://127.0.0.1"}
    with make_database("sqlite") as url, open_house(url, **settings) as house:
        yield house


def queued(house: House, kind: str = "test", **options: Any) -> SimpleNamespace:
    """A mail in the outbox, to an address of its own."""
    address = f"{unique('ben')}@example.com"
    house.write(lambda db: queue(db, kind, address, cause=unique("cause:"), **options))
    return SimpleNamespace(address=address, mail=lambda: _mail_to(house, address))


def _mail_to(house: House, address: str) -> Mail:
    return next(mail for mail in house.read(outbox.latest, 1000) if mail.recipient == address)


def test_a_mail_is_sent_once(mailing: House, postbox: Postbox) -> None:
    mine = queued(mailing)

    mailing.deliver()
    mailing.deliver()

    (message,) = postbox.to(mine.address)
    assert "Mails from Waitpoint arrive" == message["subject"]
    assert SENT == mine.mail().status


def test_a_mail_server_that_fails_is_asked_again_later_and_later(mailing: House, postbox: Postbox) -> None:
    mine = queued(mailing)
    postbox.refuse[mine.address] = "451 come back later"

    for delay in DELAYS:
        mailing.deliver()
        assert WAITING == mine.mail().status
        mailing.clock.move(seconds=delay.total_seconds() - 1)
        assert 0 == mailing.deliver()
        mailing.clock.move(seconds=1.5)
    mailing.deliver()

    assert (FAILED, len(DELAYS) + 1) == (mine.mail().status, mine.mail().attempts)
    assert "451 come back later" == mine.mail().problem


def test_one_bad_address_does_not_hold_up_the_others(mailing: House, postbox: Postbox) -> None:
    first, bad, last = queued(mailing), queued(mailing), queued(mailing)
    postbox.refuse[bad.address] = "550 no such mailbox"

    mailing.deliver()

    assert [SENT, FAILED, SENT] == [each.mail().status for each in (first, bad, last)]


def test_after_a_server_died_the_mail_is_sent_with_the_same_message_id(mailing: House, postbox: Postbox) -> None:
    """It had taken the mail to the mail server and could not write that down: a mail program shows one."""
    mine = queued(mailing)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outbox, "sent", lambda *_: None)  # what a kill -9 does
        mailing.deliver()
    assert 0 == mailing.deliver()  # its lease has not run out

    mailing.clock.move(seconds=LEASE.total_seconds() + 1)
    mailing.deliver()

    first, second = postbox.to(mine.address)
    assert first["message-id"] == second["message-id"]
    assert first["date"] == second["date"]
    assert SENT == mine.mail().status
    mailing.clock.move(seconds=LEASE.total_seconds() + 1)
    assert 0 == mailing.deliver()


def test_a_line_that_breaks_after_the_mail_was_taken_costs_one_more(mailing: House, postbox: Postbox) -> None:
    """Nobody can know whether it was taken, so it is sent again under the same Message-ID."""
    mine = queued(mailing)
    postbox.is_cutting = True
    mailing.deliver()
    postbox.is_cutting = False

    mailing.clock.move(seconds=DELAYS[0].total_seconds() + 1)
    mailing.deliver()

    assert 1 == len({message["message-id"] for message in postbox.to(mine.address)})
    assert SENT == mine.mail().status


def test_a_mail_that_is_not_needed_any_more_is_not_sent(
    mailing: House, postbox: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def not_needed(*_: Any) -> NotNeeded:
        return NotNeeded("the question was answered")

    deliverer: Deliverer = mailing.app.state["deliverer"]
    monkeypatch.setattr(deliverer, "kinds", {"test": Kind("Test", not_needed)})
    mine = queued(mailing)

    mailing.deliver()

    assert (DROPPED, "the question was answered") == (mine.mail().status, mine.mail().problem)
    assert [] == postbox.to(mine.address)


def test_a_mail_that_cannot_be_written_waits_for_a_server_that_can(mailing: House, postbox: Postbox) -> None:
    """A newer server queued it, perhaps; the others go on."""
    unknown, known = queued(mailing, "of-another-version"), queued(mailing)

    mailing.deliver()

    assert [WAITING, SENT] == [unknown.mail().status, known.mail().status]
    assert 1 == len(postbox.to(known.address))


@pytest.mark.parametrize("kind", MAILS)
def test_every_kind_of_mail_has_its_folder(kind: str) -> None:
    names = {path.name for path in (TEMPLATES / "emails" / kind).iterdir()}

    assert {"subject.txt", "body.txt", "body.html"} == names


def test_every_folder_is_of_a_kind() -> None:
    assert {path.name for path in (TEMPLATES / "emails").iterdir() if path.is_dir()} == {*MAILS}


def test_an_owner_sees_what_became_of_mails(mailing: House, postbox: Postbox) -> None:
    """And tries again what was given up; the words are for its reader, who has a mail server."""
    desk = Visitor(mailing)
    desk.client.cookies.set("waitpoint", mailing.sign_in())
    mine = queued(mailing)
    postbox.refuse[mine.address] = "550 no such mailbox"
    mailing.deliver()

    listed = desk.open("/settings/outbox")
    shown = desk.open(f"/settings/outbox/{mine.mail().id}")

    assert mine.address in text_of(listed)
    assert "550 no such mailbox" in text_of(shown)
    assert "Its words are for its reader" in text_of(shown)
    del postbox.refuse[mine.address]
    again = desk.send(f"/settings/outbox/{mine.mail().id}/retry")
    assert "The mail is tried again." in text_of(again)
    mailing.deliver()
    assert SENT == mine.mail().status
    desk.client.close()


def test_without_a_mail_server_an_owner_reads_mails_on_the_page(house: House) -> None:
    """Except those that sign somebody in."""
    desk = Visitor(house)
    desk.client.cookies.set("waitpoint", house.sign_in())
    mine = queued(house)

    assert "No mail server is set" in text_of(desk.open("/settings/outbox"))
    assert f"arrive at {mine.address}" in text_of(desk.open(f"/settings/outbox/{mine.mail().id}"))

    deliverer: Deliverer = house.app.state["deliverer"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deliverer, "kinds", {"test": Kind("Test", lets_in=True)})
        assert "arrive at" not in text_of(desk.open(f"/settings/outbox/{mine.mail().id}"))
    desk.client.close()
