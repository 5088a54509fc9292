"""A journey: one address, one step at a time, and nothing that was typed is lost."""

import json
import re
from collections.abc import Callable
from html import unescape
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from sqlalchemy import update
from websockets.sync.client import connect

from app.access.principals import Person
from app.database import Unit
from app.database.tables import table_of
from app.events import log
from app.files import lifecycle as files
from app.journeys import journeys, views
from app.journeys.access import Follower
from app.links import links
from app.links.addresses import url_of
from app.links.models import LinkRow
from app.links.slugs import journey_in, slug_of
from app.people import groups, people, sign_in
from app.people.people import Profile
from app.requests.redirects import is_allowed
from app.tokens.models import By
from app.tokens.search import Doubt
from tests.databases import DatabaseMaker
from tests.journeys.conftest import OnboardingRun, a_journey, at, step
from tests.makers import House, Program, open_house, unique
from tests.pages.conftest import Visitor, text_of
from tests.statements import number_asked


def field_of(page: httpx.Response, title: str) -> str:
    """The name of the control with this label."""
    label = re.search(rf'<label for="([^"]+)"[^>]*>\s*{title}', page.text)
    assert label is not None, page.text
    control = re.search(rf'<(?:input|textarea)[^>]*id="{re.escape(label[1])}"[^>]*>', page.text)
    assert control is not None
    name = re.search(r'name="([^"]+)"', control[0])
    assert name is not None
    return unescape(name[1])


def sends(visitor: Visitor, path: str, token_id: str, page: httpx.Response, **fields: str) -> httpx.Response:
    """Fill in the fields with these labels and send the step."""
    filled: dict[str, Any] = {field_of(page, title): value for title, value in fields.items()}
    return visitor.send(f"{path}/steps/{token_id}", **filled, decision="submit", version="1")


def test_a_journey_leads_from_step_to_step(house: House, ada: Program, ben: Visitor) -> None:
    """At one address: the question, then that it is checked, then the next question, then the end."""
    name = a_journey()
    first = step(ada, name, 1)
    path = at(house, first.journey).partition("?")[0]
    asked = ben.open(at(house, first.journey))

    assert "Step 1 of 2: Your company" in text_of(asked)
    sent = sends(ben, path, first.id, asked, Company="Acme")
    assert path == sent.url.path
    assert "We are checking what you sent" in text_of(sent)
    assert {"company": "Acme"} == json.loads(ada.show(first.id)["output"])

    second = step(ada, name, 2)
    assert first.journey == second.journey
    asked = ben.open(path)
    assert "Step 2 of 2: Your bank" in text_of(asked)
    assert "Your answers so far Your company Company Acme" in text_of(asked)
    done = sends(ben, path, second.id, asked, **{"Account number": "DE1"})

    assert "Thank you. That was all." in text_of(done)
    assert "Account number DE1" in text_of(done)


def test_a_long_journey_is_read_in_as_many_statements_as_a_short_one(house: House, ada: Program, mia: Profile) -> None:
    """And whoever has signed in finds it in as many, however many environments there are."""
    name = a_journey()
    follower = Follower(house.dev.id, name, None, Person(mia.id, mia.email, "Mia", "approver", "session_1"))

    def numbers() -> tuple[int, int]:
        reading = house.read(number_asked, views._around, follower)
        return reading, house.read(number_asked, journeys.environment_asking, mia.email, name)

    def goes_on(index: int) -> None:
        ada.complete(step(ada, name, index, None, approvers=[mia.email]), {"iban": "DE1"})

    goes_on(2)
    before = numbers()
    for index in range(3, 12):
        goes_on(index)
    house.make_environment()

    assert before == numbers()
    around = house.read(views._around, follower)
    assert not isinstance(around, Doubt)
    assert 10 == len(around["outcomes"])
    assert house.dev.id == house.read(journeys.environment_asking, mia.email, name)


