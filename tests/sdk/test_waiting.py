"""Waiting outside tasks: the websocket rings, the truth is read over REST, and nothing is missed."""

import asyncio
import dataclasses
import json
from typing import Any

import httpx
import pytest

from tests.cast import ADAS_KEY
from tests.sdk.sockets import Realtime, realtime_server, until
from tests.sdk.stand_in import StandIn
from waitpoint import AsyncWaitpoint, InvalidInput, InvalidKey, StillWaiting, WaitResult, _doorbell, wait
from waitpoint._surroundings import channel_here


@dataclasses.dataclass
class Approval:
    approved: bool


class World:
    """A stand-in for REST, a realtime endpoint on a real socket, and Ada's client for both."""

    def __init__(self, stand_in: StandIn, realtime: Realtime) -> None:
        self.stand_in = stand_in
        self.realtime = realtime
        self.client = AsyncWaitpoint(url=realtime.url, secret_key=ADAS_KEY, transport=httpx.MockTransport(stand_in))

    async def begin_to_wait(self, token: Any, **options: Any) -> asyncio.Task[WaitResult[Any]]:
        """A wait that has subscribed and looked."""
        heard = len(self.realtime.heard)
        task = asyncio.create_task(self.client.tokens.wait(token, **options)._wait())
        await until(lambda: len(self.realtime.heard) > heard)
        await until(lambda: self.looks >= 2)
        return task

    @property
    def looks(self) -> int:
        """How often the token was read."""
        return sum(request.method == "GET" and not request.url.path.endswith("/wait") for request in self.stand_in.seen)

    @property
    def polls(self) -> int:
        """How often the server was asked to hold the line."""
        return sum(request.url.path.endswith("/wait") for request in self.stand_in.seen)


@pytest.fixture
def stand_in() -> StandIn:
    return StandIn()


def in_a_world(story: Any, stand_in: StandIn) -> None:
    """Run a story in which everything works."""

    async def run() -> None:
        async with realtime_server() as realtime:
            world = World(stand_in, realtime)
            try:
                async with asyncio.timeout(20):
                    await story(world)
            finally:
                await world.client.close()

    asyncio.run(run())


def test_a_ring_ends_the_wait(stand_in: StandIn) -> None:
    """The event carries no output; the token is read."""

    async def story(world: World) -> None:
        token = await world.client.tokens.create()
        waiting = await world.begin_to_wait(token, output_type=Approval)

        await world.client.tokens.complete(token, {"approved": True})
        await world.realtime.ring(token.id)

        assert (await waiting).unwrap() == Approval(approved=True)
        assert [
            {"type": "auth", "token": ADAS_KEY},
            {"type": "subscribe", "tokens": [token.id]},
        ] == world.realtime.heard
        assert 0 == world.polls

    in_a_world(story, stand_in)


def test_an_answer_that_came_before_needs_no_socket(stand_in: StandIn) -> None:
    """One look, and done."""

    async def story(world: World) -> None:
        token = await world.client.tokens.create()
        await world.client.tokens.complete(token, 1)

        assert 1 == await world.client.tokens.wait(token).unwrap()
        assert 0 == world.realtime.connections

    in_a_world(story, stand_in)


def test_an_answer_between_looking_and_listening_is_seen(stand_in: StandIn) -> None:
    """Registered first, then read: nobody rings for what happened before."""

    async def story(world: World) -> None:
        token = await world.client.tokens.create()
        stand_in.then = lambda: stand_in.tokens[token.id].update(status="COMPLETED", output='"in between"')

        assert "in between" == await world.client.tokens.wait(token).unwrap()
        assert 2 == world.looks

    in_a_world(story, stand_in)


def test_other_peoples_rings_change_nothing(stand_in: StandIn) -> None:
    """A ring for another token is not a reason to look."""

    async def story(world: World) -> None:
        token = await world.client.tokens.create()
        waiting = await world.begin_to_wait(token)
        looks = world.looks

        await world.realtime.ring("waitpoint_other")
        await asyncio.sleep(0.05)

        assert looks == world.looks
        assert not waiting.done()
        waiting.cancel()

    in_a_world(story, stand_in)


