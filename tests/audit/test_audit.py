"""The audit log: who, what, when, by which door and how that is known; on a page and as a file."""

import csv
import io
import re
from typing import Any

import pytest
from sqlalchemy import text

from app.audit import search
from app.audit.search import Page, Wanted
from app.database import Unit
from app.people import people, sign_in
from app.people.people import Profile
from app.tokens.models import By
from tests.makers import House, Program, house, newcomer, unique
from tests.pages.conftest import text_of

__all__ = ["house", "newcomer"]


class Desk:
    """Somebody at the desk."""

    def __init__(self, house: House, role: str = "member") -> None:
        self.house = house
        self.profile: Profile = house.write(people.add, f"{unique()}@example.com", "Mia", role)
        self.cookie = f"waitpoint={house.write(sign_in.begin, self.profile.id).cookie}"

    def open(self, path: str) -> Any:
        return self.house.client.get(path, headers={"cookie": self.cookie})

    def send(self, path: str, **fields: str) -> Any:
        ours = {"cookie": self.cookie, "origin": self.house.url, "sec-fetch-site": "same-origin"}
        return self.house.client.post(path, headers=ours, data=fields)


@pytest.fixture
def mia(house: House) -> Desk:
    return Desk(house)


def found(house: House, environment_id: str, **wanted: Any) -> list[str]:
    page: Page = house.read(lambda db: search.page(db, Wanted(environment_id=environment_id, **wanted)))
    return [entry.kind for entry in page.entries]


def test_who_by_which_door_and_how_it_is_known(house: House, newcomer: Program, mia: Desk) -> None:
    """A person who had signed in, a program, and the holder of a secret, each by their own door."""
    by_mia, by_key, by_form = (newcomer.make_token(timeout="1h") for _ in range(3))
    mia.send(f"/tokens/{by_mia.id}/completion", decision="approve")
    newcomer.complete(by_key, {})
    house.program(by_form.public_access_token).complete(by_form, {})

    page: Page = house.read(
        lambda db: search.page(db, Wanted(environment_id=newcomer.environment_id, kinds=("token.completed",)))
    )

    told = {entry.subject: (entry.who, entry.way, entry.door) for entry in page.entries}
    assert (f"Mia ({mia.profile.email})", "verified", "page") == told[by_mia.id]
    assert ("a full key" in told[by_key.id][0], *told[by_key.id][1:]) == (True, "program", "rest")
    assert ("secret", "rest") == told[by_form.id][1:]


def test_whatever_somebody_calls_themselves_they_are_told_with_their_address(
    house: House, newcomer: Program, mia: Desk
) -> None:
    """On the page of the token and in the export."""
    token = newcomer.make_token(timeout="1h")
    mia.send("/profile", name="Ben Boss")
    mia.send(f"/tokens/{token.id}/completion", decision="approve")
    owner = Desk(house, "owner")
    slug = house.read(
        lambda db: db.execute(
            text("SELECT slug FROM environments WHERE id = :id"), {"id": newcomer.environment_id}
        ).scalar_one()
    )

    exported = owner.open(f"/audit/export/json?environment={slug}&what=decisions").json()
    page = text_of(owner.open(f"/tokens/{token.id}"))

    told = f"Ben Boss ({mia.profile.email})"
    assert [told] == [entry["who"] for entry in exported]
    assert f"by {told}" in page


def test_filters_narrow_the_log(house: House, newcomer: Program, mia: Desk) -> None:
    """By what, by whom, by how it is known, by door and by time."""
    here = newcomer.environment_id
    tokens = [newcomer.make_token(timeout="1h") for _ in range(3)]
    mia.send(f"/tokens/{tokens[0].id}/completion", decision="approve")
    newcomer.cancel(tokens[1])

    assert ["token.completed"] == found(house, here, who=(mia.profile.id,))
    assert ["token.completed"] == found(house, here, ways=("verified", "link"))
    assert ["token.completed"] == found(house, here, by="mia")
    assert ["token.cancelled", "token.completed"] == found(house, here, kinds=("token.completed", "token.cancelled"))
    assert ["token.cancelled"] + ["token.created"] * 3 == found(house, here, door="rest")
    assert ["api_key.created", "environment.created"] == found(house, here, kinds=("api_key.", "environment."))
    house.clock.move(hours=2)
    assert [] == found(house, here, since=house.clock.now())


