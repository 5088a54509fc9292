"""Whoever is asked gets a mail with a link of their own, and hears nothing that is not needed."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from app.database import Unit
from app.links.invitations import reminder_at
from app.notifications import outbox
from app.pages.words import moment_in
from app.people import groups, people, sign_in
from app.requests import lifecycle as requests
from app.requests.lifecycle import NewRequest, asked_in
from app.tokens import lifecycle
from app.tokens.lifecycle import NewToken
from app.tokens.models import By
from e2e.looking import TOO_WIDE
from tests.cast import ADAS_KEY
from tests.links.conftest import an_address, asked
from tests.makers import House, Program, unique
from tests.pages.conftest import Visitor, text_of
from tests.pages.test_gallery import looking
from tests.postbox import Postbox, link_in
from tests.postbox import text_of as words_of
from tests.statements import number_asked

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def test_everybody_who_is_asked_gets_their_own_link(mailing: House, postbox: Postbox) -> None:
    ada, ben, cora = mailing.program(ADAS_KEY), an_address(), an_address("cora")
    token = asked(ada, ben, cora, body="All prices **20 %** down.")

    mailing.deliver()

    (for_ben,), (for_cora,) = postbox.to(ben), postbox.to(cora)
    assert "Publish the autumn sale?" == for_ben["subject"]
    assert "ada@example.com asks you" in words_of(for_ben)
    assert "All prices 20 % down." in words_of(for_ben)
    assert "All prices <strong>20 %</strong> down." in words_of(for_ben, "html")
    assert "If nobody answers by" in words_of(for_ben)
    assert f"{mailing.url}/approve/{token.id}?link=" in link_in(for_ben, token.id)
    assert link_in(for_ben, token.id) != link_in(for_cora, token.id)
    assert link_in(for_ben, token.id) in words_of(for_ben, "html")


def test_a_mail_fits_a_phone_whatever_it_says(mailing: House, postbox: Postbox) -> None:
    """Names of files, addresses and keys have no blanks at which a line could break."""
    name = "autumn_sale_" + "final_" * 28
    ben = an_address()
    asked(
        mailing.program(ADAS_KEY), ben, title=name, body=f"{name}\n\n- {name}\n\n| a | b |\n|---|---|\n| {name} | b |"
    )
    mailing.deliver()
    (mail,) = postbox.to(ben)

    with looking(320, "light") as page:
        page.set_content(words_of(mail, "html"))

        assert 0 == page.evaluate(TOO_WIDE)


def test_a_group_is_written_to_one_by_one(mailing: House, postbox: Postbox) -> None:
    """Each once, and without those who want no mails, or who ask and may not answer."""
    ada, slug = mailing.program(ADAS_KEY), unique("g")
    by = By(kind="system", door="command")
    mailing.write(groups.add, slug, "Editors", by)
    wants, wants_not, asks = an_address("wants"), an_address("not"), an_address("asks")
    for address in (wants, wants_not, asks):
        person = mailing.write(people.add, address, address, "approver")
        mailing.write(groups.join, slug, person.id, by)
    quiet(mailing, wants_not)

    asked(ada, f"group:{slug}", wants, requester=asks, selfApproval=False)
    mailing.deliver()

    assert [1, 0, 0] == [len(postbox.to(address)) for address in (wants, wants_not, asks)]


@pytest.mark.parametrize("journey", ["", "onboarding"])
def test_however_many_are_asked_the_writer_needs_no_longer(house: House, journey: str) -> None:
    """A question to two groups of twelve is as many statements as one to a group of two, new and amended."""
    few, many, more = a_group(house, 2), a_group(house, 12), a_group(house, 12)
    by = By(kind="system", door="command")

    def request_to(*slugs: str) -> NewRequest:
        step = {"journey": unique(journey)} if journey else {}
        return asked_in({"title": "Publish?", "approvers": [f"group:{slug}" for slug in slugs]} | step)

    def ask(db: Unit, *slugs: str) -> str:
        new = NewToken(timeout=timedelta(days=2), request=request_to(*slugs))
        return lifecycle.create(db, house.dev.id, new, by, house.service.rules).token.id

    def amend(db: Unit, *slugs: str) -> None:
        requests.amend(db, token_id, house.dev.id, request_to(*slugs), None, by, house.service.rules)

    asking = [house.write(number_asked, ask, *slugs) for slugs in ([few], [many, more])]
    token_id = house.write(ask, few)
    amending = [house.write(number_asked, amend, *slugs) for slugs in ([few, many], [few, many, more])]

    assert asking[0] == asking[1]
    assert amending[0] == amending[1]
    queued = house.read(outbox.latest, 1000)
    assert 2 * 26 == sum(mail.subject_id == token_id for mail in queued)


def a_group(house: House, size: int) -> str:
    """A group of so many people."""
    slug, by = unique("g"), By(kind="system", door="command")

    def make(db: Unit) -> None:
        groups.add(db, slug, "Editors", by)
        for _ in range(size):
            groups.join(db, slug, people.add(db, an_address(), "Ben", "approver").id, by)

    house.write(make)
    return slug


def test_the_desk_is_told_who_wants_no_mails(house: House, ada: Program, desk: Visitor) -> None:
    """It has no link of theirs, and does not say that it had; whoever does not write at all, says so to nobody."""
    quiet_one, ben = an_address("quiet"), an_address()
    house.write(people.add, quiet_one, "Quinn", "approver")
    quiet(house, quiet_one)
    token, untold = asked(ada, quiet_one, ben), asked(ada, quiet_one, notify=False)

    page = text_of(desk.open(f"/tokens/{token.id}/links"))

    assert f"No mail goes to {quiet_one}: switched off in their profile." in page
    assert "Everybody who is asked" not in page
    assert "No mail goes to" not in text_of(desk.open(f"/tokens/{untold.id}/links"))
    desk.send(f"/tokens/{token.id}/links", recipient=quiet_one)
    assert "No mail goes to" not in text_of(desk.open(f"/tokens/{token.id}/links"))


def quiet(house: House, address: str) -> None:
    """Somebody switches their mails off."""
    table = people._people
    house.write(lambda db: db.execute(table.update().where(table.c.email == address).values(notifications=False)))


def test_nobody_is_written_to_where_the_program_does_that_itself(mailing: House, postbox: Postbox) -> None:
    ben = an_address()
    asked(mailing.program(ADAS_KEY), ben, notify=False)

    mailing.deliver()

    assert [] == postbox.to(ben)


def test_a_repeated_create_writes_once(mailing: House, postbox: Postbox) -> None:
    ada, ben = mailing.program(ADAS_KEY), an_address()
    request = {"title": "Publish?", "approvers": [ben]}
    for _ in range(2):
        ada.make_token(request=request, idempotencyKey=ben)
        mailing.deliver()

    assert 1 == len(postbox.to(ben))


def test_an_answer_stops_the_mails(mailing: House, postbox: Postbox) -> None:
    """Both the first, when it was still on its way, and the reminder: at once, so that nobody counts them as waiting."""
    ada, ben = mailing.program(ADAS_KEY), an_address()
    token = asked(ada, ben)
    ada.complete(token, {"approved": True})
    mails = [mail for mail in mailing.read(outbox.latest, 1000) if mail.subject_id == token.id]

    assert ["DROPPED", "DROPPED"] == [mail.status for mail in mails]
    assert {"the question was answered or withdrawn meanwhile"} == {mail.problem for mail in mails}
    mailing.deliver()
    mailing.clock.move(hours=30)
    mailing.deliver()

    assert [] == postbox.to(ben)


def test_who_is_asked_later_is_written_to_then(mailing: House, postbox: Postbox) -> None:
    """And nobody a second time; who is not asked any more is not reminded."""
    ada, ben, cora = mailing.program(ADAS_KEY), an_address(), an_address("cora")
    token = asked(ada, ben, timeout="4d")
    mailing.deliver()

    amended = ada.ask("PATCH", f"{token.path}/request", json={"approvers": [cora], "title": "Publish it now?"})
    assert 200 == amended.status_code
    mailing.deliver()
    mailing.clock.move(days=3, hours=1)
    mailing.deliver()

    assert [1, 2] == [len(postbox.to(address)) for address in (ben, cora)]
    assert "Publish it now?" == postbox.to(cora)[0]["subject"]


def test_who_was_shut_out_is_not_reminded(mailing: House, postbox: Postbox) -> None:
    """Nor handed a link, and of those who stay nobody is forgotten."""
    ada, fired, ben, by = (
        mailing.program(ADAS_KEY),
        an_address("fired"),
        an_address(),
        By(kind="system", door="command"),
    )
    person = mailing.write(people.add, fired, fired, "approver")
    token = asked(ada, fired, ben, timeout="4d")
    mailing.deliver()

    mailing.write(sign_in.shut_out, person.id, by)
    mailing.clock.move(days=3, hours=1)
    mailing.deliver()

    assert [1, 2] == [len(postbox.to(address)) for address in (fired, ben)]
    assert 422 == ada.post(f"{token.path}/links", json={"recipient": fired}).status_code


def test_one_reminder_comes_before_the_deadline(mailing: House, postbox: Postbox) -> None:
    ada, ben = mailing.program(ADAS_KEY), an_address()
    token = asked(ada, ben, timeout="4d")
    mailing.deliver()

    mailing.clock.move(days=2, hours=23)
    mailing.deliver()
    assert 1 == len(postbox.to(ben))
    mailing.clock.move(hours=2)
    mailing.deliver()
    mailing.deliver()

    first, reminder = postbox.to(ben)
    assert "Reminder: Publish the autumn sale?" == reminder["subject"]
    assert link_in(first, token.id) == link_in(reminder, token.id)


def test_the_default_answer_is_told_in_words(mailing: House, postbox: Postbox) -> None:
    ben = an_address()
    asked(mailing.program(ADAS_KEY), ben, onTimeout={"output": {"approved": False}})

    mailing.deliver()

    assert "it counts as “Send back”." in words_of(postbox.to(ben)[0])


def test_the_values_of_the_default_answer_are_told(mailing: House, postbox: Postbox) -> None:
    """In the text, line by line, and the same in the HTML."""
    ben = an_address()
    form = {"type": "object", "properties": {"amount": {"type": "integer", "title": "Refund in <euros>"}}}
    by_default = {"output": {"amount": 5000, "note": "Long. " * 100}}
    asked(mailing.program(ADAS_KEY), ben, form=form, onTimeout=by_default)

    mailing.deliver()

    (mail,) = postbox.to(ben)
    assert "it counts as “Send”, with these values:\nRefund in <euros>: 5000\nNote: Long. Long." in words_of(
        mail
    ).replace("\r\n", "\n")
    part = mail.get_body(("html",))
    assert part is not None
    html = part.get_content()
    assert "Refund in &lt;euros&gt;: 5000\nNote: Long." in html.replace("\r\n", "\n")
    assert len(html) < 6_000


@pytest.mark.parametrize(
    ("life", "before"),
    [
        (None, None),
        (timedelta(minutes=30), None),
        (timedelta(hours=4), timedelta(hours=1)),
        (timedelta(days=2), timedelta(hours=12)),
        (timedelta(days=30), timedelta(hours=24)),
    ],
)
def test_a_reminder_comes_in_time_to_act(life: timedelta | None, before: timedelta | None) -> None:
    deadline = None if life is None else NOON + life

    assert (None if deadline is None or before is None else deadline - before) == reminder_at(NOON, deadline)


def test_times_are_told_in_the_readers_zone() -> None:
    assert "Tuesday 24 November 2026, 13:00 (Europe/Berlin)" == moment_in(NOON, "Europe/Berlin")
    assert "Tuesday 24 November 2026, 12:00 UTC" == moment_in(NOON, None)
    assert "Tuesday 24 November 2026, 12:00 UTC" == moment_in(NOON, "Nowhere/At all")


def test_the_timeline_tells_sent_opened_and_answered(mailing: House, postbox: Postbox, guest: Visitor) -> None:
    ada, ben = mailing.program(ADAS_KEY), an_address()
    token = asked(ada, ben)
    mailing.deliver()
    guest.open(link_in(postbox.to(ben)[0], token.id).removeprefix(mailing.url))

    guest.send(f"/approve/{token.id}/opened")
    guest.send(f"/approve/{token.id}/opened")
    guest.send(f"/approve/{token.id}", version="1", decision="approve")

    desk = Visitor(mailing)
    desk.client.cookies.set("waitpoint", mailing.sign_in())
    story = text_of(desk.open(f"/tokens/{token.id}"))
    assert f"Mail sent to {ben}" in story
    assert 1 == story.count(f"Opened by {ben} (by link)")
    assert f"Completed: “Approve” by {ben} (by link)" in story
    desk.client.close()


def test_an_owner_finds_a_mail_and_its_link_in_the_outbox(house: House, ada: Program) -> None:
    """Where no mail server is set: by its subject, printed and not sent, with the link to follow and to copy."""
    desk, mia = Visitor(house), an_address()
    desk.client.cookies.set("waitpoint", house.sign_in())
    token = asked(ada, mia, title=f"Publish {mia}?", body="See https://shop.example.com first.")
    mails = [mail for mail in house.read(outbox.latest, 1000) if mail.recipient == mia]
    (mail,) = [mail for mail in mails if mail.kind == "request"]
    house.deliver()

    listed = text_of(desk.open("/settings/outbox"))
    shown = desk.open(f"/settings/outbox/{mail.id}")

    assert f"{mia} Publish {mia}? Question" in listed
    assert "Printed just now" in listed
    (link,) = set(re.findall(rf'href="({house.url}/approve/{token.id}\?link=[^"]+)"', shown.text))
    assert f">{link}</a></code>" in shown.text
    assert f">{link}</a>" in shown.text.partition('class="letter"')[2]
    assert 200 == desk.open(link.removeprefix(house.url)).status_code
    timeline = text_of(desk.open(f"/tokens/{token.id}"))
    assert f"Mail to {mia} printed: there is no mail server" in timeline
    desk.client.close()


def test_what_a_mail_server_has_sent_is_for_its_reader(house: House, ada: Program, desk: Visitor) -> None:
    """Also once no mail server is set any more: whoever owns this place does not read it then."""
    mia = an_address()
    token = asked(ada, mia)
    (mail,) = [mail for mail in house.read(outbox.latest, 1000) if mail.recipient == mia and mail.kind == "request"]
    house.write(lambda db: outbox.sent(db, mail))

    shown = desk.open(f"/settings/outbox/{mail.id}")

    assert "Sent just now" in text_of(shown)
    assert "Its words are for its reader" in text_of(shown)
    assert f"/approve/{token.id}?link=" not in shown.text
