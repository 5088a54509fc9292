"""Programs hear what happens, in order, and only what is theirs."""

import json
from contextlib import ExitStack, suppress

import pytest
from websockets.exceptions import ConnectionClosed

from app.database import DatabaseUnavailable
from app.realtime.listening import Listening
from tests.cast import NOBODYS_KEY
from tests.makers import UNKNOWN_ID, House, Program, unique
from tests.realtime.listeners import listening

NUL_IN_ITS_KEY_ID = "eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCIsICJraWQiOiAiXHUwMDAwIn0.e30.AAAA"


def test_an_event_says_what_happened(house: House, newcomer: Program) -> None:
    with listening(house.url, newcomer.credential) as program:
        ready = program.subscribe()
        token = newcomer.make_token(tags=["refund", "eur"])
        newcomer.complete(token, {"approved": True})
        created, completed = program.events(2)

    assert "ready" == ready["type"]
    assert {
        "type": "event",
        "seq": completed["seq"],
        "kind": "token.completed",
        "token": token.id,
        "at": newcomer.show(token)["completedAt"],
        "status": "COMPLETED",
        "tags": ["refund", "eur"],
    } == completed
    assert ("token.created", "WAITING") == (created["kind"], created["status"])
    assert ready["seq"] < created["seq"] < completed["seq"]


def test_every_way_to_end_is_told(house: House, newcomer: Program) -> None:
    with listening(house.url, newcomer.credential) as program:
        program.subscribe()
        cancelled = newcomer.make_token()
        newcomer.cancel(cancelled, "no longer needed")
        newcomer.make_token(timeout="1s")
        house.clock.move(seconds=2)
        house.sweep()
        told = [(event["kind"], event["status"]) for event in program.events(4)]

    assert ("token.cancelled", "TIMED_OUT") == told[1]
    assert ("token.timed_out", "TIMED_OUT") == told[3]


def test_the_first_message_may_say_who_is_asking(house: House, newcomer: Program) -> None:
    """Browsers cannot set a header on a websocket."""
    with listening(house.url, None, origin="https://elsewhere.example") as program:
        program.say(type="auth", token=newcomer.credential)
        assert "ready" == program.subscribe()["type"]

        newcomer.make_token()

        assert ["token.created"] == [event["kind"] for event in program.events(1)]


def test_who_wants_nothing_in_particular_gets_everything(house: House, newcomer: Program) -> None:
    with listening(house.url, newcomer.credential) as program:
        assert "ready" == program.next()["type"]

        token = newcomer.make_token()

        assert [token.id] == [event["token"] for event in program.events(1)]


def test_a_subscription_names_tokens_and_tags(house: House, newcomer: Program) -> None:
    mine, other = newcomer.make_token(), newcomer.make_token()
    with listening(house.url, newcomer.credential) as program:
        program.subscribe(mine.id)
        program.subscribe(tags=["refund"])

        newcomer.complete(other)
        newcomer.complete(mine)
        tagged = newcomer.make_token(tags=["refund", "eur"])
        newcomer.make_token(tags=["Refund"])

        assert [mine.id, tagged.id] == [event["token"] for event in program.events(2)]
        assert program.is_quiet()


def test_a_subscription_replaces_everything_by_default(house: House, newcomer: Program) -> None:
    token = newcomer.make_token()
    with listening(house.url, newcomer.credential) as program:
        program.next()  # ready, for everything
        program.subscribe(token.id)

        newcomer.make_token()
        newcomer.complete(token)

        assert [token.id] == [event["token"] for event in program.events(1)]


def test_a_foreign_token_and_none_at_all_are_answered_alike(house: House, ada: Program, cleo: Program) -> None:
    """Cleo learns nothing from the difference, and the rest of her subscription holds."""
    adas, cleos = ada.make_token(), cleo.make_token()
    with listening(house.url, cleo.credential) as program:
        answers = []
        for named in (adas.id, UNKNOWN_ID, "nonsense\x00"):
            program.say(type="subscribe", tokens=[named, cleos.id])
            answers.append(program.next())
            assert "ready" == program.next()["type"]
        ada.complete(adas)
        cleo.complete(cleos)

        assert [cleos.id] == [event["token"] for event in program.events(1)]
    assert 1 == len({json.dumps(answer | {"token": ""}) for answer in answers})
    assert "not-found" == answers[0]["code"]


def test_nobody_hears_of_another_environment(house: House, ada: Program, cleo: Program) -> None:
    tag = unique("tag")
    with listening(house.url, cleo.credential) as everything, listening(house.url, cleo.credential) as tagged:
        everything.subscribe()
        tagged.subscribe(tags=[tag])

        ada.make_token(tags=[tag])
        cleos = cleo.make_token(tags=[tag])

        assert [cleos.id] == [event["token"] for event in everything.events(1)]
        assert [cleos.id] == [event["token"] for event in tagged.events(1)]


