"""Makers with good defaults: a server whose clock can be moved, programs that ask it, tokens.

`house` is the whole server, run in this process on a real port, on SQLite and on PostgreSQL. Its clock runs
years ahead and can be moved on, its sweeper sweeps and its mails are sent only when they are told to, and what a test wants to do behind
the server's back goes through the server's own writer. Many tests share one house, so nobody counts all its rows.
"""

import asyncio
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import SimpleNamespace
from typing import Any, TypeVar
from urllib.parse import unquote

import httpx
import msgspec
import pytest
import uvicorn
from litestar import Litestar

from app import asgi, ids, opening
from app.access.callbacks import CallbackHash
from app.clock import EPOCH, SystemClock
from app.commands.serve import UVICORN
from app.database import database as databases
from app.environments import api_keys, environments, signing_keys
from app.environments.models import Environment
from app.environments.signing_keys import PUBLIC_ACCESS, SigningKey
from app.files import sweeper as files
from app.notifications.deliverer import Deliverer
from app.people import people, sign_in
from app.service import Service
from app.settings import Settings
from app.tokens import lifecycle
from app.tokens.search import Doubt, Search, certain, search
from tests.cast import ADAS_KEY, CLEOS_KEY, NOBODYS_KEY
from tests.databases import DatabaseMaker
from tests.fixtures import KINDS

TOKENS = "/api/v1/waitpoints/tokens"
UNKNOWN_ID = ids.first_id_at(ids.TOKEN_PREFIX, EPOCH)
_NONE_KEPT = DefaultCookiePolicy(allowed_domains=[])  # many tests share one client, so it keeps nothing of theirs
AHEAD = timedelta(days=1500)  # PostgreSQL compares deadlines with its own clock too, so ours must be ahead of it

T = TypeVar("T")