def test_what_was_typed_is_there_on_another_device(house: House, ada: Program, ben: Visitor, other: Visitor) -> None:
    """Saved by a script as it is typed, or by the button; forgotten when it is sent."""
    first = step(ada, a_journey(), 1)
    path = at(house, first.journey).partition("?")[0]
    asked = ben.open(at(house, first.journey))
    company, people = field_of(asked, "Company"), field_of(asked, "People")

    half: dict[str, Any] = {company: "Acme & Söhne", people: "x"}
    typed = ben.send(f"{path}/steps/{first.id}/draft", **half)
    assert (204, "") == (typed.status_code, typed.text)
    assert "Acme &amp; Söhne" in other.open(at(house, first.journey)).text
    more: dict[str, Any] = {company: "Acme Ltd", people: "7", "save": "yes"}
    saved = other.send(f"{path}/steps/{first.id}/draft", **more)
    assert "Saved. Go on whenever you like" in text_of(saved)

    again = ben.open(path)
    assert 'value="Acme Ltd"' in again.text
    sends(ben, path, first.id, again, Company="Acme Ltd", People="7")
    assert {"company": "Acme Ltd", "people": 7} == json.loads(ada.show(first.id)["output"])
    assert 409 == ben.send(f"{path}/steps/{first.id}/draft", **half).status_code


def test_two_devices_do_not_undo_each_other(house: House, ada: Program, ben: Visitor, other: Visitor) -> None:
    """A script sends what was changed on its device; the rest is what others have typed, or as it was asked."""
    proposed = {"company": "Proposed", "people": 3}
    first = step(ada, a_journey(), 1, proposed=proposed)
    path = f"{at(house, first.journey).partition('?')[0]}/steps/{first.id}/draft"
    asked = ben.open(at(house, first.journey))
    other.open(at(house, first.journey))
    company, people = field_of(asked, "Company"), field_of(asked, "People")

    typed: list[dict[str, Any]] = [{company: "Acme"}, {"comment": "Hello"}, {"gone": f"{people}\n/nothing"}]
    answers = [visitor.send(path, **one, part="yes") for visitor, one in zip((ben, other, ben), typed, strict=True)]

    assert [204] * 3 == [answer.status_code for answer in answers]
    draft = house.read(journeys.draft_of, first.id)
    assert {company: "Acme", "comment": "Hello"} == draft
    much: list[dict[str, Any]] = [{f"/{text}": text * 200_000} for text in "ab"]
    assert [204, 413] == [ben.send(path, **each, part="yes").status_code for each in much]


def test_a_wrong_answer_keeps_what_was_typed(house: House, ada: Program, ben: Visitor) -> None:
    first = step(ada, a_journey(), 1)
    path = at(house, first.journey).partition("?")[0]
    asked = ben.open(at(house, first.journey))

    refused = sends(ben, path, first.id, asked, Company="Acme", People="many")

    assert 400 == refused.status_code
    assert "Step 1 of 2" in text_of(refused)
    assert 'value="many"' in refused.text
    assert re.search("<save-draft [^>]*unsaved", refused.text)
    assert not re.search("<save-draft [^>]*unsaved", asked.text)
    assert "WAITING" == ada.show(first.id)["status"]


def test_a_step_is_answered_once(house: House, ada: Program, ben: Visitor) -> None:
    """The second device is told that its answer was not recorded, keeps it, and sees where the journey stands."""
    first = step(ada, a_journey(), 1)
    path = at(house, first.journey).partition("?")[0]
    asked = ben.open(at(house, first.journey))
    sends(ben, path, first.id, asked, Company="Acme")

    late = sends(ben, path, first.id, asked, Company="Other")

    assert 409 == late.status_code
    assert "This step was answered meanwhile. What you sent now was not recorded : the first answer stands." in text_of(
        late
    )
    assert "We are checking what you sent" in text_of(late)
    assert "Company Acme" in text_of(late)
    assert "What you had typed Company Other" in text_of(late)
    assert path == ben.open(late.url.path).url.path


def test_a_late_answer_to_a_step_stands_beside_the_next(house: House, ada: Program, ben: Visitor) -> None:
    """It says what became of the step: it was withdrawn, or its time is over."""
    name = a_journey()
    first = step(ada, name, 1)
    path = at(house, first.journey).partition("?")[0]
    asked = ben.open(at(house, first.journey))
    ada.cancel(first, "Not needed.")
    second = step(ada, name, 2)

    late = sends(ben, path, first.id, asked, Company="Acme")
    again = ben.open(path)
    house.clock.move(days=1)
    over = sends(ben, path, second.id, again, **{"Account number": "DE1"})

    assert "This question was withdrawn meanwhile. What you sent now was not recorded ." in text_of(late)
    assert "Step 2 of 2" in text_of(late)
    assert "What you had typed Company Acme" in text_of(late)
    assert "The time for this step is over." in text_of(over)
    assert "What you had typed Account number DE1" in text_of(over)


