"""Both clients against the contract: the same claims, once blocking and once awaiting."""

import dataclasses
import inspect
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict

import httpx
import msgspec
import pydantic
import pytest

from tests.cast import ADAS_KEY
from tests.sdk.conftest import Ada
from tests.sdk.stand_in import StandIn, problem
from waitpoint import (
    AlreadySettled,
    Answered,
    AsyncWaitpoint,
    Forbidden,
    InvalidInput,
    InvalidKey,
    TokenNotFound,
    Unanswered,
    UnexpectedOutput,
    Waitpoint,
    WaitpointCancelledError,
    WaitpointError,
    WaitpointTimeoutError,
    _clients,
)


@dataclasses.dataclass
class Approval:
    approved: bool


class ApprovalModel(pydantic.BaseModel):
    approved: bool


class ApprovalStruct(msgspec.Struct):
    approved: bool


class ApprovalDict(TypedDict):
    approved: bool


# Create.


def test_create_sends_what_was_given_and_no_more(ada: Ada, stand_in: StandIn) -> None:
    """What is left out is the server's to decide."""
    token = ada.does(ada.tokens.create(tags=["a", "b"], idempotency_key="k", idempotency_key_ttl=timedelta(hours=2)))

    assert {"tags": ["a", "b"], "idempotencyKey": "k", "idempotencyKeyTTL": "2h"} == stand_in.last_body
    assert token.id == "waitpoint_000"
    assert not token.is_cached
    assert token.url.startswith("http://testserver/")
    assert token.public_access_token == "a.public.token"


def test_the_same_key_gives_the_same_token(ada: Ada) -> None:
    """And says so."""
    first = ada.does(ada.tokens.create(idempotency_key="order-1"))
    second = ada.does(ada.tokens.create(idempotency_key="order-1"))

    assert first.id == second.id
    assert second.is_cached


def test_a_created_token_does_not_print_its_secrets(ada: Ada) -> None:
    """Whoever has the URL or the public access token can complete it, and logs are read by many."""
    token = ada.does(ada.tokens.create())

    assert repr(token) == "CreatedToken(id='waitpoint_000', is_cached=False)"
    assert ADAS_KEY not in repr(ada.client.tokens._channel._transport.__dict__)


# Complete.


def test_complete_wraps_the_output(ada: Ada, stand_in: StandIn) -> None:
    """The output is the caller's; `data` is the contract's."""
    token = ada.does(ada.tokens.create())

    settlement = ada.does(ada.tokens.complete(token, {"approved": True}))

    assert {"data": {"approved": True}} == stand_in.last_body
    assert not settlement.already_completed


def test_the_second_answer_is_told_the_truth(ada: Ada) -> None:
    """The first answer stands, and the loser knows."""
    token = ada.does(ada.tokens.create())
    ada.does(ada.tokens.complete(token, 1))

    late = ada.does(ada.tokens.complete(token.id, 2))

    assert late.already_completed
    assert late.status == "COMPLETED"
    assert late.completed_at == datetime(2026, 11, 22, 9, 1, tzinfo=UTC)
    assert ada.does(ada.tokens.retrieve(token)).output == 1


def test_who_asks_for_it_gets_an_exception_for_coming_late(ada: Ada, stand_in: StandIn) -> None:
    """`if_waiting` travels as a header."""
    token = ada.does(ada.tokens.create())
    ada.does(ada.tokens.complete(token, 1, if_waiting=True))
    assert stand_in.last.headers["x-waitpoint-if-waiting"] == "true"

    with pytest.raises(AlreadySettled) as late:
        ada.does(ada.tokens.complete(token, 2, if_waiting=True))

    assert late.value.code == "token-already-completed"
    assert late.value.status == "COMPLETED"
    assert late.value.completed_at == datetime(2026, 11, 22, 9, 1, tzinfo=UTC)


# Retrieve.


def test_retrieve_gives_aware_moments_and_the_output(ada: Ada) -> None:
    """Dates are dates, and the output is a value."""
    created = ada.does(ada.tokens.create(tags="one"))
    ada.does(ada.tokens.complete(created, {"n": 12345678901234567890123}))

    token = ada.does(ada.tokens.retrieve(created))

    assert token.is_completed
    assert token.is_settled
    assert token.created_at == datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    assert token.output == {"n": 12345678901234567890123}
    assert token.error is None
    assert token.tags == ["one"]


