"""Listing tokens (CONTRACT.md section 1, "List"): every filter alone and together, cursors both ways.

A world of a hundred and forty tokens is made once, and kept beside as plain dictionaries; whatever may be asked,
the server must answer as those do.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.clock import iso, to_milliseconds
from app.database import Unit
from app.tokens.search import DOUBT, Doubt, Page, Search, count, search
from tests.makers import UNKNOWN_ID, House, Program

TAGS = ["a", "A", "b", "user:1", "user:10", "ü", "%", "_", "a b"]
KEYS = ["k1", "K1", "k"]
STATUSES = ["WAITING", "COMPLETED", "TIMED_OUT"]


@dataclass
class World:
    """An environment, and what is in it: dictionaries, newest first."""

    house: House
    program: Program
    tokens: list[dict[str, Any]]

    def __repr__(self) -> str:
        return f"<{len(self.tokens)} tokens>"

    def model(self, **wanted: Any) -> list[str]:
        """What a list must hold, by thinking rather than by asking."""
        return [
            token["id"] for token in self.tokens if all(_MATCHES[name](token, value) for name, value in wanted.items())
        ]


_MATCHES: dict[str, Callable[[dict[str, Any], Any], bool]] = {
    "statuses": lambda token, statuses: not statuses or token["status"] in statuses,
    "tags": lambda token, tags: not tags or bool(set(tags) & set(token["tags"])),
    "idempotency_key": lambda token, key: key is None or token["key"] == key,
    "since": lambda token, since: since is None or token["created_at"] >= since,
    "until": lambda token, until: until is None or token["created_at"] <= until,
}


@pytest.fixture(scope="module")
def world(house: House) -> Iterator[World]:
    """Tokens of every kind; the last ones are overdue and the sweeper has not come by."""
    program = house.newcomer()
    tokens: list[dict[str, Any]] = []
    with house.clock.standing():
        for number in range(140):
            kind = ["WAITING", "COMPLETED", "TIMED_OUT", "CANCELLED", "OVERDUE"][number % 5]
            tags = [tag for position, tag in enumerate(TAGS) if (number >> (position % 7)) % (position + 2) == 0]
            key = KEYS[number % 7] if number % 7 < len(KEYS) and number % 5 == 0 else None
            options = {"idempotencyKey": key, "idempotencyKeyTTL": "1s"} if key else {}
            made = program.make_token(tags=tags, timeout="1s" if kind in {"TIMED_OUT", "OVERDUE"} else "30d", **options)
            tokens.append({"id": made.id, "tags": tags, "key": key, "kind": kind, "created_at": house.clock.now()})
            if kind == "COMPLETED":
                program.complete(made, number)
            if kind == "CANCELLED":
                program.cancel(made)
            if number % 3:
                house.clock.move(milliseconds=700)  # some are made in the same millisecond
            if number == 100:
                house.clock.move(seconds=2)
                house.sweep()
        house.clock.move(seconds=2)
        for token in tokens:
            token["status"] = {"CANCELLED": "TIMED_OUT", "OVERDUE": "TIMED_OUT"}.get(token["kind"], token["kind"])
        tokens.sort(key=lambda token: str(token["id"]), reverse=True)
        yield World(house, program, tokens)


wanted = st.fixed_dictionaries(
    {
        "statuses": st.lists(st.sampled_from(STATUSES), unique=True).map(tuple),
        "tags": st.lists(st.sampled_from([*TAGS, "nobody"]), max_size=4).map(tuple),
        "idempotency_key": st.none() | st.sampled_from([*KEYS, "nobody"]),
        "since": st.none() | st.integers(0, 139),
        "until": st.none() | st.integers(0, 139),
    }
)


@given(wanted=wanted, size=st.sampled_from([1, 2, 10, 25, 100]), shift=st.sampled_from([-1, 0, 1]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_list_is_what_the_model_says(world: World, wanted: dict[str, Any], size: int, shift: int) -> None:
    """All filters together mean all of them; paging forwards and back shows each token once, in the same order."""
    question = _placed(world, wanted, shift)
    expected = world.model(**question)

    environment, size = world.program.environment_id, max(size, len(expected) // 8)

    forwards = world.house.pages(environment, Search(**question, size=size), onwards=True)
    backwards = world.house.pages(environment, Search(**question, size=size, before=UNKNOWN_ID), onwards=False)

    assert expected == [token for page in forwards for token in page]
    assert expected == [token for page in reversed(backwards) for token in page]
    assert len(expected) == world.house.read(count, environment, Search(**question))


def _placed(world: World, wanted: dict[str, Any], shift: int) -> dict[str, Any]:
    """Borders are instants of tokens, or a millisecond beside them."""
    beside = timedelta(milliseconds=shift)
    borders = {
        name: None if wanted[name] is None else world.tokens[wanted[name]]["created_at"] + beside
        for name in ("since", "until")
    }
    return {**wanted, **borders}


def test_what_the_wire_calls_each_filter(world: World) -> None:
    """The names and the forms of the contract, through HTTP."""
    program, some = world.program, world.tokens[100]
    since, until = some["created_at"], world.tokens[50]["created_at"]
    between = world.model(since=since, until=until)

    assert world.model(statuses=["COMPLETED"])[:100] == program.find_ids(status="COMPLETED", size=100)
    assert world.model(statuses=["WAITING", "TIMED_OUT"])[:100] == program.find_ids(
        status="TIMED_OUT,WAITING", size=100
    )
    assert world.model(tags=["a", "user:1"])[:100] == program.find_ids(tags="a,user:1", size=100)
    assert world.model(tags=["ü"])[:100] == program.find_ids(tags="ü", size=100)
    assert world.model(tags=["%"])[:100] == program.find_ids(tags="%", size=100)
    assert world.model(idempotency_key="k1") == program.find_ids(key="k1", size=100)
    assert between == program.find_ids(since=to_milliseconds(since), until=to_milliseconds(until), size=100)
    assert between == program.find_ids(since=iso(since), until=iso(until), size=100)
    assert between == program.find_ids(since=since.astimezone().isoformat(), until=iso(until), size=100)
    assert [] == program.find_ids(tags="nobody")
    assert world.model(statuses=["TIMED_OUT"], tags=["b"], since=since) == program.find_ids(
        status="TIMED_OUT", tags="b", since=to_milliseconds(since), size=100
    )


def test_a_tag_is_exact_and_case_sensitive(world: World) -> None:
    """`a` is not `A`, `user:1` not `user:10`, and `%` and `_` stand for themselves."""
    for tag in TAGS:
        found = world.program.find(tags=tag, size=100).json()["data"]

        assert found
        assert all(tag in token["tags"] for token in found)


@pytest.mark.parametrize(
    ("period", "length"),
    [("1s", 1), ("1m", 60), ("90s", 90), ("1h", 3600), ("24h", 86_400), ("1d", 86_400), ("7d", 604_800),
     ("30d", 2_592_000), ("1w", 604_800), ("1h30m", 5400)],
)  # fmt: skip
def test_a_period_ends_now(world: World, period: str, length: int) -> None:
    """The last hour, day, week; units add up."""
    since = world.house.clock.now() - timedelta(seconds=length)

    assert world.model(since=since)[:100] == world.program.find_ids(period=period, size=100)


def test_a_period_and_a_beginning_are_both_meant(world: World) -> None:
    """Filters combine with AND."""
    later = world.tokens[5]["created_at"]

    assert world.model(since=later) == world.program.find_ids(period="30d", since=to_milliseconds(later), size=100)


def test_newest_first_25_a_page(world: World) -> None:
    """1 to 100 by request; no output in a list; cursors are absent when there is nothing there."""
    first = world.program.find().json()

    assert world.model()[:25] == [token["id"] for token in first["data"]]
    assert {"next"} == set(first["pagination"])
    assert not any({"output", "outputType", "outputIsError"} & set(token) for token in first["data"])
    assert {} == world.program.find(status="COMPLETED", size=100).json()["pagination"]
    assert [1, 100] == [len(world.program.find_ids(size=size)) for size in (1, 100)]


def test_a_listed_token_is_a_retrieved_one_without_its_output(world: World) -> None:
    """The same fields with the same values."""
    for listed in world.program.find(size=10).json()["data"]:
        shown = world.program.show(listed["id"])

        assert listed == {name: value for name, value in shown.items() if not name.startswith("output")}


def test_pages_lead_to_each_other(world: World) -> None:
    """Forwards by `next`, back by `previous`; when both cursors arrive, `before` wins, as the SDK needs it."""
    first = world.program.find(size=10).json()
    second = world.program.find(size=10, after=first["pagination"]["next"]).json()
    third = world.program.find(size=10, after=second["pagination"]["next"]).json()

    back = world.program.find(size=10, before=third["pagination"]["previous"]).json()
    both = world.program.find(size=10, after=third["pagination"]["next"], before=third["pagination"]["previous"]).json()

    assert second == back == both
    assert {"next", "previous"} == set(second["pagination"])
    assert first["data"] == world.program.find(size=10, before=second["pagination"]["previous"]).json()["data"]
    assert {"next"} == set(world.program.find(size=10, before=second["pagination"]["previous"]).json()["pagination"])


def test_a_cursor_needs_no_token_behind_it(world: World) -> None:
    """It names a place in the order; what was there may be anything, or somebody else's."""
    assert [] == world.program.find_ids(after=UNKNOWN_ID)
    assert world.model()[-10:] == world.program.find_ids(before=UNKNOWN_ID, size=10)


