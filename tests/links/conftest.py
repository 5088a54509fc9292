"""Ada asks Ben by his address; he comes to the door with the link that he was sent."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.databases import DatabaseMaker
from tests.makers import House, Program, ada, cleo, house, nobody, open_house, unique
from tests.pages.conftest import Visitor, ben, desk
from tests.postbox import Postbox, open_postbox

__all__ = ["ada", "ben", "cleo", "desk", "house", "nobody"]


@pytest.fixture(scope="session")
def postbox() -> Iterator[Postbox]:
    with open_postbox() as postbox:
        yield postbox


@pytest.fixture(scope="session")
def mailing(make_database: DatabaseMaker, postbox: Postbox) -> Iterator[House]:
    """A server that sends mails."""
    settings = {"smtp_url": postbox.url, "mail_from": "Acme <ask@example.com>", "public_url": "http://127.0.0.1"}
    with make_database("sqlite") as url, open_house(url, **settings) as house:
        yield house


@pytest.fixture
def guest(mailing: House) -> Iterator[Visitor]:
    """A browser at the server that sends mails."""
    visitor = Visitor(mailing)
    yield visitor
    visitor.client.close()


def an_address(name: str = "ben") -> str:
    """An address that no other test uses."""
    return f"{unique(name)}@example.com"


def asked(program: Program, *addresses: str, timeout: str | None = "2d", **request: Any) -> SimpleNamespace:
    """A token on which these people are asked."""
    given = {"title": "Publish the autumn sale?", "requester": "ada@example.com", "approvers": [*addresses]}
    return program.make_token(timeout=timeout, request=given | request)


def link_for(program: Program, token: SimpleNamespace, address: str) -> str:
    """The path of somebody's link, as the API hands it out."""
    answer = program.post(f"{token.path}/links", json={"recipient": address})
    assert answer.status_code == 200, answer.text
    return "/approve/" + str(answer.json()["url"]).partition("/approve/")[2]