def test_a_waiting_token_has_neither_output_nor_error(ada: Ada) -> None:
    """Absent is None."""
    token = ada.does(ada.tokens.retrieve(ada.does(ada.tokens.create())))

    assert token.is_waiting
    assert token.output is None
    assert token.error is None
    assert token.completed_at is None


def test_a_timed_out_token_has_an_error(ada: Ada, stand_in: StandIn) -> None:
    """And no output, although the wire carries the error there."""
    stand_in.time_out(ada.does(ada.tokens.create()).id)

    token = ada.does(ada.tokens.retrieve("waitpoint_000"))

    assert token.has_timed_out
    assert token.output is None
    assert isinstance(token.error, WaitpointTimeoutError)
    assert token.error.at == datetime(2026, 11, 22, 9, 10, tzinfo=UTC)


def test_an_output_of_plain_text_is_a_text(ada: Ada, stand_in: StandIn) -> None:
    """As the callback URL stores what was no JSON."""
    ada.does(ada.tokens.create())
    stand_in.tokens["waitpoint_000"].update(status="COMPLETED", output="just words", outputType="text/plain")

    assert ada.does(ada.tokens.retrieve("waitpoint_000")).output == "just words"


# Cancel.


def test_a_cancelled_token_says_why(ada: Ada) -> None:
    """On the wire it reads TIMED_OUT; here it is cancelled."""
    token = ada.does(ada.tokens.create())
    ada.does(ada.tokens.cancel(token, "not needed any more"))

    found = ada.does(ada.tokens.retrieve(token))

    assert found.is_cancelled
    assert not found.has_timed_out
    assert isinstance(found.error, WaitpointCancelledError)
    assert found.error.reason == "not needed any more"
    assert "not needed any more" in str(found.error)


# List.


def test_a_list_goes_through_all_pages(ada: Ada, stand_in: StandIn) -> None:
    """Newest first, nothing twice, nothing missing."""
    for _ in range(7):
        ada.does(ada.tokens.create())

    found = ada.collects(ada.tokens.list(page_size=3))

    assert [f"waitpoint_{n:03}" for n in reversed(range(7))] == [token.id for token in found]
    assert 3 == sum(request.method == "GET" for request in stand_in.seen)


def test_one_page_is_one_call(ada: Ada) -> None:
    """With the cursors of its neighbours."""
    for _ in range(5):
        ada.does(ada.tokens.create())

    first = ada.does(ada.tokens.list(page_size=2).page())
    second = ada.does(ada.tokens.list(page_size=2, after=first.next).page())

    assert (2, "2", None) == (len(first), first.next, first.previous)
    assert ["waitpoint_002", "waitpoint_001"] == [token.id for token in second]
    assert second.previous


def test_paging_goes_on_in_the_direction_it_took(ada: Ada) -> None:
    """`before` walks towards the newest."""
    for _ in range(5):
        ada.does(ada.tokens.create())

    pages = ada.collects(ada.tokens.list(page_size=2, before="4").pages())

    assert [["waitpoint_002", "waitpoint_001"], ["waitpoint_004", "waitpoint_003"]] == [
        [token.id for token in page] for page in pages
    ]


def test_filters_have_the_names_of_the_contract(ada: Ada, stand_in: StandIn) -> None:
    """Several values in one parameter, joined by commas; moments with their zone."""
    moment = datetime(2026, 11, 1, tzinfo=UTC)

    ada.collects(
        ada.tokens.list(
            status=["WAITING", "TIMED_OUT"],
            tags=["eu", "us"],
            idempotency_key="k",
            period="7d",
            created_from=moment,
            created_to=1762000000000,
            page_size=10,
        )
    )

    assert {
        "filter[status]": "WAITING,TIMED_OUT",
        "filter[tags]": "eu,us",
        "filter[idempotencyKey]": "k",
        "filter[createdAt][period]": "7d",
        "filter[createdAt][from]": "2026-11-01T00:00:00.000Z",
        "filter[createdAt][to]": "1762000000000",
        "page[size]": "10",
    } == dict(stand_in.last.url.params)


# Wait.


