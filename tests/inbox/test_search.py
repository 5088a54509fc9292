"""What an inbox finds: the right requests, in the right order, whoever looks."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import insert, text

from app.access.principals import Person
from app.database import Unit
from app.database.tables import table_of
from app.inbox import search as searching
from app.inbox.asked import is_asked, may_see
from app.inbox.filters import Filters, Place, filters_of
from app.inbox.search import reach_of, search
from app.inbox.views import inbox_view
from app.people import groups, people
from app.people.models import GroupMemberRow, GroupRow
from tests.inbox.conftest import COMMAND, Asked, ask
from tests.makers import UNKNOWN_ID, House, Program, unique
from tests.statements import number_asked

FOR_YOU, GROUPS, ALL = "", "groups", "all"


def test_an_inbox_has_what_one_is_asked(house: House, newcomer: Program, mia: Asked, max_: Asked) -> None:
    """By name and through a group; what others are asked, and what everybody is, is no business of an approver's."""
    by_name, by_group = ask(newcomer, mia.email), ask(newcomer, f"group:{mia.group}")
    both = ask(newcomer, mia.email, f"group:{mia.group}")
    others, anybodys = ask(newcomer, max_.email), ask(newcomer)
    newcomer.make_token()

    assert {by_name.id, by_group.id, both.id} == {*mia.ids()}
    assert {by_group.id, both.id} == {*mia.ids(scope=GROUPS)}
    assert [] == mia.ids(scope=ALL)
    assert (3, 2, 0) == (mia.count(), mia.count(scope=GROUPS), mia.count(scope=ALL))
    everything = {by_name.id, by_group.id, both.id, others.id, anybodys.id}
    slug = slug_of(house, newcomer)
    assert everything == {*max_.ids(scope=ALL, environment=slug)}
    assert [others.id] == max_.ids()


def test_what_one_may_not_answer_oneself_waits_for_the_others(house: House, newcomer: Program, mia: Asked) -> None:
    """It is the group's, and counted there; not among what waits for oneself, and no open inbox says that it came."""
    own: Any = {"requester": mia.email, "selfApproval": False}
    theirs = ask(newcomer, f"group:{mia.group}", **own)
    hers = ask(newcomer, f"group:{mia.group}", requester=mia.email)

    assert ([hers.id], 1) == (mia.ids(), mia.count())
    assert {theirs.id, hers.id} == {*mia.ids(scope=GROUPS)}

    def told(db: Unit) -> list[str]:
        entries = searching.entries_of(db, reach_of(db, mia.person_for(db)), Filters(), [theirs.id, hers.id])
        return [entry.token_id for entry in entries]

    assert [hers.id] == house.read(told)
    newcomer.complete(hers, {"approved": True})
    newcomer.cancel(theirs)
    assert {theirs.id, hers.id} == {*mia.ids(status="answered")}


def slug_of(house: House, program: Program) -> str:
    return str(
        house.read(
            lambda db: db.execute(
                text("SELECT slug FROM environments WHERE id = :id"), {"id": program.environment_id}
            ).scalar_one()
        )
    )


def test_the_most_urgent_comes_first_and_the_latest_answer(house: House, newcomer: Program, mia: Asked) -> None:
    """By deadline while they wait, those without one last; by their end once they are settled."""
    late, never, soon = (
        ask(newcomer, mia.email, timeout="2h"),
        newcomer.make_token(timeout=None, request={"approvers": [mia.email]}),
        ask(newcomer, mia.email, timeout="5m"),
    )
    assert [soon.id, late.id, never.id] == mia.ids()

    newcomer.complete(never, {"approved": True})
    house.clock.move(seconds=1)
    newcomer.cancel(soon)

    assert [late.id] == mia.ids()
    assert [soon.id, never.id] == mia.ids(status="answered")


def test_a_request_leaves_the_inbox_with_its_deadline(house: House, newcomer: Program, mia: Asked) -> None:
    """To the millisecond, whether or not the sweeper has come by."""
    token = ask(newcomer, mia.email, timeout="5m")
    house.clock.move(minutes=5)

    assert [] == mia.ids()
    assert 0 == mia.count()
    house.sweep()
    assert [token.id] == mia.ids(status="answered")


def test_groups_count_as_they_are_now(house: House, newcomer: Program, mia: Asked) -> None:
    """Whoever joins a group has what it is asked; whoever leaves it has not."""
    slug = "g" + unique()
    house.write(groups.add, slug, "Legal", COMMAND)
    token = ask(newcomer, f"group:{slug}")
    assert [] == mia.ids()

    house.write(groups.join, slug, mia.person.id, COMMAND)
    assert [token.id] == mia.ids(scope=GROUPS)
    assert house.read(is_asked, mia.person, token.id)

    house.write(groups.leave, slug, mia.person.id, COMMAND)
    assert [] == mia.ids()
    assert not house.read(is_asked, mia.person, token.id)