def test_a_thousand_waits_share_one_socket(stand_in: StandIn) -> None:
    """Named in batches, each message small."""

    async def story(world: World) -> None:
        tokens = [await world.client.tokens.create() for _ in range(300)]
        waiting = [asyncio.create_task(world.client.tokens.wait(token).unwrap()) for token in tokens]
        await until(lambda: world.looks == 600, within=15)

        for token in tokens:
            await world.client.tokens.complete(token, token.id)
            await world.realtime.ring(token.id)

        assert [token.id for token in tokens] == await asyncio.gather(*waiting)
        assert 1 == world.realtime.connections
        assert all(len(json.dumps(message)) <= 4096 for message in world.realtime.heard)

    in_a_world(story, stand_in)


def test_the_socket_is_closed_after_the_last_wait(stand_in: StandIn) -> None:
    """And opened again for the next."""

    async def story(world: World) -> None:
        for expected in (1, 2):
            token = await world.client.tokens.create()
            waiting = await world.begin_to_wait(token)
            await world.client.tokens.complete(token)
            await world.realtime.ring(token.id)
            await waiting
            await until(lambda: world.realtime.open_sockets == 0)
            assert expected == world.realtime.connections
            world.stand_in.seen.clear()

    in_a_world(story, stand_in)


def test_a_wait_survives_a_restart_of_the_server(stand_in: StandIn) -> None:
    """The token was settled while nobody could ring; the wait looks when the line is back."""

    async def story(world: World) -> None:
        token = await world.client.tokens.create()
        waiting = await world.begin_to_wait(token)
        world.stand_in.next_answers = [httpx.ConnectError("refused")] * 3

        await world.realtime.stop()
        await asyncio.sleep(0.2)
        world.stand_in.next_answers = []
        await world.client.tokens.complete(token, "while away")
        await world.realtime.start()

        assert "while away" == (await waiting).unwrap()

    in_a_world(story, stand_in)


def test_without_websockets_the_server_is_asked_to_hold_the_line(stand_in: StandIn) -> None:
    """Where a proxy lets no websocket through, a long poll waits as well."""

    async def story() -> None:
        client = AsyncWaitpoint(url="http://127.0.0.1:9", secret_key=ADAS_KEY, transport=httpx.MockTransport(stand_in))
        async with client:
            token = await client.tokens.create()
            waiting = asyncio.create_task(client.tokens.wait(token).unwrap())
            await until(lambda: any(request.url.path.endswith("/wait") for request in stand_in.seen))
            stand_in.tokens[token.id].update(status="COMPLETED", output="3")

            assert 3 == await waiting

    asyncio.run(story())