@pytest.mark.parametrize("expected", [Approval, ApprovalModel, ApprovalStruct])
def test_the_output_is_read_into_the_expected_type(ada: Ada, expected: Any) -> None:
    """A dataclass, a Pydantic model and a Struct alike."""
    token = ada.does(ada.tokens.create())
    ada.does(ada.tokens.complete(token, {"approved": True}))

    result = ada.does(ada.client.wait_for_token(token, expected))

    assert isinstance(result, Answered)
    assert result.ok
    assert result.output == expected(approved=True)
    assert result.unwrap() == result.output
    assert result.error is None


def test_a_typed_dict_stays_a_dict(ada: Ada) -> None:
    """And is checked all the same."""
    token = ada.does(ada.tokens.create())
    ada.does(ada.tokens.complete(token, {"approved": True}))

    assert {"approved": True} == ada.does(ada.tokens.wait(token, ApprovalDict)).unwrap()


@pytest.mark.parametrize("expected", [list[ApprovalModel], ApprovalModel | Approval, dict[str, bool], bool])
def test_an_output_of_another_shape_is_said_to_be_one(ada: Ada, expected: Any) -> None:
    """With what came, so that nothing is lost."""
    token = ada.does(ada.tokens.create())
    ada.does(ada.tokens.complete(token, {"approved": "perhaps"}))

    with pytest.raises(UnexpectedOutput, match=token.id) as unexpected:
        ada.does(ada.tokens.wait(token, expected))

    assert unexpected.value.output == {"approved": "perhaps"}


@pytest.mark.parametrize("expected", [object(), "Approval", type("Opaque", (), {})])
def test_a_type_that_cannot_be_read_is_refused_before_the_wait(ada: Ada, stand_in: StandIn, expected: Any) -> None:
    """Not after three days of waiting."""
    with pytest.raises(InvalidInput, match="cannot be read from JSON"):
        ada.tokens.wait("waitpoint_000", expected)

    assert [] == stand_in.seen


def test_a_timed_out_wait_is_a_result_until_it_is_unwrapped(ada: Ada, stand_in: StandIn) -> None:
    """Then it raises."""
    token = ada.does(ada.tokens.create())
    stand_in.time_out(token.id)

    result = ada.does(ada.tokens.wait(token, Approval))

    assert isinstance(result, Unanswered)
    assert not result.ok
    assert result.output is None
    with pytest.raises(WaitpointTimeoutError, match="timed out at 2026-11-22 09:10:00 UTC"):
        result.unwrap()


def test_a_cancelled_wait_raises_the_more_precise_error(ada: Ada) -> None:
    """Which is a timeout, too, for who does not care."""
    token = ada.does(ada.tokens.create())
    ada.does(ada.tokens.cancel(token, "changed my mind"))

    with pytest.raises(WaitpointCancelledError, match="changed my mind") as cancelled:
        ada.does(ada.tokens.wait(token)).unwrap()

    assert isinstance(cancelled.value, WaitpointTimeoutError)


# Public access tokens.


def test_a_public_token_is_asked_for_with_scopes(ada: Ada, stand_in: StandIn) -> None:
    """One scope or several, for a while or until a moment."""
    assert "a.public.token" == ada.does(ada.client.auth.public_token("read:waitpoints:waitpoint_000", "1h"))
    assert {"scopes": ["read:waitpoints:waitpoint_000"], "expirationTime": "1h"} == stand_in.last_body

    ada.does(ada.client.auth.public_token(["a", "b"], datetime(2027, 1, 1, tzinfo=UTC)))
    assert {"scopes": ["a", "b"], "expirationTime": 1798761600} == stand_in.last_body


@pytest.mark.parametrize("client", [Waitpoint, AsyncWaitpoint])
def test_a_public_token_stands_in_for_the_key(client: Any) -> None:
    """Ben has a link and no key."""
    assert client(public_access_token="bens.public.token")

    with pytest.raises(InvalidInput, match="not both"):
        client(public_access_token="bens.public.token", secret_key=ADAS_KEY)


# What every call carries.


def test_every_call_is_strict_and_has_a_key_of_its_own(ada: Ada, stand_in: StandIn) -> None:
    """So a mistyped member is refused, and a retry makes no second token."""
    ada.does(ada.tokens.create())
    ada.does(ada.tokens.create())

    keys = [request.headers["x-trigger-request-idempotency-key"] for request in stand_in.seen]
    assert 2 == len(set(keys)) == len(stand_in.tokens)
    assert {"true"} == {request.headers["x-waitpoint-strict"] for request in stand_in.seen}
    assert {f"Bearer {ADAS_KEY}"} == {request.headers["authorization"] for request in stand_in.seen}