def test_an_amended_request_moves_to_those_who_are_asked_now(
    house: House, newcomer: Program, mia: Asked, max_: Asked
) -> None:
    token = ask(newcomer, mia.email)

    answer = newcomer.ask("PATCH", f"{token.path}/request", json={"title": "Now?", "approvers": [max_.email]})

    assert 200 == answer.status_code, answer.text
    assert ([], [token.id]) == (mia.ids(), max_.ids())


def test_a_word_is_looked_for_in_title_id_tags_and_requester(newcomer: Program, mia: Asked) -> None:
    """In any letter case, umlauts too; tags are exact, and any of them does."""
    sale = ask(newcomer, mia.email, title="ÖFFNEN wir früher?", tags=["refund"], requester="Zoë")
    other = ask(newcomer, mia.email, title="Anything else", tags=["eu", "refunds"], timeout="2h")

    assert [sale.id] == mia.ids(q="öffnen")
    assert [sale.id] == mia.ids(q="ZOË")
    assert [sale.id, other.id] == mia.ids(q="refund")
    assert [other.id] == mia.ids(q=other.id[10:])
    assert [] == mia.ids(q="%")
    assert [sale.id] == mia.ids(tags=("refund",))
    assert [sale.id, other.id] == mia.ids(tags=("refund", "eu"))
    assert [sale.id] == mia.ids(due="90m")


def test_pages_follow_each_other_without_a_gap(newcomer: Program, mia: Asked) -> None:
    """Onwards and back, also where many have the same deadline, and where a word is looked for."""
    tokens = [ask(newcomer, mia.email, timeout="1h", tags=["even"] if n % 2 else ["odd"]) for n in range(60)]

    for filters in ({}, {"q": "publish"}, {"tags": ("even",)}):
        pages: list[list[str]] = []
        after = ""
        while not pages or after:
            page = mia.page(after=after, **filters)
            pages.append([entry.token_id for entry in page.entries])
            after = str(page.next) if page.next else ""
        expected = [token.id for n, token in enumerate(tokens) if "tags" not in filters or n % 2]
        assert expected == [token_id for ids in pages for token_id in ids]

        back, before = [pages[-1]], mia.page(after=str(mia.page(**filters).next), **filters).previous
        assert before is not None
        assert pages[0] == [entry.token_id for entry in mia.page(before=str(before), **filters).entries]
        assert back


