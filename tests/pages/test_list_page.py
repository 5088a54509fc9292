"""The list of tokens, as seen at the desk."""

import re
from urllib.parse import parse_qs, urlsplit

from tests.makers import House, Program
from tests.pages.conftest import Visitor, text_of


def rows_in(html: str) -> list[str]:
    return re.findall(r'<li class="row token-row[^"]*" id="token_([^"]+)"', html)


def where(program: Program, house: House) -> str:
    """The query that looks at a program's environment."""
    environment = house.read(_slug_of, program.environment_id)
    return f"environment={environment}"


def _slug_of(db: object, environment_id: str) -> str:
    from app.environments import environments  # noqa: PLC0415

    found = environments.get(db, environment_id)  # type: ignore[arg-type]
    assert found is not None
    return found.slug


def test_it_shows_the_newest_first(house: House, desk: Visitor, newcomer: Program) -> None:
    """Waiting and settled tokens stand together, each with its own word."""
    first, second = newcomer.make_token(tags=["a"]), newcomer.make_token()
    newcomer.complete(first, {"approved": True})

    page = desk.open(f"/tokens?{where(newcomer, house)}")

    assert page.status_code == 200
    assert rows_in(page.text) == [second.id, first.id]
    assert "Completed" in text_of(page)
    assert "Waiting" in text_of(page)


def test_a_token_is_called_by_what_it_asks(house: House, desk: Visitor, newcomer: Program) -> None:
    """Its id says nothing to a person; one that asks nothing has no other name."""
    asking, plain = newcomer.make_token(request={"title": "Refund <b>?"}), newcomer.make_token()

    page = desk.open(f"/tokens?{where(newcomer, house)}").text

    assert f'href="/tokens/{asking.id}">Refund &lt;b&gt;?</a>' in page
    assert f'class="row-link token-id" href="/tokens/{plain.id}"' in page


def test_filters_narrow_the_list(house: House, desk: Visitor, newcomer: Program) -> None:
    """Status, tags, id, key and period, alone and together, from the URL; each has a chip that takes it away."""
    a = newcomer.make_token(tags=["red", "large"])
    b = newcomer.make_token(tags=["blue"], idempotencyKey="order-1")
    c = newcomer.make_token(tags=["red"])
    newcomer.complete(c, 1)
    here = where(newcomer, house)

    assert rows_in(desk.open(f"/tokens?{here}&status=waiting").text) == [b.id, a.id]
    assert rows_in(desk.open(f"/tokens?{here}&status=completed").text) == [c.id]
    assert rows_in(desk.open(f"/tokens?{here}&tags=blue,large").text) == [b.id, a.id]
    assert rows_in(desk.open(f"/tokens?{here}&tags=red&status=completed").text) == [c.id]
    assert rows_in(desk.open(f"/tokens?{here}&key=order-1").text) == [b.id]
    assert rows_in(desk.open(f"/tokens?{here}&id={a.id.removeprefix('waitpoint_')}").text) == [a.id]
    assert len(rows_in(desk.open(f"/tokens?{here}&period=1h").text)) == 3

    page = desk.open(f"/tokens?{here}&tags=red&period=1h")
    chips = re.findall(r'<a class="chip chip--filter" href="([^"]+)"', page.text)
    assert [parse_qs(urlsplit(chip.replace("&amp;", "&")).query).get("tags") for chip in chips] == [None, ["red"]]


def test_values_that_mean_nothing_are_left_aside(house: House, desk: Visitor, newcomer: Program) -> None:
    """A mistyped URL shows the list, not an error."""
    token = newcomer.make_token()

    page = desk.open(
        f"/tokens?{where(newcomer, house)}&status=maybe&period=soon&after=x&before=%00&key=%00&tags=%00&size=7"
    )

    assert page.status_code == 200
    assert rows_in(page.text) == [token.id]


def test_pages_lead_there_and_back(house: House, desk: Visitor, newcomer: Program) -> None:
    """Older and newer meet without a gap or a repeat."""
    made = [newcomer.make_token().id for _ in range(30)][::-1]

    first = desk.open(f"/tokens?{where(newcomer, house)}")
    older = re.search(r'href="([^"]+)" rel="next"', first.text)
    assert older is not None
    second = desk.open(older[1].replace("&amp;", "&"))
    newer = re.search(r'href="([^"]+)" rel="prev"', second.text)
    assert newer is not None
    back = desk.open(newer[1].replace("&amp;", "&"))

    assert rows_in(first.text) == made[:25]
    assert rows_in(second.text) == made[25:]
    assert rows_in(back.text) == made[:25]


def test_empty_lists_say_why(house: House, desk: Visitor, newcomer: Program) -> None:
    """Nothing yet, nothing that matches, nothing of this status: three different things."""
    here = where(newcomer, house)

    nothing = desk.open(f"/tokens?{here}")
    assert "No tokens yet" in text_of(nothing)
    assert f"curl {house.url}/api/v1/waitpoints/tokens" in text_of(nothing)

    newcomer.complete(newcomer.make_token(), 1)
    assert "No token matches" in text_of(desk.open(f"/tokens?{here}&tags=none"))
    assert "Nothing is waiting" in text_of(desk.open(f"/tokens?{here}&status=waiting"))


def test_numbers_stand_at_the_tabs(house: House, desk: Visitor, newcomer: Program) -> None:
    """Each status with how many there are; the number waiting beside the menu, too."""
    for _ in range(3):
        newcomer.make_token()
    newcomer.cancel(newcomer.make_token())

    page = desk.open(f"/tokens?{where(newcomer, house)}")

    tabs = re.findall(r'>(All|Waiting|Completed|Timed out)(?: <span class="count">([^<]+)</span>)?</a>', page.text)
    assert tabs == [("All", ""), ("Waiting", "3"), ("Completed", "0"), ("Timed out", "1")]
    assert '<span id="waiting_count" class="count">3<' in page.text


def test_environments_are_separate_worlds(desk: Visitor, ada: Program, cleo: Program) -> None:
    """The list of one environment holds nothing of another."""
    adas, cleos = ada.make_token(), cleo.make_token()

    dev, prod = desk.open("/tokens?environment=dev"), desk.open("/tokens?environment=prod")

    assert adas.id in dev.text
    assert cleos.id not in dev.text
    assert cleos.id in prod.text
    assert adas.id not in prod.text


def test_nobody_sees_it_without_signing_in(ben: Visitor) -> None:
    """Whoever is signed out is told how to get in."""
    page = ben.open("/tokens")

    assert page.status_code == 401
    assert "waitpoint people link" in text_of(page)