def test_empty_filters_filter_nothing(world: World) -> None:
    """`filter[status]=` is what a form sends when nothing is chosen; unknown parameters are ignored."""
    assert world.model()[:25] == world.program.find_ids(status="", tags="", key="", since="", after="")
    assert 200 == world.program.get("/api/v1/waitpoints/tokens?filter[unknown]=1&limit=x").status_code


def test_dates_far_away_find_everything_or_nothing(world: World) -> None:
    """Before the first token, and after the last that there can be."""
    everything = world.model()[:25]

    assert everything == world.program.find_ids(since="0")
    assert everything == world.program.find_ids(since="0001-01-01T00:00:00Z", until="9999-12-31T23:59:59.999Z")
    assert [] == world.program.find_ids(until="0001-01-01T00:00:00Z")
    assert [] == world.program.find_ids(since="9999-12-31T23:59:59.999Z")
    assert everything == world.program.find_ids(period="260w")


def test_nobody_sees_the_tokens_of_others(world: World, cleo: Program) -> None:
    """Not by filter, not by cursor, not by key."""
    mine = set(world.model())

    for query in (
        {},
        {"tags": "a"},
        {"key": "k1"},
        {"status": "COMPLETED"},
        {"after": world.tokens[0]["id"]},
        {"before": world.tokens[-1]["id"]},
    ):
        assert not mine & set(cleo.find_ids(**query, size=100))