def test_a_public_token_hears_what_its_scopes_name(house: House, newcomer: Program) -> None:
    mine, other = newcomer.make_token(tags=["t"]), newcomer.make_token(tags=["t"])
    access = newcomer.post("/api/v1/auth/public-tokens", json={"scopes": [f"read:waitpoints:{mine.id}"]}).json()[
        "token"
    ]
    with listening(house.url, access) as by_default, listening(house.url, access) as by_tag:
        by_default.subscribe()
        by_tag.subscribe(tags=["t"])
        refused = by_tag.subscribe(other.id)

        newcomer.complete(other)
        newcomer.complete(mine)

        assert [mine.id] == [event["token"] for event in by_default.events(1)]
        assert by_tag.next()["type"] == "ready"
        assert [mine.id] == [event["token"] for event in by_tag.events(1)]
    assert ("error", "not-found", other.id) == (refused["type"], refused["code"], refused["token"])


@pytest.mark.parametrize("scope", ["write:waitpoints", "write:all", "read:runs", "admin:"])
def test_a_public_token_that_may_not_read_is_refused(house: House, scope: str) -> None:
    with listening(house.url, house.mint(scope)) as program:
        assert "insufficient_scope" == program.next()["code"]
        assert 1008 == program.close_code()


@pytest.mark.parametrize("scope", ["create", "complete"])
def test_a_key_that_may_not_read_is_refused(house: House, scope: str) -> None:
    with listening(house.url, house.make_key(scope).secret) as program:
        assert "insufficient_scope" == program.next()["code"]
        assert 1008 == program.close_code()


@pytest.mark.parametrize(
    "key", [NOBODYS_KEY, "x", "a.b.c", NUL_IN_ITS_KEY_ID, "eyJhbGciOiJub25lIn0.e30.", "tr_dev_sk_" + "é" * 10]
)
def test_a_wrong_credential_is_refused(house: House, key: str) -> None:
    with listening(house.url, None) as program:
        program.say(type="auth", token=key)
        assert "error" == program.next()["type"]
        assert 1008 == program.close_code()


@pytest.mark.parametrize("first", ['{"type":"subscribe"}', "[]", "x", "", '{"type":"auth"}', "[" * 4000])
def test_the_first_message_must_say_who_is_asking(house: House, first: str) -> None:
    with listening(house.url, None) as program:
        program.socket.send(first)
        assert "unauthorized" == program.next()["code"]
        assert 1008 == program.close_code()


def test_who_says_nothing_is_let_go(house: House) -> None:
    with listening(house.url, None) as program:
        assert "unauthorized" == program.next(within=8)["code"]
        assert 1008 == program.close_code()


@pytest.mark.parametrize(
    "said", ["nonsense", "{}", "[1]", '{"type":"shout"}', '{"type":"subscribe","tokens":5}', "\ud7ff"]
)
def test_a_message_that_means_nothing_is_answered(house: House, newcomer: Program, said: str) -> None:
    """… and the conversation goes on."""
    with listening(house.url, newcomer.credential) as program:
        program.subscribe()
        program.socket.send(said)
        assert "invalid-message" == program.next()["code"]

        newcomer.make_token()

        program.events(1)


def test_messages_are_small_and_of_text(house: House, newcomer: Program) -> None:
    for message, code in (("x" * 4097, 1009), ("ü" * 2049, 1009), (b"{}", 1003)):
        with listening(house.url, newcomer.credential) as program:
            program.subscribe()
            program.socket.send(message)
            assert code == program.close_code()


def test_a_message_that_never_ends_is_cut_off(house: House, newcomer: Program) -> None:
    """The connection is closed in the middle of it, so the reset may overtake the goodbye."""
    with listening(house.url, newcomer.credential) as program:
        program.subscribe()
        with suppress(ConnectionClosed):
            program.socket.send("x" * 5_000_000)
        assert program.close_code() in {1009, None}


def test_text_that_is_not_text_is_refused(house: House, newcomer: Program) -> None:
    with listening(house.url, newcomer.credential) as program:
        program.subscribe()
        program.socket.send(b"\xff\xfe", text=True)
        assert 1007 == program.close_code()


def test_a_key_has_a_hundred_sockets(house: House, newcomer: Program) -> None:
    """The next one is told why, and a socket that is closed makes room."""
    with ExitStack() as stack:
        programs = [stack.enter_context(listening(house.url, newcomer.credential)) for _ in range(100)]
        for program in programs:
            assert "ready" == program.subscribe()["type"]

        with listening(house.url, newcomer.credential) as program:
            assert "too-many-sockets" == program.next()["code"]
            assert 1013 == program.close_code()
        programs[0].socket.close()
        with listening(house.url, newcomer.credential) as program:
            assert "ready" == program.subscribe()["type"]


def test_without_a_database_nobody_is_kept_waiting(
    house: House, newcomer: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes now is sent away with a code that means: later."""

    def fail(_: Listening) -> None:
        raise DatabaseUnavailable("away")

    monkeypatch.setattr(Listening, "open", fail)
    with listening(house.url, newcomer.credential) as program:
        assert "unavailable" == program.next()["code"]
        assert 1013 == program.close_code()