def test_a_link_opens_the_steps_of_its_journey_only(house: House, ada: Program, ben: Visitor, other: Visitor) -> None:
    mine, alien = step(ada, a_journey(), 1), step(ada, a_journey(), 1)
    mine_at, alien_at = (at(house, each.journey) for each in (mine, alien))
    ben.open(mine_at)
    path = mine_at.partition("?")[0]
    secret = mine_at.partition("?")[2]

    assert 403 == ben.open(f"{alien_at.partition('?')[0]}?{secret}").status_code
    assert 404 == ben.send(f"{path}/steps/{alien.id}", decision="submit").status_code
    assert 404 == ben.send(f"{path}/steps/{alien.id}/draft", company="x").status_code
    assert 401 == ben.open(f"/approve/{mine.id}").status_code
    assert 403 == ben.open(f"/approve/{mine.id}?{secret}").status_code
    assert 401 == other.open(path).status_code


def test_the_same_name_in_another_environment_is_another_journey(
    house: House, ada: Program, cleo: Program, ben: Visitor
) -> None:
    name = a_journey()
    mine, other = step(ada, name, 1), step(cleo, name, 1, title="Cleo's question")

    shown = ben.open(at(house, mine.journey))

    assert "Cleo" not in shown.text
    assert mine.journey != other.journey


def test_a_withdrawn_or_missed_step_is_told_kindly(house: House, ada: Program, ben: Visitor) -> None:
    first = step(ada, a_journey(), 1)
    ada.cancel(first, "We have all that we need.")

    told = text_of(ben.open(at(house, first.journey)))

    assert "This has ended" in told
    assert "We have all that we need." in told
    assert "Nothing more is needed from you" in told


def test_a_journey_of_a_cancelled_run_has_ended(house: House, ada: Program, ben: Visitor, run: OnboardingRun) -> None:
    """What it asked is withdrawn, so that nobody answers for nothing."""
    first = run.asks(1)
    assert 200 == ada.post(f"/api/v2/runs/{run.id}/cancel").status_code

    told = text_of(ben.open(at(house, first.journey)))

    assert "This has ended" in told
    assert "The run that asked was cancelled." in told
    assert "TIMED_OUT" == ada.show(first.id)["status"]


@pytest.mark.parametrize(
    ("end", "says"), [("finish", "Thank you. That was all."), ("fail", "What was to follow has stopped")]
)
def test_a_run_that_ends_between_steps_ends_its_journey(
    house: House, ben: Visitor, run: OnboardingRun, end: str, says: str
) -> None:
    """Also on the page that is open; until then it is checked."""
    first = run.asks(1, of=3)
    path = at(house, first.journey).partition("?")[0]
    checking = sends(ben, path, first.id, ben.open(at(house, first.journey)), Company="Acme")
    assert "We are checking what you sent" in text_of(checking)

    pushed = _pushed(house, ben, path, checking, lambda: run.ends(end))

    assert says in pushed
    assert says in text_of(ben.open(path))


def test_the_end_of_a_child_is_not_the_end_of_the_journey(house: House, ben: Visitor, run: OnboardingRun) -> None:
    """The run that has begun it may ask what comes next."""
    child = run.begins_another()
    first = child.asks(1)
    path = at(house, first.journey).partition("?")[0]
    sends(ben, path, first.id, ben.open(at(house, first.journey)), Company="Acme")
    child.ends("finish")
    assert "We are checking what you sent" in text_of(ben.open(path))

    run.ends("finish")

    assert "Thank you. That was all." in text_of(ben.open(path))


def test_steps_that_are_asked_at_once_are_answered_in_any_order(house: House, ada: Program, ben: Visitor) -> None:
    """One after the other; at the first it is said that another follows."""
    name = a_journey()
    second, first = step(ada, name, 2), step(ada, name, 1)
    path = at(house, first.journey).partition("?")[0]
    asked = ben.open(at(house, first.journey))
    assert "Step 2 of 2: Your bank Another question follows this one." in text_of(asked)
    asked = sends(ben, path, second.id, asked, **{"Account number": "DE1"})
    assert "Step 1 of 2" in text_of(asked)
    assert "Another question" not in text_of(asked)

    done = sends(ben, path, first.id, asked, Company="Acme")

    assert "Thank you. That was all." in text_of(done)
    assert "Step 2 of 2" in text_of(done)


def test_a_step_that_is_withdrawn_before_another_is_answered_ends_nothing(
    house: House, ada: Program, ben: Visitor
) -> None:
    name = a_journey()
    first, second = step(ada, name, 1), step(ada, name, 2)
    path = at(house, first.journey).partition("?")[0]
    asked = ben.open(at(house, first.journey))
    ada.cancel(second, "Not needed.")

    assert "We are checking what you sent" in text_of(sends(ben, path, first.id, asked, Company="Acme"))


