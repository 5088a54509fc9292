"""What many want at the same time is done once, and nobody gets what is older than their question."""

import asyncio

from app.database import DatabaseUnavailable
from app.realtime.shared import Paced, Shared


def test_who_asks_meanwhile_shares_the_next_reading() -> None:
    """The one under way may have looked before the change that they want to see."""

    async def story() -> list[int]:
        readings = 0
        begun, go = asyncio.Event(), asyncio.Event()

        async def read() -> int:
            nonlocal readings
            readings += 1
            begun.set()
            mine = readings
            await go.wait()
            return mine

        shared = Shared(read)
        first = asyncio.create_task(shared())
        await begun.wait()
        others = [asyncio.create_task(shared()) for _ in range(50)]
        await asyncio.sleep(0)
        go.set()
        return [await first, *await asyncio.gather(*others)]

    assert [1, *[2] * 50] == asyncio.run(story())


def test_a_reading_that_fails_fails_for_those_who_asked_and_no_longer() -> None:
    async def story() -> tuple[list[object], str]:
        failures = [DatabaseUnavailable("away")]

        async def read() -> str:
            if failures:
                raise failures.pop()
            return "back"

        shared = Shared(read)
        asked = await asyncio.gather(shared(), shared(), return_exceptions=True)
        return [type(answer) for answer in asked], await shared()

    assert ([DatabaseUnavailable, DatabaseUnavailable], "back") == asyncio.run(story())


def test_one_who_leaves_does_not_take_the_reading_along() -> None:
    async def story() -> str:
        async def read() -> str:
            await asyncio.sleep(0.01)
            return "read"

        shared = Shared(read)
        leaving, staying = asyncio.create_task(shared()), asyncio.create_task(shared())
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying

    assert "read" == asyncio.run(story())


def test_a_pace_is_kept_and_the_last_ask_is_not_lost() -> None:
    async def story() -> int:
        done, is_done_twice = 0, asyncio.Event()

        async def act() -> None:
            nonlocal done
            done += 1
            if done == 2:
                is_done_twice.set()

        paced = Paced(0.3, act)
        for _ in range(20):
            paced.ask()
            await asyncio.sleep(0)
        async with asyncio.timeout(20):
            await is_done_twice.wait()
        await asyncio.sleep(0.4)
        return done

    assert 2 == asyncio.run(story())


def test_what_fails_for_want_of_a_database_is_tried_again() -> None:
    async def story() -> int:
        tries = 0

        async def act() -> None:
            nonlocal tries
            tries += 1
            if tries < 3:
                raise DatabaseUnavailable("away")

        paced = Paced(0.01, act)
        paced.ask()
        await asyncio.sleep(0.1)
        return tries

    assert 3 == asyncio.run(story())
