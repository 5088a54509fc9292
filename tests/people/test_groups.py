"""Groups: people who are asked together."""

from app.people import groups, people
from app.people.people import Profile
from app.tokens.models import By
from tests.makers import House, unique

ADA = By(kind="person", door="page", id="person_ada", name="Ada")


def made_person(house: House) -> Profile:
    return house.write(people.add, f"{unique()}@example.com", "Mia", "approver")


def made_group(house: House, *members: Profile) -> str:
    slug = "g" + unique()
    assert house.write(groups.add, slug, "Editors", ADA)
    for person in members:
        assert house.write(groups.join, slug, person.id, ADA)
    return slug


def test_a_group_has_the_people_who_joined_it(house: House) -> None:
    """The first first, and each knows their groups."""
    mia, tom = made_person(house), made_person(house)

    slug = made_group(house, tom, mia)
    other = made_group(house, mia)

    assert [mia, tom] == house.read(groups.members, slug)
    assert sorted([slug, other]) == house.read(groups.groups_of, mia.id)
    assert [slug] == house.read(groups.groups_of, tom.id)
    assert house.read(groups.find, slug) == groups.Group(slug, "Editors")


def test_everything_about_groups_can_be_done_twice(house: House) -> None:
    """The second time nothing changes, and the answer says so."""
    mia = made_person(house)
    slug = made_group(house, mia)

    assert [False, False] == [
        house.write(groups.add, slug, "Others", ADA),
        house.write(groups.join, slug, mia.id, ADA),
    ]
    assert [True, False] == [house.write(groups.leave, slug, mia.id, ADA) for _ in range(2)]
    assert [] == house.read(groups.members, slug)
    assert [True, False] == [house.write(groups.remove, slug, ADA) for _ in range(2)]
    assert house.read(groups.find, slug) is None


def test_a_group_that_is_removed_leaves_its_people(house: House) -> None:
    """They are in no group then, and a new group of that name begins empty."""
    mia = made_person(house)
    slug = made_group(house, mia)

    house.write(groups.remove, slug, ADA)
    house.write(groups.add, slug, "Editors again", ADA)

    assert house.read(people.get, mia.id) == mia
    assert [] == house.read(groups.groups_of, mia.id)
    assert [] == house.read(groups.members, slug)


def test_an_unknown_group_is_empty(house: House) -> None:
    assert [] == house.read(groups.members, unique())
    assert [] == house.read(groups.groups_of, unique("person_"))


def test_a_group_is_called_by_small_letters_digits_and_hyphens() -> None:
    """So that `group:<slug>` reads the same everywhere."""
    good, bad = ["editors", "e", "legal-2", "a" * 40], ["", "Editors", "2nd", "a b", "é", "a" * 41, "a:b", "a\n"]

    assert [True] * len(good) + [False] * len(bad) == [groups.is_slug(text) for text in good + bad]