def test_a_journey_that_goes_back_is_not_done(house: House, ada: Program, ben: Visitor) -> None:
    """A run that lets somebody change an answer asks once more."""
    name = a_journey()
    only = step(ada, name, 1, of=1)
    path = at(house, only.journey).partition("?")[0]
    sends(ben, path, only.id, ben.open(at(house, only.journey)), Company="Acme")
    again = step(ada, name, 1, of=3)

    told = sends(ben, path, again.id, ben.open(path), Company="Acme Ltd")

    assert "We are checking what you sent" in text_of(told)


def test_asked_people_follow_a_journey_with_their_own_link(house: House, ada: Program) -> None:
    """The address that the program is told carries no secret then."""
    first = step(ada, a_journey(), 1, approvers=["ben@example.com"], notify=False)

    assert "?" not in first.journey


def test_a_step_that_asks_others_is_shown_to_them_only(
    house: House, ada: Program, ben: Visitor, other: Visitor
) -> None:
    """To the applicant it is being checked, and they read neither the question nor how it was answered."""
    name, boss = a_journey(), f"{unique()}@example.com"
    first = step(ada, name, 1)
    path = at(house, first.journey).partition("?")[0]
    sends(ben, path, first.id, ben.open(at(house, first.journey)), Company="Acme")
    second = step(ada, name, 2, title="Is Acme solvent?", context={"debts": "enormous"}, approvers=[boss])
    other.open(journey_link_of(house, name, boss))

    looked, refused = ben.open(path), ben.send(f"{path}/steps/{second.id}", version="1", decision="submit")
    typed = ben.send(f"{path}/steps/{second.id}/draft", iban="X1")

    assert "We are checking what you sent" in text_of(looked)
    assert "Step 1 of 2" in text_of(looked)
    assert (403, 403) == (refused.status_code, typed.status_code)
    asked = other.open(path)
    assert "Is Acme solvent?" in text_of(asked)
    assert "X1" not in asked.text
    sends(other, path, second.id, asked, **{"Account number": "DE1"})
    assert '{"iban":"DE1"}' == ada.show(second.id)["output"]
    done = ben.open(path)
    assert "Thank you. That was all." in text_of(done)
    for page in (looked, refused, typed, done):
        assert not [words for words in ("solvent", "enormous", "DE1") if words in page.text]


def test_a_draft_keeps_no_secret(house: House, ada: Program, ben: Visitor) -> None:
    """Which no page would show again: it is typed again where the answer is given."""
    form = {
        "type": "object",
        "properties": {"user": {"type": "string"}, "pin": {"type": "string", "format": "password"}},
    }
    first = step(ada, a_journey(), 1, form=form | {"required": ["pin"]})
    path = at(house, first.journey).partition("?")[0]
    asked = ben.open(at(house, first.journey))
    typed: dict[str, Any] = {field_of(asked, "User"): "ada", field_of(asked, "Pin"): "hunter2"}

    assert 204 == ben.send(f"{path}/steps/{first.id}/draft", **typed).status_code

    assert {field_of(asked, "User"): "ada"} == house.read(journeys.draft_of, first.id)


@pytest.mark.parametrize("asked", [{"identity": "signed-in"}, {"selfApproval": False}])
def test_who_may_not_answer_a_step_leaves_no_draft(
    house: House, ada: Program, ben: Visitor, asked: dict[str, Any]
) -> None:
    """Nor a file."""
    name, mia = a_journey(), f"{unique()}@example.com"
    first = step(ada, name, 1, approvers=[mia, "cora@example.com"], requester=mia, **asked)
    path = f"/journeys/{slug_of(name)}"
    ben.open(journey_link_of(house, name, mia))

    sent = ben.client.post(
        f"{path}/steps/{first.id}/draft", data={"company": "Acme"}, files={"cv": b"x"}, headers={"origin": house.url}
    )

    assert 409 == sent.status_code
    assert house.read(journeys.draft_of, first.id) is None
    assert {} == house.read(files.of_token, first.id)


