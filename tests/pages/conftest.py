"""The cast in front of pages: Ada at the desk, signed in; Ben at the door with a link, and no account."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import httpx
import pytest

from tests.makers import House, Program, ada, cleo, house, newcomer, nobody

__all__ = ["ada", "cleo", "house", "newcomer", "nobody"]


class Visitor:
    """Somebody with a browser, seen without one: keeps cookies, follows what it is told, says where forms come from."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.client = httpx.Client(base_url=house.url, timeout=20, trust_env=False, follow_redirects=True)

    def open(self, path: str, **options: Any) -> httpx.Response:
        return self.client.get(path, headers={"Accept": "text/html"}, **options)

    def send(self, path: str, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
        """Send a form of our own pages."""
        return self.client.post(path, data=fields, headers={"Origin": self.house.url} | (headers or {}))

    def knock(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request, exactly as given."""
        return self.client.request(method, path, follow_redirects=False, **options)


@pytest.fixture
def desk(house: House) -> Iterator[Visitor]:
    """Ada at the desk: signed in."""
    visitor = Visitor(house)
    visitor.client.cookies.set("waitpoint", house.sign_in())
    yield visitor
    visitor.client.close()


@pytest.fixture
def ben(house: House) -> Iterator[Visitor]:
    """Ben: a browser without an account, and whatever link he is given."""
    visitor = Visitor(house)
    yield visitor
    visitor.client.close()


@pytest.fixture
def link(ada: Program) -> tuple[Any, str]:
    """A waiting token of Ada's, and the link that she sends to Ben."""
    token = ada.make_token(timeout="1h", tags=["moderation"])
    return token, f"/approve/{token.id}?token={token.public_access_token}"


def text_of(page: httpx.Response) -> str:
    """What a page says, without its markup."""
    main = page.text.partition("<main")[2].partition("</main>")[0]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", main.partition(">")[2]))).strip()
