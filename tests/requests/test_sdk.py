"""Requests as Python says them: what is sent, and what a server makes of it."""

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel

from app.requests.lifecycle import asked_in
from tests.cast import ADAS_KEY
from tests.makers import House
from waitpoint import Decision, Diff, InvalidInput, JourneyStep, Request, Waitpoint
from waitpoint._requests import on_the_wire


class Company(BaseModel):
    name: str
    employees: int = 1


@dataclass
class Refund:
    amount: float


class Point(msgspec.Struct):
    x: int


EVERYTHING = Request(
    title="Publish?",
    body="Soon.",
    context=Refund(amount=1.5),
    diff=Diff(before={"a": 1}, after={"a": 2}),
    form=Company,
    proposed=Company(name="Acme"),
    decisions=[
        Decision(value="yes", label="Yes", effect="At once.", output={"ok": True}, confirm=True, style="careful"),
        Decision(value="no", require=["comment"], form=False),
    ],
    requester="ada@example.com",
    approvers="ben@example.com",
    identity="signed-in",
    self_approval=False,
    notify=False,
    on_timeout={"decision": "no", "comment": "Late."},
    journey="onboarding:42",
    step=JourneyStep(index=1, of=3, title="Your company"),
    redirect_url="https://shop.example.com",
)


def test_everything_arrives() -> None:
    """The server reads what Python says, field by field."""
    wire = on_the_wire(EVERYTHING)

    asked_in(wire)
    assert {"amount": 1.5} == wire["context"]
    assert {"name": "Acme", "employees": 1} == wire["proposed"]
    assert "properties" in wire["form"]
    assert {"value": "no", "require": ["comment"], "form": False} == wire["decisions"][1]
    assert {"output": {"decision": "no", "comment": "Late."}} == wire["onTimeout"]
    assert {"index": 1, "of": 3, "title": "Your company"} == wire["step"]
    assert (False, False) == (wire["selfApproval"], wire["notify"])


def test_what_is_left_out_is_not_sent() -> None:
    """The server decides, and can change its mind."""
    assert {} == on_the_wire(Request())
    assert {"title": "Publish?"} == on_the_wire(Request(title="Publish?"))


@pytest.mark.parametrize("form", [Company, Refund, Point, {"type": "object"}])
def test_a_form_is_a_type_or_a_schema(form: Any) -> None:
    """Whatever it is made of, the server can draw it."""
    asked_in(on_the_wire(Request(form=form)))


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ("Publish?", "request is a str. Pass a waitpoint.Request, or a mapping."),
        (Request(context={1, 2}), "request.context is a set"),
        (Request(context=float("nan")), "request.context is nan"),
        (Request(form=object), "request.form: object has no JSON Schema"),
        ({"context": {1: 2}}, "request.context has the key 1"),
    ],
)
def test_what_cannot_be_sent_is_named(request_: Any, sentence: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        on_the_wire(request_)

    assert sentence in str(raised.value)


def test_the_whole_way(house: House) -> None:
    """Asked, read back, amended, answered wrongly, answered well."""
    with Waitpoint(url=house.url, secret_key=ADAS_KEY) as client:
        token = client.tokens.create(request=Request(title="Refund?", form=Refund))
        assert token.approval_url is not None
        assert token.approval_url.startswith(f"{house.url}/approve/{token.id}?link=")
        assert token.approval_url not in repr(token)

        amended = client.tokens.amend(token, {"title": None, "body": "Please."})
        assert amended.request is not None
        assert ("Please.", 2) == (amended.request["body"], amended.request_version)
        assert "title" not in amended.request

        with pytest.raises(InvalidInput) as raised:
            client.tokens.complete(token, {"amount": "much"})
        assert ["/data/amount"] == [error["pointer"] for error in raised.value.errors]

        client.tokens.complete(token, Refund(amount=5))
        assert Refund(amount=5) == client.tokens.wait(token, Refund).unwrap()


def test_a_mistake_is_told_as_the_server_says_it(house: House) -> None:
    with Waitpoint(url=house.url, secret_key=ADAS_KEY) as client, pytest.raises(InvalidInput) as raised:
        client.tokens.create(request={"titel": "Publish?"})

    assert "titel is not a field of a request" in str(raised.value)