def test_who_must_be_known_answers_signed_in_on_the_page_of_the_journey(
    house: House, ada: Program, ben: Visitor
) -> None:
    """The sign-in leads back to it."""
    name, mia = a_journey(), f"{unique()}@example.com"
    person = house.write(people.add, mia, "Mia", "approver")
    first = step(ada, name, 1, approvers=[mia], identity="signed-in")
    path = f"/journeys/{slug_of(name)}"

    told = ben.open(journey_link_of(house, name, mia))
    signs_in(house, ben, person)
    asked = ben.open(path)
    sends(ben, path, first.id, asked, Company="Acme")

    assert f'href="/sign-in?next={path}"' in told.text
    assert "<form" not in told.text
    (answered,) = (each for each in house.read(log.of_subject, first.id) if each.kind == "token.completed")
    assert answered.actor is not None
    assert ("person", person.id) == (answered.actor["kind"], answered.actor["id"])


def test_who_is_asked_and_has_signed_in_needs_no_link(house: House, ada: Program, ben: Visitor, mia: Profile) -> None:
    """The address that the program was told is enough: for their draft and for their answer, too."""
    first = step(ada, a_journey(), 1, approvers=[mia.email])
    path = at(house, first.journey)
    signs_in(house, ben, mia)

    asked = ben.open(path)
    half: dict[str, Any] = {field_of(asked, "Company"): "Acme"}
    kept, opened = (ben.send(f"{path}/{rest}", **half) for rest in (f"steps/{first.id}/draft", "opened"))
    again = ben.open(path)
    sends(ben, path, first.id, again, Company="Acme")

    assert "Question 1" in text_of(asked)
    assert (204, 204) == (kept.status_code, opened.status_code)
    assert 'value="Acme"' in again.text
    events = house.read(log.of_subject, first.id)
    assert "link.opened" not in [event.kind for event in events]
    (answered,) = (each for each in events if each.kind == "token.completed")
    assert answered.actor is not None
    assert ("person", mia.id) == (answered.actor["kind"], answered.actor["id"])


def test_who_has_signed_in_sees_of_a_journey_what_they_are_asked(
    house: House, ada: Program, ben: Visitor, mia: Profile
) -> None:
    """And it appears on their open page."""
    name = a_journey()
    other = step(ada, name, 1, title="Is Acme solvent?", approvers=[f"{unique()}@example.com"])
    path = at(house, step(ada, name, 2, approvers=[mia.email]).journey)
    signs_in(house, ben, mia)

    asked = ben.open(path)
    refused = ben.send(f"{path}/steps/{other.id}", decision="submit")
    sent = sends(ben, path, _asked_on(asked), asked, **{"Account number": "DE1"})
    pushed = _pushed(house, ben, path, sent, lambda: step(ada, name, 2, title="And now?", approvers=[mia.email]))

    assert 403 == refused.status_code
    assert "We are checking what you sent" in text_of(sent)
    assert "And now?" in pushed
    assert not [text for text in (asked.text, refused.text, sent.text, pushed) if "solvent" in text]


def test_a_step_for_a_group_or_for_whoever_is_known_opens_to_those_who_have_signed_in(
    house: House, ada: Program, ben: Visitor, mia: Profile
) -> None:
    """A journey that asks others, or whoever has the link, does not; nor does one to somebody who was shut out."""
    slug, system = unique("g"), By(kind="system", door="command")
    house.write(groups.add, slug, "A group", system)
    house.write(groups.join, slug, mia.id, system)
    signs_in(house, ben, mia)

    def opened(**request: Any) -> int:
        return ben.open(at(house, step(ada, a_journey(), 1, **request).journey).partition("?")[0]).status_code

    everybody: list[dict[str, Any]] = [{"approvers": [f"group:{slug}"]}, {"identity": "signed-in"}]
    assert [200, 200] == [opened(**each) for each in everybody]
    assert [403, 403] == [opened(**each) for each in ({"approvers": [f"{unique()}@example.com"]}, {})]
    house.write(sign_in.shut_out, mia.id, system)
    assert [401, 401] == [opened(**each) for each in everybody]


def test_a_link_that_was_revoked_does_not_keep_out_who_is_asked(
    house: House, ada: Program, ben: Visitor, mia: Profile
) -> None:
    name = a_journey()
    first = step(ada, name, 1, approvers=[mia.email])
    path = at(house, first.journey)
    ben.open(journey_link_of(house, name, mia.email))
    (link,) = house.read(links.of, house.dev.id, "journey", name)
    house.write(links.revoke, link.id, first.id, By(kind="system", door="command"))
    assert 410 == ben.open(path).status_code

    signs_in(house, ben, mia)

    assert 200 == ben.open(path).status_code


