"""What real sockets do to both clients: nothing listens, nobody answers, somebody else answers."""

import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.cast import ADAS_KEY
from tests.sdk.sockets import http_server
from tests.sdk.stand_in import StandIn
from tests.servers import free_port
from waitpoint import ServerUnavailable, Waitpoint
from waitpoint import _calls as calls
from waitpoint import _conversations as conversations


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same tries, with less time between them."""
    monkeypatch.setattr(conversations, "FIRST_PAUSE", 0.01)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Somebody takes the call and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def client(url: str) -> Waitpoint:
    return Waitpoint(url=url, secret_key=ADAS_KEY)


def test_a_server_that_comes_back_in_time_is_not_missed(stand_in: StandIn) -> None:
    """Two failures, one success, and one token on the server."""
    stand_in.next_answers = [httpx.Response(503), httpx.Response(502, html="<html>bad gateway</html>")]

    with http_server(stand_in) as url, client(url) as ada:
        token = ada.tokens.create()

    assert token.id == "waitpoint_000"
    assert 1 == len(stand_in.tokens)
    assert 1 == len({request.headers["x-trigger-request-idempotency-key"] for request in stand_in.seen})


def test_a_lost_answer_makes_no_second_token(stand_in: StandIn) -> None:
    """The server has acted, and the connection broke: the retry gets the first answer again."""
    answers = iter([True, False])

    def lose_the_first(request: httpx.Request) -> httpx.Response:
        answer = stand_in(request)
        if next(answers):
            raise ConnectionAbortedError
        return answer

    with http_server(lose_the_first) as url, client(url) as ada:
        ada.tokens.create()

    assert 2 == len(stand_in.seen)
    assert 1 == len(stand_in.tokens)


def test_nothing_listens() -> None:
    """Said in words, with the address."""
    url = f"http://127.0.0.1:{free_port()}"

    with (
        client(url) as ada,
        pytest.raises(ServerUnavailable, match=r"nothing listens there \(connection refused\)") as gone,
    ):
        ada.tokens.create()

    assert url in str(gone.value)


def test_nobody_has_this_name() -> None:
    """A slip in the name of the host, or no network."""
    with client("http://no-such-host.invalid") as ada, pytest.raises(ServerUnavailable, match="no host of this name"):
        ada.tokens.create()


def test_html_from_a_proxy_is_recognised() -> None:
    """A page is no answer of ours, whatever its status."""
    page = httpx.Response(200, html="<!doctype html><title>It works!</title>")

    with (
        http_server(lambda _: page) as url,
        client(url) as ada,
        pytest.raises(ServerUnavailable, match="answered HTML, is the URL right"),
    ):
        ada.tokens.list().page()


def test_a_server_that_never_answers_is_given_up(silent_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time that a call may take."""
    monkeypatch.setattr(conversations, "USUAL_PATIENCE", conversations.Patience(tries=1))
    call = calls.Call(method="GET", path="/", read=bytes, silence=0.2)
    began = time.monotonic()

    with client(f"http://127.0.0.1:{silent_port}") as ada, pytest.raises(ServerUnavailable, match="no answer in time"):
        ada._channel._transport.carry_out(conversations.ask(call, conversations.Patience(tries=1)))

    assert time.monotonic() - began < 3


def test_https_to_a_server_without_tls_is_said_to_be_that(stand_in: StandIn) -> None:
    """The most common slip in an address."""
    with (
        http_server(stand_in) as url,
        client(url.replace("http:", "https:")) as ada,
        pytest.raises(ServerUnavailable, match="the TLS connection failed"),
    ):
        ada.tokens.create()


def test_threads_may_share_a_client(stand_in: StandIn) -> None:
    """Each of them gets its own answers."""
    created: list[str] = []

    with http_server(stand_in) as url, client(url) as ada:
        threads = [threading.Thread(target=lambda: created.append(ada.tokens.create().id)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert 8 == len(created)