def test_a_new_token_does_not_shift_the_pages_behind_it(house: House) -> None:
    """Lists page by key and never by offset."""
    program = house.newcomer()
    tokens = [later(house, program) for _ in range(6)][::-1]
    first = program.find(size=3).json()

    newer = later(house, program)
    second = program.find(size=3, after=first["pagination"]["next"]).json()

    assert tokens == [token["id"] for token in first["data"] + second["data"]]
    assert [newer] == program.find_ids(size=3, before=tokens[0])


def test_a_list_changes_as_its_tokens_do(house: House) -> None:
    """A token moves from one status to the other, under each of its tags, at once."""
    program = house.newcomer()
    token = program.make_token(tags=["a", "b", "a"])

    for tags in ({}, {"tags": "a"}, {"tags": "a,b"}):
        assert [token.id] == program.find_ids(status="WAITING", **tags)
    program.complete(token, 1)
    for tags in ({}, {"tags": "a"}, {"tags": "a,b"}):
        assert [token.id] == program.find_ids(status="COMPLETED", **tags)
        assert [] == program.find_ids(status="WAITING,TIMED_OUT", **tags)


@pytest.mark.parametrize(
    "wanted", [{"statuses": ("TIMED_OUT",)}, {"statuses": ("TIMED_OUT",), "tags": ("a", "b")}, {"tags": ("b",)}]
)
def test_a_token_that_is_swept_while_a_list_is_read_is_not_missed(house: House, wanted: dict[str, Any]) -> None:
    """Whichever of a list's statements the sweeper comes in front of."""
    question, moment = Search(**wanted), 0
    while True:
        program = house.newcomer()
        token = program.make_token(timeout="1s", tags=["a", "b"])
        house.clock.move(seconds=2)

        meddled = Meddled(house, before=moment)
        page = house.read(meddled.search, program.environment_id, question)

        assert page is DOUBT or [token.id] == [found.id for found in page.tokens], moment
        if not meddled.has_meddled:
            break
        moment += 1
    assert moment > 0


class Meddled:
    """A unit of work that lets the sweeper come by in front of one statement."""

    def __init__(self, house: House, *, before: int) -> None:
        self.house = house
        self.left = before
        self.has_meddled = False

    def search(self, db: Unit, environment_id: str, question: Search) -> Page | Doubt:
        execute = db.execute

        def meddle(statement: Any, parameters: Any = None) -> Any:
            if self.left == 0:
                self.has_meddled = True
                self.house.sweep()
            self.left -= 1
            return execute(statement, parameters)

        db.execute = meddle  # type: ignore[method-assign]
        return search(db, environment_id, question)


def later(house: House, program: Program) -> str:
    """A token of the next millisecond: those of one millisecond are in no particular order."""
    house.clock.move(milliseconds=2)
    return str(program.make_token().id)