def test_pages_follow_each_other_without_a_gap(
    house: House, newcomer: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Onwards and back, also where much is looked through for little."""
    monkeypatch.setattr(search, "SIZE", 3)
    monkeypatch.setattr(search, "_CHUNK", 2)
    tokens = [newcomer.make_token() for _ in range(8)]
    wanted = Wanted(environment_id=newcomer.environment_id, kinds=("token.created",))

    def page(**place: Any) -> Page:
        return house.read(lambda db: search.page(db, wanted, **place))

    first = page()
    second = page(after=first.older)
    third = page(after=second.older)
    subjects = [entry.subject for each in (first, second, third) for entry in each.entries]
    assert [token.id for token in reversed(tokens)] == subjects
    assert (None, None) == (first.newer, third.older)
    assert second.entries == page(before=third.newer).entries
    assert first.entries == page(before=second.newer).entries


def test_a_search_that_looks_at_too_many_says_so(
    house: House, newcomer: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And goes on from where it stopped."""
    monkeypatch.setattr(search, "_CHUNK", 2)
    monkeypatch.setattr(search, "_MOST_READ", 4)
    for _ in range(6):
        newcomer.make_token()
    wanted = Wanted(environment_id=newcomer.environment_id, kinds=("environment.",))

    first: Page = house.read(lambda db: search.page(db, wanted))
    assert (True, []) == (first.is_cut, first.entries)
    place, looks = first.older, 1
    while True:
        page: Page = house.read(lambda db: search.page(db, wanted, after=place))  # noqa: B023 - called at once
        looks += 1
        if page.entries:
            break
        place = page.older
    assert ["environment.created"] == [entry.kind for entry in page.entries]
    assert looks > 1


def test_a_member_sees_their_environments_and_an_owner_the_people_too(
    house: House, newcomer: Program, mia: Desk
) -> None:
    """Another environment's entries are nowhere; who was invited and disabled is for owners."""
    newcomer.make_token()
    owner = Desk(house, "owner")
    slug = house.read(
        lambda db: db.execute(
            text("SELECT slug FROM environments WHERE id = :id"), {"id": newcomer.environment_id}
        ).scalar_one()
    )
    approver = Desk(house, "approver")
    house.write(people.change_role_in, approver.profile.id, house.prod.id, "member", By(kind="system", door="command"))

    assert 403 == Desk(house, "approver").open("/audit").status_code
    assert "Person added" not in mia.open(f"/audit?environment={slug}").text
    assert "Person added" in owner.open(f"/audit?environment={slug}&what=people").text
    theirs = approver.open(f"/audit?environment={slug}").text
    assert newcomer.environment_id not in theirs
    assert "Created" in mia.open(f"/audit?environment={slug}").text
    rows = [*csv.DictReader(io.StringIO(approver.open(f"/audit/export/csv?environment={slug}").text))]
    assert {"prod"} >= {row["environment"] for row in rows}


def test_an_export_has_everything_and_no_formula(
    house: House, newcomer: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In both forms, however many stretches it is written in. A spreadsheet runs nothing of it."""
    monkeypatch.setattr(search, "_CHUNK", 2)
    owner = Desk(house, "owner")
    names = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1", "plain, with a comma", 'a "quote"\nand a line']
    for name in names:
        house.write(
            lambda db, name=name: db.record(
                "token.created",
                name,
                environment_id=newcomer.environment_id,
                actor=By(kind="api_key", door="rest", name=name),
            )
        )
    slug = house.read(
        lambda db: db.execute(
            text("SELECT slug FROM environments WHERE id = :id"), {"id": newcomer.environment_id}
        ).scalar_one()
    )
    query = f"environment={slug}&what="

    as_csv = owner.open(f"/audit/export/csv?{query}&door=rest")
    as_json = owner.open(f"/audit/export/json?{query}&door=rest")

    rows = [*csv.DictReader(io.StringIO(as_csv.text))]
    assert [*reversed([name if name[0] in "pa" else f"'{name}" for name in names])] == [row["subject"] for row in rows]
    assert {"program"} == {row["known_by"] for row in rows}
    assert [*reversed(names)] == [entry["subject"] for entry in as_json.json()]
    assert re.fullmatch(
        r'attachment; filename="waitpoint-\w+-\d{4}-\d\d-\d\d\.csv"', as_csv.headers["content-disposition"]
    )
    assert "text/csv; charset=utf-8" == as_csv.headers["content-type"]
    assert [] == owner.open(f"/audit/export/json?environment={slug}&door=deadline").json()
    assert 404 == owner.open("/audit/export/xml").status_code


def test_what_people_did_is_a_range_of_an_index(house: House, newcomer: Program) -> None:
    """However much programs do: EXPLAIN says so on both databases."""

    def explained(db: Unit, wanted: Wanted) -> str:
        if house.is_postgresql:
            db.execute(text("SET LOCAL enable_seqscan = off"))  # in a transaction, so with the writer
            db.execute(text("SET LOCAL enable_sort = off"))
        plans = []
        for branch in search._branches(wanted):
            statement = branch.where(search._events.c.seq < 10**9).order_by(search._events.c.seq.desc()).limit(50)
            compiled = str(statement.compile(db.connection, compile_kwargs={"literal_binds": True})).replace("%", "%%")
            prefix = "EXPLAIN " if house.is_postgresql else "EXPLAIN QUERY PLAN "
            plans += [str(tuple(row)) for row in db.connection.exec_driver_sql(prefix + compiled)]
        return "\n".join(plans)

    by_person = house.write(explained, Wanted(environment_id="env_1", who=("person_1", "mia@example.com")))
    by_people = house.write(explained, Wanted(environment_id="env_1", ways=("verified",)))
    by_all = house.write(explained, Wanted(environment_id="env_1"))
    assert "ix_events_who" in by_person
    assert "ix_events_people" in by_people
    for plan in (by_person, by_people, by_all):
        assert "TEMP B-TREE" not in plan, plan
        assert "Sort" not in plan, plan


def test_the_log_says_what_it_was_about(house: House, newcomer: Program) -> None:
    """The question and not its id, the journey and not its subject, a name and not a key."""
    owner, mia = Desk(house, "owner"), Desk(house)
    slug = house.read(
        lambda db: db.execute(
            text("SELECT slug FROM environments WHERE id = :id"), {"id": newcomer.environment_id}
        ).scalar_one()
    )
    token = newcomer.make_token(request={"title": f"Your company, {slug}?", "journey": f"onboarding:{slug}"})
    newcomer.cancel(token)

    here = text_of(owner.open(f"/audit?environment={slug}&what="))
    about_people = text_of(owner.open(f"/audit?environment={slug}&what=people&by={mia.profile.email}"))

    assert f"Journey onboarding:{slug} went on Your company, {slug}? " in here
    assert f"Created Your company, {slug}? " in here
    assert f"Withdrawn Your company, {slug}? " in here
    assert "journey:env_" not in here
    assert f"Environment {slug} made" in here
    assert mia.profile.id not in about_people
    assert f"Signed in Mia Mia ({mia.profile.email}) signed in" in about_people


def test_nothing_is_said_twice_of_what_waitpoint_did(house: House) -> None:
    """Who did it says how that is known; and no column is a label without a word."""
    owner = Desk(house, "owner")
    house.write(people.add, f"{unique()}@example.com", "Mia", "member")

    page = owner.open("/audit?what=people&way=system").text

    assert 'data-label="Who">Waitpoint</td>' in page
    assert 'data-label="Known by">Waitpoint' not in page
    assert 'data-label="Door"></td>' not in page