class MovedClock:
    """The machine's clock, years ahead, and further by whatever a test adds."""

    def __init__(self) -> None:
        self._ahead = AHEAD
        self._standing: datetime | None = None
        self._system = SystemClock()

    def now(self) -> datetime:
        return self._standing or self._system.now() + self._ahead

    def move(self, *, until: datetime | None = None, **further: float) -> None:
        """Move on by a length of time, or to an instant; never back."""
        length = max(until - self.now() if until is not None else timedelta(**further), timedelta())
        if self._standing is not None:
            self._standing += length
        else:
            self._ahead += length

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Inside the block time moves only when a test moves it, to the millisecond."""
        self._standing = self.now()
        try:
            yield
        finally:
            reached, self._standing = self._standing, None
            self.move(until=reached)


class Program:
    """Somebody who speaks HTTP: Ada with her key, Ben with a public access token, or nobody with nothing."""

    def __init__(self, client: httpx.Client, credential: str | None, environment_id: str = "") -> None:
        self.client = client
        self.credential = credential
        self.environment_id = environment_id

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request as this program."""
        headers = httpx.Headers(options.pop("headers", None))
        if self.credential is not None and "authorization" not in headers:
            headers["authorization"] = f"Bearer {self.credential}"
        return self.client.request(method, path, headers=headers, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("POST", path, **options)

    def create(self, headers: dict[str, str] | None = None, **options: Any) -> httpx.Response:
        """Ask for a token with these options."""
        return self.post(TOKENS, json=options, headers=headers)

    def make_token(self, **options: Any) -> SimpleNamespace:
        """A new token: `.id`, `.url` (its callback), `.path`, `.public_access_token`."""
        answer = self.create(**options)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        return SimpleNamespace(
            id=body["id"],
            url=body["url"],
            callback=httpx.URL(body["url"]).raw_path.decode(),
            path=f"{TOKENS}/{body['id']}",
            public_access_token=body["publicAccessToken"],
        )

    def show(self, token: SimpleNamespace | str) -> dict[str, Any]:
        """The token as it reads now."""
        answer = self.get(f"{TOKENS}/{token if isinstance(token, str) else token.id}")
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def complete(
        self, token: SimpleNamespace | str, *data: Any, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Complete a token; without data its answer is `{}`."""
        path = f"{TOKENS}/{token if isinstance(token, str) else token.id}/complete"
        return self.post(path, json={"data": data[0]} if data else {}, headers=headers)

    def cancel(
        self, token: SimpleNamespace | str, reason: str | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        path = f"{TOKENS}/{token if isinstance(token, str) else token.id}/cancel"
        return self.post(path, json={} if reason is None else {"reason": reason}, headers=headers)

    def find(self, **query: Any) -> httpx.Response:
        """List tokens; `status`, `tags`, `key`, `period`, `since`, `until`, `size`, `after`, `before`."""
        return self.get(TOKENS, params=[(_QUERY[name], value) for name, value in query.items()])

    def find_ids(self, **query: Any) -> list[str]:
        answer = self.find(**query)
        assert answer.status_code == 200, answer.text
        return [token["id"] for token in answer.json()["data"]]


_QUERY = {
    "status": "filter[status]",
    "tags": "filter[tags]",
    "key": "filter[idempotencyKey]",
    "period": "filter[createdAt][period]",
    "since": "filter[createdAt][from]",
    "until": "filter[createdAt][to]",
    "size": "page[size]",
    "after": "page[after]",
    "before": "page[before]",
}


class House:
    """A running server, seen from inside and outside."""

    def __init__(self, settings: Settings) -> None:
        self.clock = MovedClock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.settings = settings
        self._ready: Future[Service] = Future()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(databases, "clock_of", lambda _url, clock: lambda _connection: clock.now())
            self.database = opening.open_database(settings, self.clock)
        self._edge = asgi.create_app(settings, self.database, self.url, started=self._started)
        self.app: Litestar = self._edge._app._framework  # type: ignore[attr-defined]  # behind the edge and the short way
        config = uvicorn.Config(self._edge, **UVICORN, lifespan="on")  # type: ignore[arg-type]
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._listener],), daemon=True)

    @property
    def service(self) -> Service:
        return self._ready.result(timeout=30)

    @property
    def is_postgresql(self) -> bool:
        return self.database.is_postgresql

    def start(self) -> None:
        self._thread.start()
        self.callbacks: CallbackHash = self.service.callbacks
        while not self._server.started:
            time.sleep(0.005)
        self.client = httpx.Client(base_url=self.url, timeout=20, trust_env=False, cookies=CookieJar(_NONE_KEPT))
        self.dev: Environment = self._environment("dev")
        self.prod: Environment = self._environment("prod")

    def stop(self) -> None:
        self.client.close()
        self._server.should_exit = True
        self._thread.join(timeout=15)
        assert not self._thread.is_alive(), "the server did not stop"
        self._listener.close()

    def write(self, function: Callable[..., T], *arguments: Any) -> T:
        """Do something behind the server's back, in its own writer."""
        result: T = self._on_loop(lambda: self.database.write(function, *arguments))
        return result

    def read(self, function: Callable[..., T], *arguments: Any) -> T:
        result: T = self._on_loop(lambda: self.database.read(function, *arguments))
        return result

    def certain(self, function: Callable[..., T | Doubt], *arguments: Any) -> T:
        """Read as the handlers do, asking the writer where a reader is in doubt."""
        result: T = self._on_loop(lambda: certain(self.database, function, *arguments))
        return result

    def pages(self, environment_id: str, wanted: Search, *, onwards: bool) -> list[list[str]]:
        """The ids on all pages of a search, read as the handlers do: onwards by `next`, or back by `previous`."""

        async def turn() -> list[list[str]]:
            pages, question = [], wanted
            while True:
                page = await certain(self.database, search, environment_id, question)
                pages.append([token.id for token in page.tokens])
                after, before = (page.next, None) if onwards else (None, page.previous)
                if after is None and before is None:
                    return pages
                question = msgspec.structs.replace(question, after=after, before=before)

        result: list[list[str]] = self._on_loop(turn)
        return result

    def sweep(self) -> int:
        """Let the sweeper come by once; gives how many tokens it timed out."""
        swept = 0
        while (some := self.write(lifecycle.time_out_overdue, 500, self.service.rules)) > 0:
            swept += some
        return swept

    def sweep_files(self) -> int:
        """Let the sweeper of files come by once; gives how many it swept."""
        swept: int = self._on_loop(lambda: files.sweep(self.database, self.app.state["files"]))
        return swept

    def deliver(self) -> int:
        """Let the deliverer try every mail that is due; gives how many those were."""
        deliverer: Deliverer = self.app.state["deliverer"]
        tried: int = self._on_loop(deliverer.deliver)
        return tried

    def program(self, credential: str | None, environment: Environment | None = None) -> Program:
        return Program(self.client, credential, environment.id if environment else "")

    def statuses(self, requests: Sequence[tuple[str, str, dict[str, str]]]) -> list[int]:
        """What many requests (method, URL, headers) without a body are answered. Past the sockets, so it is quick."""

        async def all_of_them() -> list[int]:
            return [await self._status(method, url, headers) for method, url, headers in requests]

        return self._on_loop(all_of_them)  # type: ignore[no-any-return]

    async def _status(self, method: str, url: str, headers: dict[str, str]) -> int:
        path, _, query = url.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "scheme": "http",
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [
                (name.encode(), value.encode("latin-1")) for name, value in {"host": "127.0.0.1", **headers}.items()
            ],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", self.port),
            "state": {},
        }
        statuses: list[int] = []
        bodies = iter([b""])
        is_answered = asyncio.Event()

        async def receive() -> dict[str, Any]:
            for body in bodies:
                return {"type": "http.request", "body": body, "more_body": False}
            await is_answered.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
            elif not message.get("more_body"):
                is_answered.set()

        await self._edge(scope, receive, send)
        return statuses[0]

    def make_key(self, scope: str = "full", environment: Environment | None = None) -> api_keys.NewApiKey:
        """An API key that only this test knows."""
        return self.write(api_keys.create, environment or self.dev, f"a {scope} key", scope)

    def make_environment(self) -> Environment:
        """A world of its own, for tests that look at everything in it."""
        slug = "e" + uuid.uuid4().hex[:10]
        environment: Environment = self.write(environments.ensure, slug)
        self.write(signing_keys.ensure, PUBLIC_ACCESS, environment.id)
        return environment

    def time_passes(self, *, minutes: float = 0, seconds: float = 0) -> None:
        """Time goes by, and the sweeper comes by."""
        self.clock.move(minutes=minutes, seconds=seconds)
        self.sweep()

    def newcomer(self) -> Program:
        """A program in an environment of its own, where there is no token yet."""
        environment = self.make_environment()
        return self.program(self.make_key("full", environment).secret, environment)

    def signing_key(self, environment: Environment | None = None) -> SigningKey:
        """The secret with which public access tokens of an environment are signed now."""
        return self.write(signing_keys.ensure, PUBLIC_ACCESS, (environment or self.dev).id)

    def mint(self, *scopes: str, environment: Environment | None = None, **lifetime: float) -> str:
        """A public access token that the server itself signed."""
        life = timedelta(**lifetime) if lifetime else timedelta(hours=24)
        service = self.service
        token: str = self._on_loop(lambda: service.authentication.mint((environment or self.dev).id, [*scopes], life))
        return token

    def forget(self) -> None:
        """Have the server look up every key again, as it does by itself after a second."""
        self.service.authentication.forget()

    def sign_in(self, role: str = "owner") -> str:
        """The cookie of a person who has signed in: the owner, or whoever has that role."""
        person = self.write(people.add, f"{role}@example.com", role.capitalize(), role)
        return self.write(sign_in.begin, person.id).cookie

    def _environment(self, slug: str) -> Environment:
        environment: Environment | None = self.read(environments.find, slug)
        assert environment is not None
        return environment

    async def _started(self, service: Service) -> None:
        self._ready.set_result(service)

    def _on_loop(self, start: Callable[[], Any]) -> Any:
        async def run() -> Any:
            return await start()

        return asyncio.run_coroutine_threadsafe(run(), self.database.loop).result(timeout=90)


@contextmanager
def open_house(database_url: str, **settings: Any) -> Iterator[House]:
    """A house with settings of its own."""
    given = {
        "database_url": database_url,
        "secret_key": ADAS_KEY,
        "secret_keys": {"prod": CLEOS_KEY},
        "public_rate_limit": 10_000,
        **settings,
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asgi, "sweep_for_ever", _never_sweep)
        patch.setattr(asgi, "sweep_files_for_ever", _never_sweep)
        patch.setattr(Deliverer, "start", lambda _: None)
        house = House(Settings(**given))
        house.start()
        try:
            yield house
        finally:
            house.stop()


async def _never_sweep(*_: Any) -> None:
    await asyncio.Event().wait()


@pytest.fixture(scope="session", params=KINDS)
def house(request: pytest.FixtureRequest, make_database: DatabaseMaker) -> Iterator[House]:
    """A house that many tests share."""
    with make_database(request.param) as url, open_house(url) as house:
        yield house


@pytest.fixture
def ada(house: House) -> Program:
    """Ada, who creates tokens with an API key of the default environment."""
    return house.program(ADAS_KEY, house.dev)


@pytest.fixture
def cleo(house: House) -> Program:
    """Cleo, who belongs to another environment and may see nothing of Ada's."""
    return house.program(CLEOS_KEY, house.prod)


@pytest.fixture
def nobody(house: House) -> Program:
    """Somebody without any credential."""
    return house.program(None)


@pytest.fixture
def stranger(house: House) -> Program:
    """Somebody with a key that was never made."""
    return house.program(NOBODYS_KEY)


@pytest.fixture
def newcomer(house: House) -> Program:
    """A program in an environment of its own, where there is no token yet."""
    return house.newcomer()


def ben_with(house: House, token: SimpleNamespace) -> Program:
    """Ben, who has the public access token of one token and no key."""
    return house.program(token.public_access_token, house.dev)


def unique(prefix: str = "") -> str:
    """A text that no other test uses."""
    return prefix + uuid.uuid4().hex[:12]