def test_who_is_signed_in_follows_the_journey_that_asks_them(
    house: House, ada: Program, cleo: Program, ben: Visitor, mia: Profile
) -> None:
    """The address names no environment: of journeys with the same name it is the one whose newest step waits for them."""
    name = a_journey()
    first = step(ada, name, 1, approvers=[mia.email])
    step(cleo, name, 1, title="Cleo's question", approvers=[f"{unique()}@example.com"])
    path = at(house, first.journey)
    signs_in(house, ben, mia)
    assert "Question 1" in text_of(ben.open(path))

    newer = step(cleo, name, 2, title="Cleo's question for Mia", approvers=[mia.email])
    asked = ben.open(path)
    assert "Cleo's question for Mia" in text_of(asked)
    assert 204 == ben.send(f"{path}/steps/{first.id}/draft", company="Acme").status_code
    sends(ben, path, newer.id, asked, **{"Account number": "DE1"})

    assert "Question 1" in text_of(ben.open(path))


def test_a_mistake_comes_back_at_its_own_step(house: House, ada: Program, ben: Visitor, mia: Profile) -> None:
    """Also when an earlier one is asked by then: of who has signed in meanwhile, for example."""
    name = a_journey()
    first, second = step(ada, name, 1, approvers=[mia.email]), step(ada, name, 2)
    path = at(house, second.journey).partition("?")[0]
    asked = ben.open(at(house, second.journey))
    assert second.id == _asked_on(asked)
    signs_in(house, ben, mia)

    refused = sends(ben, path, second.id, asked, **{"Account number": ""})

    assert 400 == refused.status_code
    assert "Step 2 of 2" in text_of(refused)
    assert second.id == _asked_on(refused)
    assert f"{path}/steps/{second.id}/draft" in refused.text
    assert first.id == _asked_on(ben.open(path))


def test_a_closed_door_offers_to_sign_in_and_leads_back(house: House, ada: Program, ben: Visitor, mia: Profile) -> None:
    """To a journey and to a single question; who has signed in and is not asked is told that others are."""
    name, stranger = a_journey(), house.write(people.add, f"{unique()}@example.com", "Nora", "approver")
    paths = [
        at(house, step(ada, name, 1, approvers=[mia.email]).journey),
        f"/approve/{ada.make_token(request={'approvers': [mia.email]}).id}",
    ]
    for path in paths:
        closed = ben.open(path)
        assert 401 == closed.status_code
        (back,) = re.findall(r'href="/sign-in\?next=([^"]+)"', closed.text)
        assert path == unquote(back)

    signs_in(house, ben, stranger)
    for path in paths:
        refused = ben.open(path)
        assert 403 == refused.status_code
        assert "This question asks other people" in text_of(refused)
        assert "/sign-in" not in refused.text


@pytest.fixture
def mia(house: House) -> Profile:
    """Somebody with an account, who is asked nothing yet."""
    return house.write(people.add, f"{unique('mia')}@example.com", "Mia", "approver")


def _asked_on(page: httpx.Response) -> str:
    """Which token a page asks about."""
    action = re.search(r'action="[^"]+/steps/([^"/]+)"', page.text)
    assert action is not None
    return action[1]


def signs_in(house: House, visitor: Visitor, person: Profile) -> None:
    visitor.client.cookies.set("waitpoint", house.write(sign_in.begin, person.id).cookie)


def journey_link_of(house: House, journey: str, address: str) -> str:
    """The path of somebody's own link, the one that they were mailed if they were."""
    link = house.write(links.to_journey, house.dev.id, journey, address)
    return at(house, house._on_loop(lambda: url_of(house.service, link)))


def test_the_next_step_appears_on_the_open_page(house: House, ada: Program, ben: Visitor) -> None:
    name = a_journey()
    first = step(ada, name, 1)
    path = at(house, first.journey).partition("?")[0]
    asked = ben.open(at(house, first.journey))
    waiting = sends(ben, path, first.id, asked, Company="Acme")

    pushed = _pushed(house, ben, path, waiting, lambda: step(ada, name, 2))

    assert 'id="live"' in pushed
    assert "Step 2 of 2: Your bank" in pushed
    assert "<form" in pushed