def test_a_lost_ring_is_made_good(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once in a while the wait looks although nobody rang."""
    monkeypatch.setattr(_doorbell, "LOOK_AGAIN_AFTER", 0.05)

    async def story(world: World) -> None:
        token = await world.client.tokens.create()
        waiting = await world.begin_to_wait(token)

        await world.client.tokens.complete(token, "silently")

        assert "silently" == (await waiting).unwrap()

    in_a_world(story, stand_in)


def test_a_wait_ends_when_its_own_time_is_up(stand_in: StandIn) -> None:
    """The token goes on waiting, and the exception is a TimeoutError, too."""

    async def story(world: World) -> None:
        token = await world.client.tokens.create()

        with pytest.raises(StillWaiting, match="goes on waiting"):
            await world.client.tokens.wait(token, timeout=0.1)
        with pytest.raises(TimeoutError):
            await world.client.tokens.wait(token, timeout=0)

        assert (await world.client.tokens.retrieve(token)).is_waiting

    in_a_world(story, stand_in)


def test_a_cancelled_wait_leaves_nothing_behind(stand_in: StandIn) -> None:
    """Neither a task nor a socket."""

    async def story(world: World) -> None:
        token = await world.client.tokens.create()
        waiting = await world.begin_to_wait(token)

        waiting.cancel()

        with pytest.raises(asyncio.CancelledError):
            await waiting
        await until(lambda: world.realtime.open_sockets == 0)
        await until(lambda: not [task for task in asyncio.all_tasks() if "stay_on_the_line" in repr(task)])

    in_a_world(story, stand_in)


def test_a_refused_key_ends_the_wait(stand_in: StandIn) -> None:
    """An outage is waited out; a revoked key is not."""

    async def story(world: World) -> None:
        token = await world.client.tokens.create()
        waiting = await world.begin_to_wait(token)
        stand_in.key = "another"

        await world.realtime.ring(token.id)

        with pytest.raises(InvalidKey):
            await waiting

    in_a_world(story, stand_in)


# The module `wait`.


@pytest.fixture
def adas_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ada's settings are in the environment."""
    monkeypatch.setenv("WAITPOINT_SECRET_KEY", ADAS_KEY)
    monkeypatch.setenv("WAITPOINT_URL", "http://127.0.0.1:9")


def mocked(monkeypatch: pytest.MonkeyPatch, stand_in: StandIn) -> None:
    """Every awaiting client speaks to the stand-in."""
    monkeypatch.setattr(
        httpx.AsyncHTTPTransport, "handle_async_request", httpx.MockTransport(stand_in).handle_async_request
    )


@pytest.mark.usefixtures("adas_shell")
def test_the_five_functions_need_no_client(monkeypatch: pytest.MonkeyPatch, stand_in: StandIn) -> None:
    """They read the environment."""
    mocked(monkeypatch, stand_in)

    async def program() -> list[Any]:
        token = await wait.create_token(timeout="10m", tags="one")
        await wait.complete_token(token, {"approved": True})
        approval = await wait.for_token(token, Approval).unwrap()
        found = await wait.retrieve_token(token.id)
        return [approval, found.status, *[listed.id async for listed in wait.list_tokens(tags="one")]]

    assert [Approval(approved=True), "COMPLETED", "waitpoint_000"] == asyncio.run(program())


@pytest.mark.usefixtures("adas_shell")
def test_the_client_behind_them_lives_as_long_as_the_loop(monkeypatch: pytest.MonkeyPatch, stand_in: StandIn) -> None:
    """One client for a program, closed when `asyncio.run` ends, and a new one for the next loop."""
    mocked(monkeypatch, stand_in)
    clients: list[Any] = []
    closed: list[Any] = []
    init, aclose = httpx.AsyncClient.__init__, httpx.AsyncClient.aclose

    def counted_init(self: Any, **options: Any) -> None:
        clients.append(self)
        init(self, **options)

    async def counted_close(self: Any) -> None:
        closed.append(self)
        await aclose(self)

    monkeypatch.setattr(httpx.AsyncClient, "__init__", counted_init)
    monkeypatch.setattr(httpx.AsyncClient, "aclose", counted_close)

    async def program() -> None:
        await asyncio.gather(wait.create_token(), wait.create_token())
        assert not closed[len(clients) - 1 :]

    for count in (1, 2):
        asyncio.run(program())
        assert count == len(clients)
        assert clients == closed


def test_a_wait_may_be_made_outside_a_loop() -> None:
    """It begins when it is awaited; a mistake in it is said at once."""
    assert "waitpoint_1" in repr(wait.for_token("waitpoint_1"))

    with pytest.raises(InvalidInput, match="token is None"):
        wait.for_token(None)  # type: ignore[call-overload]


def test_create_task_refuses_a_wait_and_says_what_to_write() -> None:
    """Asyncio's own sentence, with ours in it."""

    async def program() -> None:
        with pytest.raises(TypeError, match=r"give \.unwrap\(\) to create_task"):
            asyncio.create_task(wait.for_token("waitpoint_1"))  # type: ignore[arg-type]  # noqa: RUF006 (it is refused)

    asyncio.run(program())


def test_without_a_key_the_await_raises() -> None:
    """With the name of the setting."""

    async def program() -> None:
        await wait.create_token()

    with pytest.raises(InvalidKey, match="WAITPOINT_SECRET_KEY"):
        asyncio.run(program())


def test_the_surroundings_may_bring_a_channel_of_their_own() -> None:
    """What a durable task will do: the same words, and another world behind them."""

    class Recorder:
        def __init__(self) -> None:
            self.asked: list[str] = []

        def begin(self) -> "Recorder":
            return self

        async def ask(self, call: Any) -> Any:
            self.asked.append(f"{call.method} {call.path}")

        async def settled(self, token_id: str, within: float | None) -> Any:
            raise NotImplementedError

        def changes(self, run_id: str) -> Any:
            raise NotImplementedError

    async def task() -> list[str]:
        recorder = Recorder()
        channel_here.set(recorder)
        await wait.create_token()
        return recorder.asked

    assert ["POST /api/v1/waitpoints/tokens"] == asyncio.run(task())
