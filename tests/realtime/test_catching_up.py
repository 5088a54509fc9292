"""A line may break at any time: whoever comes back is told what they missed, once and in order."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from app.events import log
from app.realtime import feeds
from tests.cast import ADAS_KEY, headers_of
from tests.databases import DatabaseMaker
from tests.fixtures import running
from tests.makers import TOKENS, House, Program
from tests.realtime.listeners import listening
from tests.servers import RunningServer


def test_since_gives_what_was_missed_and_then_goes_on(house: House, newcomer: Program) -> None:
    with listening(house.url, newcomer.credential) as program:
        start = program.subscribe()["seq"]
        seen = [newcomer.make_token().id]
        assert seen == [event["token"] for event in program.events(1)]
    missed = [newcomer.make_token().id for _ in range(5)]

    with listening(house.url, newcomer.credential, since=start) as program:
        assert {"type": "ready", "seq": start} == program.subscribe()
        late = newcomer.make_token().id
        told = program.events(7)

        assert [*seen, *missed, late] == [event["token"] for event in told]
        assert program.is_quiet()
    assert sorted({event["seq"] for event in told}) == [event["seq"] for event in told]


def test_what_was_missed_is_filtered_too(house: House, newcomer: Program) -> None:
    mine = newcomer.make_token(tags=["refund"])
    newcomer.make_token()
    other = newcomer.make_token()
    newcomer.complete(mine)
    with listening(house.url, newcomer.credential, since=0) as program:
        program.subscribe(other.id, tags=["refund"])

        assert [mine.id, other.id, mine.id] == [event["token"] for event in program.events(3)]
        assert program.is_quiet()


def test_a_number_from_the_future_says_reload(house: House, newcomer: Program) -> None:
    """It comes from another database: whatever the client knows is to be read anew."""
    with listening(house.url, newcomer.credential, since=10**15) as program:
        assert {"type": "reload"} == program.next()
        assert 10**15 > program.subscribe()["seq"]

        newcomer.make_token()

        program.events(1)


@pytest.mark.parametrize("since", ["-1", "x", "1e3", "%00", "", "1" * 40])
def test_a_number_that_is_none_is_refused(house: House, newcomer: Program, since: str) -> None:
    with listening(house.url, newcomer.credential, since=since) as program:
        assert "invalid-since" == program.next()["code"]
        assert 1008 == program.close_code()


def test_events_that_come_while_catching_up_are_neither_lost_nor_doubled(house: House, newcomer: Program) -> None:
    """Many clients come back while somebody writes without a pause."""
    with listening(house.url, newcomer.credential) as program:
        start = program.subscribe()["seq"]
    made: list[str] = []
    writer = threading.Thread(target=lambda: made.extend(newcomer.make_token().id for _ in range(200)))
    writer.start()

    heard = [hear(house, newcomer, start, number) for number in range(20, 200, 20)]

    writer.join()
    assert [made[: len(tokens)] for tokens in heard] == heard


def test_who_cannot_keep_up_is_served_from_the_log(
    house: House, newcomer: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue of a socket is bounded; what does not fit into it is not lost."""
    monkeypatch.setattr(feeds, "MOST_QUEUED", 3)
    monkeypatch.setattr(feeds, "_CHUNK", 7)
    with listening(house.url, newcomer.credential) as program:
        program.subscribe()

        made = [newcomer.make_token().id for _ in range(100)]

        assert made == [event["token"] for event in program.events(100)]
        assert program.is_quiet()


def test_a_wider_subscription_misses_nothing(house: House, newcomer: Program) -> None:
    """Every event behind the number in `ready` comes, also when the server was busy with earlier ones."""
    tokens = [newcomer.make_token() for _ in range(30)]
    last = newcomer.make_token()
    ready: list[int] = []
    heard: set[str] = set()
    with listening(house.url, newcomer.credential) as program:
        program.subscribe(last.id)
        for token in tokens:
            program.say(type="subscribe", tokens=[token.id])
            newcomer.complete(token)
        newcomer.complete(last)
        while len(ready) < len(tokens) or last.id not in heard:
            message = program.next()
            if message["type"] == "ready":
                ready.append(message["seq"])
            else:
                heard.add(message["token"])

    for token, position in zip(tokens, ready, strict=True):
        ended = house.read(log.of_subject, token.id)[-1].seq
        assert token.id in heard or ended <= position


@pytest.mark.parametrize("end", ["restart", "kill9"])
def test_a_server_comes_back_with_everything(server: RunningServer, end: str) -> None:
    with client_of(server) as ada, listening(server.url, ADAS_KEY) as program:
        program.subscribe()
        create(ada)
        (seen,) = program.events(1)
        getattr(server, end)()
        assert (1012 if end == "restart" else None) == program.close_code()
    if end == "kill9":
        server.start()

    with client_of(server) as ada, listening(server.url, ADAS_KEY, since=seen["seq"]) as program:
        program.subscribe()
        created = create(ada)

        assert [created] == [event["token"] for event in program.events(1)]


def test_a_restarting_server_says_goodbye_at_once(server: RunningServer) -> None:
    """Whether its sockets read, wait, or have not even said who they are."""
    with ExitStack() as stack:
        programs = [stack.enter_context(listening(server.url, ADAS_KEY)) for _ in range(20)]
        for program in programs[:10]:
            program.subscribe()
        programs.append(stack.enter_context(listening(server.url, None)))

        server.stop()

        assert {1012} == {program.close_code() for program in programs}


@pytest.fixture
def two_servers(make_database: DatabaseMaker, tmp_path: Path) -> Iterator[tuple[RunningServer, RunningServer]]:
    """Two server processes on one PostgreSQL."""
    with make_database("postgresql") as url, ExitStack() as stack:
        yield tuple(stack.enter_context(running(RunningServer(url, tmp_path))) for _ in range(2))  # type: ignore[misc]


def test_an_event_of_one_server_is_heard_at_the_other(two_servers: tuple[RunningServer, RunningServer]) -> None:
    one, other = two_servers
    with client_of(one) as ada, listening(other.url, ADAS_KEY) as program:
        program.subscribe()

        made = [create(ada) for _ in range(20)]

        assert made == [event["token"] for event in program.events(20)]


def test_a_lost_doorbell_is_only_a_delay(two_servers: tuple[RunningServer, RunningServer]) -> None:
    """Every connection that listens or speaks between the servers is cut, and the next event still comes."""
    one, other = two_servers
    with client_of(one) as ada, listening(other.url, ADAS_KEY) as program:
        program.subscribe()
        create(ada)
        program.events(1)
        cut_every_doorbell(one.database_url)

        made = [create(ada) for _ in range(3)]

        assert made == [event["token"] for event in program.events(3)]


def cut_every_doorbell(url: str) -> None:
    """Kill the connections whose last words were LISTEN or NOTIFY."""
    with psycopg.connect(url, autocommit=True) as connection:
        cut = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND (query ILIKE 'LISTEN%' OR query ILIKE 'NOTIFY%')"
        ).fetchall()
    assert len(cut) >= 2


@contextmanager
def client_of(server: RunningServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, headers=headers_of(ADAS_KEY), timeout=20, trust_env=False) as client:
        yield client


def create(client: httpx.Client) -> str:
    answer = client.post(TOKENS, json={})
    assert answer.status_code == 200
    return str(answer.json()["id"])


def hear(house: House, program: Program, since: int, number: int) -> list[str]:
    with listening(house.url, program.credential, since=since) as listener:
        listener.subscribe()
        return [event["token"] for event in listener.events(number)]