def test_an_open_page_is_told_of_an_amendment(house: House, ada: Program, ben: Visitor) -> None:
    """And left alone: somebody may be typing. What was asked anew meanwhile waits until this is answered."""
    name = a_journey()
    first = step(ada, name, 1)
    path = at(house, first.journey).partition("?")[0]
    asked = ben.open(at(house, first.journey))

    def happens() -> None:
        step(ada, name, 2)
        amends(ada, first, title="Another question")

    told = _pushed(house, ben, path, asked, happens)
    late = _pushed(house, ben, path, asked, lambda: None)

    assert 'id="amended"' in told
    assert f'href="{path}">Read it again' in told
    assert "<form" not in told
    assert told == late
    assert "Another question" in text_of(ben.open(path))


@pytest.mark.parametrize(
    "change", [{"journey": None, "step": None}, {"journey": "another"}, {"approvers": ["boss@example.com"]}]
)
def test_an_amendment_that_takes_a_step_away_is_seen_on_the_open_page(
    house: House, ada: Program, ben: Visitor, change: dict[str, Any]
) -> None:
    """It belongs to another journey, or to none, or asks others. What was typed stays only where it can be read."""
    first = step(ada, a_journey(), 1)
    path = at(house, first.journey).partition("?")[0]
    asked = ben.open(at(house, first.journey))
    half: dict[str, Any] = {field_of(asked, "Company"): "Acme"}
    ben.send(f"{path}/steps/{first.id}/draft", **half)

    pushed = _pushed(house, ben, path, asked, lambda: amends(ada, first, **change))

    assert 'id="live"' in pushed
    assert "<form" not in pushed
    assert (house.read(journeys.draft_of, first.id) is None) == ("step" in change)


def test_a_step_that_is_amended_into_a_journey_appears_there(house: House, ada: Program, ben: Visitor) -> None:
    name = a_journey()
    first = step(ada, name, 1)
    path = at(house, first.journey).partition("?")[0]
    waiting = sends(ben, path, first.id, ben.open(at(house, first.journey)), Company="Acme")
    second = step(ada, a_journey(), 2)

    pushed = _pushed(house, ben, path, waiting, lambda: amends(ada, second, journey=name))

    assert "Step 2 of 2: Your bank" in pushed


def amends(program: Program, token: SimpleNamespace, **changes: Any) -> None:
    """Ask something else."""
    answer = program.ask("PATCH", f"{token.path}/request", json=changes)
    assert answer.status_code == 200, answer.text


def _pushed(house: House, visitor: Visitor, path: str, page: httpx.Response, happens: Callable[[], object]) -> str:
    """What is pushed to an open page when something happens."""
    version = re.search(r'data-version="(\w+)"', page.text)
    assert version is not None
    cookie = "; ".join(f"{cookie.name}={cookie.value}" for cookie in visitor.client.cookies.jar)
    headers = {"origin": house.url, "cookie": cookie}
    url = f"ws://127.0.0.1:{house.port}{path}/live?version={version[1]}"
    with connect(url, additional_headers=headers, proxy=None) as socket:
        assert "ping" in str(socket.recv(timeout=20))
        happens()
        pushed = str(socket.recv(timeout=20))
        while "ping" in pushed:
            pushed = str(socket.recv(timeout=20))
    return pushed


def test_an_opened_journey_is_told_once(house: House, ada: Program, ben: Visitor) -> None:
    """When the page says that a hand moved on it."""
    first = step(ada, a_journey(), 1)
    path = at(house, first.journey).partition("?")[0]
    drawn = ben.open(at(house, first.journey))
    refused = ben.send(f"{path}/steps/{first.id}", version="1")

    assert [204, 204] == [ben.send(f"{path}/opened").status_code for _ in range(2)]
    # A page that answers a form has another address, and whoever sent the form has had the first one before them.
    assert [True, False] == ['<meta name="opened"' in each.text for each in (drawn, refused)]

    kinds = [event.kind for event in house.read(log.of_subject, first.id)]
    assert 1 == kinds.count("link.opened")


def test_who_is_done_goes_on_where_the_settings_allow_it(make_database: DatabaseMaker) -> None:
    """Right after the last answer without being asked, and later by a link."""
    with (
        make_database("sqlite") as url,
        open_house(url, redirect_urls="https://www.example.com/welcome") as house,
    ):
        from tests.cast import ADAS_KEY  # noqa: PLC0415

        ada, visitor = house.program(ADAS_KEY, house.dev), Visitor(house)
        for target, is_followed in (("https://www.example.com/welcome/42", True), ("https://evil.example/", False)):
            only = step(ada, a_journey(), 1, of=1, redirectUrl=target)
            path = at(house, only.journey).partition("?")[0]
            asked = visitor.open(at(house, only.journey))
            done = sends(visitor, path, only.id, asked, Company="Acme")

            assert is_followed == (f'content="0; url={target}"' in done.text)
            assert is_followed == (f'href="{target}"' in visitor.open(path).text)
            assert 'http-equiv="refresh"' not in visitor.open(path).text
        visitor.client.close()


