"""Lists that are short in most places and long in some: every page shows a leaf, and a word finds what is on none."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from app.database import Unit
from app.environments import environments
from app.environments import pages as environment_pages
from app.pages import leafing
from app.pages.leafing import SIZE, Leaf, leaf_of
from app.people import groups, people
from app.tokens.models import By
from tests.makers import House, Program, unique
from tests.pages.conftest import Visitor, text_of
from tests.statements import number_asked

NAMES = [f"Name {number:03d}" for number in range(2 * SIZE + 7)]
BY = By(kind="system", door="command")


def leaf_at(url: str | None, **more: Any) -> Leaf[str]:
    query = dict(parse_qsl(urlsplit(url or "").query))
    return leaf_of(NAMES, "/names", query, key=lambda name: name, says=lambda name: name, **more)


def test_leaves_follow_each_other_without_a_gap() -> None:
    """Onwards and back; the first one needs no words in its address."""
    first = leaf_at("/names")
    second = leaf_at(first.next_url)
    third = leaf_at(second.next_url)

    assert NAMES == [*first.shown, *second.shown, *third.shown]
    assert (None, None) == (first.previous_url, third.next_url)
    assert second == leaf_at(third.previous_url)
    assert "/names" == second.previous_url
    assert "101 to 107 of 107" == third.words


def test_a_word_is_looked_for_on_all_leaves() -> None:
    """In any letter case; what was found is leafed through, too."""
    (found,) = leaf_at("/names?q=nAME+104").shown

    assert "Name 104" == found
    assert leaf_at("/names?q=name").next_url is not None
    assert ([], "Nothing here matches") == (leaf_at("/names?q=nobody").shown, leaf_at("/names?q=nobody").words)


def test_the_leaf_that_holds_something_is_shown() -> None:
    """Also where the address looks for another; what is gone is on the first."""
    assert "Name 106" in leaf_at("/names?q=001", holding="Name 106").shown
    assert "Name 000" in leaf_at("/names?at=gone").shown


@pytest.mark.parametrize("path", ["/people", "/groups", "/settings/environments", "/groups/{group}", "{links}"])
def test_a_page_shows_a_leaf_of_however_many(house: House, desk: Visitor, ada: Program, path: str) -> None:
    """People, groups, environments, the people of a group, the links to a token."""
    group, marked = unique("g"), unique("zz")
    token = ada.make_token(timeout="1h", request={"title": "?"})
    house.write(fill, group, marked)
    for number in range(4):
        ada.post(f"{token.path}/links", json={"recipient": f"{marked if number == 3 else unique()}@example.com"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leafing, "SIZE", 3)
        path = path.format(group=group, links=f"/tokens/{token.id}/links")

        first, found = desk.open(path), desk.open(f"{path}?q={marked.upper()}")

    assert "1 to 3 of" in text_of(first)
    assert marked in text_of(found)
    assert "1 to 1 of 1" in text_of(found)
    assert 'rel="next">More' in first.text


def fill(db: Unit, group: str, marked: str) -> None:
    """A group of five people, and others of everything; one of each comes late and is marked."""
    groups.add(db, group, "Group", BY)
    for name in [*(f"a{number}" for number in range(4)), marked]:
        groups.add(db, f"{name}-{group}", f"{name} {group}", BY)
        person = people.add(db, f"{name}-{group}@example.com", f"{name} {group}", "approver")
        groups.join(db, group, person.id, BY)
        environments.ensure(db, f"{name}{group}"[:20], f"{name} {group}")


def test_the_keys_of_a_leaf_of_environments_are_read_together(house: House) -> None:
    """The page asks no more where there are more environments."""
    before = house.read(number_asked, environment_pages._leaf, {}, "")
    house.make_environment()

    assert before == house.read(number_asked, environment_pages._leaf, {}, "")