# Refusals.


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidInput),
        (401, InvalidKey),
        (403, Forbidden),
        (404, TokenNotFound),
        (409, AlreadySettled),
        (413, InvalidInput),
        (422, InvalidInput),
    ],
)
def test_a_refusal_has_a_name_and_the_words_of_the_server(
    ada: Ada, stand_in: StandIn, status: int, kind: type[WaitpointError]
) -> None:
    """It is not tried again: the same call would be refused the same way."""
    stand_in.next_answers = [problem(status, "Short", detail="The long explanation", errors=[{"pointer": "/data"}])]

    with pytest.raises(kind, match="The long explanation") as refused:
        ada.does(ada.tokens.retrieve("waitpoint_000"))

    assert type(refused.value) is kind
    assert refused.value.answer["status"] == status
    assert 1 == len(stand_in.seen)
    if isinstance(refused.value, InvalidInput):
        assert [{"pointer": "/data"}] == refused.value.errors


def test_an_unknown_token_is_not_found(ada: Ada) -> None:
    """With a hint, because a token of another server or environment looks the same."""
    with pytest.raises(TokenNotFound, match="of this server and environment"):
        ada.does(ada.tokens.retrieve("waitpoint_999"))


def test_a_wrong_key_is_said_to_be_one(stand_in: StandIn) -> None:
    """With the name of the setting."""
    cleo = Waitpoint(secret_key="tr_prod_sk_wrong", transport=httpx.MockTransport(stand_in))

    with cleo, pytest.raises(InvalidKey, match="WAITPOINT_SECRET_KEY"):
        cleo.tokens.retrieve("waitpoint_000")


# Settings.


@pytest.mark.parametrize("client", [Waitpoint, AsyncWaitpoint])
def test_without_a_key_there_is_no_client(client: Any) -> None:
    """Said at once, not at the first call."""
    with pytest.raises(InvalidKey, match="WAITPOINT_SECRET_KEY"):
        client()


@pytest.mark.parametrize("key", ["a b", "a\nb", "schlüssel"])
def test_a_key_that_cannot_be_one_is_refused(key: str) -> None:
    """And does not end in a header."""
    with pytest.raises(InvalidKey, match="Copy it again"):
        Waitpoint(secret_key=key)


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000",
        "ftp://x",
        "http://",
        "http://user:pw@x",
        "http://x?y=1",
        "http://x:99999",
        "http://[::1",
        "http://a b",
    ],
)
def test_an_address_must_be_one(url: str) -> None:
    """With an example."""
    with pytest.raises(InvalidInput, match="WAITPOINT_URL"):
        Waitpoint(url=url, secret_key="x")


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, stand_in: StandIn) -> None:
    """A path in front is kept: servers live behind proxies."""
    monkeypatch.setenv("WAITPOINT_URL", "https://wait.example.com/api-of-waitpoint/")
    monkeypatch.setenv("WAITPOINT_SECRET_KEY", f"{ADAS_KEY}\n")
    stand_in.next_answers = [httpx.Response(200, json={"token": "x"})]

    with Waitpoint(transport=httpx.MockTransport(stand_in)) as client:
        client.auth.public_token("read:all")

    assert "https://wait.example.com/api-of-waitpoint/api/v1/auth/public-tokens" == str(stand_in.last.url)
    assert stand_in.last.headers["authorization"] == f"Bearer {ADAS_KEY}"


# One shape.


@pytest.mark.parametrize(
    ("blocking", "awaiting"), [(Waitpoint, AsyncWaitpoint), (_clients.Tokens, _clients.AsyncTokens)]
)
def test_both_clients_have_the_same_words(blocking: type, awaiting: type) -> None:
    """The same names, the same arguments, the same promises."""
    for name, method in vars(blocking).items():
        if name.startswith("_"):
            continue
        twin = getattr(awaiting, name)
        assert list(inspect.signature(method).parameters) == list(inspect.signature(twin).parameters), name
        assert method.__doc__ == twin.__doc__, name