def test_a_search_that_looks_at_too_many_says_so(house: House, newcomer: Program, mia: Asked, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """And goes on from where it stopped."""
    monkeypatch.setattr(searching, "_CHUNK", 2)
    monkeypatch.setattr(searching, "_MOST_READ", 4)
    for _ in range(5):
        ask(newcomer, mia.email)
    wanted = ask(newcomer, mia.email, title="The needle", timeout="2h")

    first = mia.page(q="needle")
    second = mia.page(q="needle", after=str(first.next))

    assert (True, []) == (first.is_cut, first.entries)
    assert [wanted.id] == [entry.token_id for entry in second.entries]


def test_a_search_reads_each_range_as_far_as_it_is_walked(
    house: House, newcomer: Program, mia: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking further does not begin anew in every group."""
    monkeypatch.setattr(searching, "_CHUNK", 10)
    slugs = ["g" + unique() for _ in range(4)]

    def join_them(db: Unit) -> None:
        for slug in slugs:
            groups.add(db, slug, "Editors", COMMAND)
            groups.join(db, slug, mia.person_for(db).id, COMMAND)

    house.write(join_them)
    for number in range(60):
        ask(newcomer, f"group:{slugs[number % 2]}", timeout=f"{number + 1}m")
    wanted = ask(newcomer, mia.email, title="The needle", timeout="3h")

    def asked(db: Unit) -> int:
        return number_asked(db, search, reach_of(db, mia.person_for(db)), Filters(q="needle"))

    assert [wanted.id] == mia.ids(q="needle")
    names, with_more_than_a_page, tens_of_rows = 6, 2, 7
    assert names + with_more_than_a_page + tens_of_rows == house.read(asked)


def test_who_may_see_a_question(house: House, newcomer: Program, mia: Asked, max_: Asked) -> None:
    """Whoever is asked, and the members of its environment."""
    theirs, anybodys = ask(newcomer, mia.email), ask(newcomer)

    def seen(person: Person, token_id: str) -> bool:
        return house.read(may_see, person, token_id, newcomer.environment_id)

    assert [True, False] == [seen(mia.person, theirs.id), seen(mia.person, anybodys.id)]
    assert [True, True] == [seen(max_.person, theirs.id), seen(max_.person, anybodys.id)]
    house.write(people.change_role_in, max_.person.id, newcomer.environment_id, "approver", COMMAND)
    assert [False, False] == [seen(max_.person, theirs.id), seen(max_.person, anybodys.id)]


def test_an_inbox_asks_the_same_however_many_environments_there_are(
    house: House, newcomer: Program, mia: Asked, max_: Asked
) -> None:
    """A range for each environment was more than SQLite takes, and more than PostgreSQL could plan in time."""
    token = ask(newcomer, mia.email, f"group:{mia.group}")

    def asked(db: Unit, who: Asked, scope: str) -> int:
        return number_asked(db, inbox_view, who.person_for(db), Filters(scope=scope))

    looks = ((mia, FOR_YOU), (mia, GROUPS), (max_, ALL))
    before = [house.read(asked, who, scope) for who, scope in looks]
    for _ in range(20):
        house.make_environment()

    assert before == [house.read(asked, who, scope) for who, scope in looks]
    assert [token.id] == mia.ids()


def test_whoever_is_in_very_many_groups_has_an_inbox(house: House, newcomer: Program, mia: Asked) -> None:
    """More than the terms that SQLite joins in one statement."""
    slugs = ["g" + unique() for _ in range(520)]
    last = slugs[-1]

    def join_many(db: Unit) -> None:
        db.execute(
            insert(table_of(GroupRow)), [{"slug": slug, "name": "Editors", "created_at": db.now} for slug in slugs]
        )
        person_id = mia.person_for(db).id
        db.execute(insert(table_of(GroupMemberRow)), [{"group_slug": slug, "person_id": person_id} for slug in slugs])

    house.write(join_many)
    token = ask(newcomer, f"group:{last}", f"group:{mia.group}")

    assert ([token.id], 1) == (mia.ids(scope=GROUPS), mia.count())
    assert 200 == mia.open().status_code
    newcomer.complete(token, {"approved": True})
    assert [token.id] == mia.ids(status="answered")


def test_nothing_is_sorted_or_read_through(house: House, newcomer: Program, mia: Asked, max_: Asked) -> None:
    """Every list and every number is a range of an index, on both databases: EXPLAIN says so."""

    def explained(db: Unit, who: Asked, filters: Filters, place: Place | None) -> str:
        if house.is_postgresql:
            db.execute(text("SET LOCAL enable_seqscan = off"))
            db.execute(text("SET LOCAL enable_sort = off"))
        plans = []
        ascending = filters.is_waiting
        reach = reach_of(db, who.person_for(db))
        ranges, whose = searching._ranges(reach, filters, db.now, ascending=ascending)
        there = {} if place is None else msgspec.structs.asdict(place)
        statements = [each.whole if place is None else each.behind for each in ranges]
        for statement in (each.params(**who, **there, number=26) for each in statements for who in whose):
            prefix = "EXPLAIN " if house.is_postgresql else "EXPLAIN QUERY PLAN "
            compiled = statement.compile(db.connection, compile_kwargs={"literal_binds": True})
            plans += [
                str(tuple(row)) for row in db.connection.exec_driver_sql(prefix + str(compiled).replace("%", "%%"))
            ]
        return "\n".join(plans)

    people_and_filters = [
        (mia, Filters()),
        (mia, Filters(status="answered")),
        (mia, Filters(scope=GROUPS)),
        (max_, Filters(scope=ALL)),
        (max_, Filters(scope=ALL, environment=slug_of(house, newcomer))),
    ]
    for who, filters in people_and_filters:
        for place in (None, Place(house.clock.now(), UNKNOWN_ID)):
            plan = house.write(explained, who, filters, place)  # in a transaction, which the settings are for
            assert "inbox" in plan, plan
            assert "TEMP B-TREE" not in plan, plan
            assert "Sort" not in plan, plan
            assert "SCAN" not in plan, plan


def test_filters_that_mean_nothing_are_left_aside() -> None:
    """An address may be mistyped or invented."""
    bad = {
        "scope": "mine",
        "status": "x",
        "after": "1-waitpoint_x",
        "before": "9999999999999999-waitpoint_" + "0" * 36,
        "due": "soon",
        "q": "a\x00b" + "x" * 500,
        "tags": ",,a,a,",
    }

    filters = filters_of(bad)

    assert ("", "", "", "", "") == (filters.scope, filters.status, filters.after, filters.before, filters.due)
    assert ("a",) == filters.tags
    assert 200 == len(filters.q)
    assert "\x00" not in filters.q
    good = filters_of({"scope": "all", "after": "5-waitpoint_" + "0" * 36, "due": "1h"})
    assert good == filters_of(dict(part.split("=") for part in good.url(after=good.after).partition("?")[2].split("&")))