def test_an_open_page_whose_last_step_was_answered_leads_on_too(make_database: DatabaseMaker) -> None:
    """By the button that it would have if it were loaded now."""
    with make_database("sqlite") as url, open_house(url, redirect_urls="https://www.example.com/welcome") as house:
        from tests.cast import ADAS_KEY  # noqa: PLC0415

        ada, visitor = house.program(ADAS_KEY, house.dev), Visitor(house)
        only = step(ada, a_journey(), 1, of=1, redirectUrl="https://www.example.com/welcome/42")
        path = at(house, only.journey).partition("?")[0]
        asked = visitor.open(at(house, only.journey))

        pushed = _pushed(house, visitor, path, asked, lambda: ada.complete(only, {"company": "Acme"}))

        assert 'href="https://www.example.com/welcome/42"' in pushed
        visitor.client.close()


def test_the_answers_so_far_stay_beside_a_mistake(house: House, ada: Program, ben: Visitor) -> None:
    name = a_journey()
    first = step(ada, name, 1)
    path = at(house, first.journey).partition("?")[0]
    sends(ben, path, first.id, ben.open(at(house, first.journey)), Company="Acme")
    second = step(ada, name, 2)

    wrong = sends(ben, path, second.id, ben.open(path))

    assert "There is a problem" in text_of(wrong)
    assert "Your answers so far" in text_of(wrong)
    assert "Acme" in text_of(wrong)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://www.example.com/welcome", True),
        ("https://www.example.com/welcome/42?a=b", True),
        ("https://www.example.com/welcomes", False),
        ("https://www.example.com/welcome/../evil", False),
        ("https://www.example.com/welcome/%2e%2e/evil", False),
        ("https://www.example.com.evil.example/welcome", False),
        ("https://user@www.example.com/welcome", False),
        ("http://www.example.com/welcome", False),
        ("https://www.example.com\\@evil.example/welcome", False),
        ("javascript:alert(1)", False),
        ("//www.example.com/welcome", False),
        ("https://app.example.com", True),
        ("https://app.example.com/anything", True),
        ("https://app.example.com:8443/anything", False),
        ("", False),
    ],
)
def test_only_what_the_settings_name_is_gone_on_to(url: str, *, allowed: bool) -> None:
    assert allowed == is_allowed(url, ("https://www.example.com/welcome", "https://app.example.com"))


@pytest.mark.parametrize("name", ["onboarding:42", "a/b", "über uns", "50%~x", "../..", "a?b#c", "…"])
def test_every_name_of_a_journey_has_an_address(name: str) -> None:
    assert name == journey_in(slug_of(name))
    assert not set("/?#% ") & {*slug_of(name)}


def test_a_link_to_a_journey_is_listed_and_taken_back_at_each_of_its_tokens(ada: Program, ben: Visitor) -> None:
    """And handed out there: the page of one step alone would lead nowhere."""
    journey, somebody = a_journey(), f"{unique('ben')}@example.com"
    first, second = (step(ada, journey, index, approvers=[somebody], notify=False) for index in (1, 2))
    made = ada.post(f"{first.path}/links", json={"recipient": somebody}).json()
    assert "/journeys/" in made["url"]
    assert 200 == ben.open(made["url"].removeprefix(ben.house.url)).status_code

    (listed,) = ada.get(f"{second.path}/links").json()["data"]
    assert (made["id"], somebody) == (listed["id"], listed["recipient"])
    assert 200 == ada.post(f"{second.path}/links/{made['id']}/revoke").status_code

    assert "revokedAt" in ada.get(f"{first.path}/links").json()["data"][0]
    assert 410 == ben.open(made["url"].removeprefix(ben.house.url)).status_code


def test_a_link_to_a_journey_ends_with_its_time(house: House, ada: Program, ben: Visitor) -> None:
    journey = a_journey()
    address = at(house, step(ada, journey, 1).journey)
    assert 200 == ben.open(address).status_code

    house.write(_let_run_out, journey)

    assert 410 == ben.open(address).status_code


def _let_run_out(db: Unit, journey: str) -> None:
    table = table_of(LinkRow)
    db.execute(update(table).where(table.c.subject == journey).values(expires_at=db.now))
