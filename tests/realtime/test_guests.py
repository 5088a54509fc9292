"""Whoever is no longer welcome is shown out, whichever of their sockets it is."""

import asyncio

from app.database import DatabaseUnavailable
from app.realtime.guests import Full, Guests


class FakeLine:
    def __init__(self) -> None:
        self.code: int | None = None

    async def close(self, code: int, reason: str = "") -> None:
        self.code = code


def test_one_question_speaks_for_all_sockets_of_a_guest() -> None:
    guests, asked = Guests(), []

    async def is_welcome() -> bool:
        asked.append("ada")
        return False

    lines = [FakeLine() for _ in range(3)]
    seats = [guests.seat(line, "ada", is_welcome) for line in lines]  # type: ignore[arg-type]
    for seat in seats:
        seat.__enter__()
    asyncio.run(guests._ask("ada"))

    assert ["ada"] == asked
    assert [1008, 1008, 1008] == [line.code for line in lines]
    assert 3 == len(guests)


def test_nobody_is_shown_out_because_a_database_is_away() -> None:
    async def is_welcome() -> bool:
        raise DatabaseUnavailable("away")

    guests, line = Guests(), FakeLine()
    with guests.seat(line, "ada", is_welcome):  # type: ignore[arg-type]
        asyncio.run(guests._ask("ada"))

    assert line.code is None
    assert 0 == len(guests)


def test_a_seat_is_free_again_when_somebody_leaves() -> None:
    async def is_welcome() -> bool:
        return True

    guests = Guests(most_lines=1)
    with guests.seat(FakeLine(), "ada", is_welcome):  # type: ignore[arg-type]
        try:
            with guests.seat(FakeLine(), "ada", is_welcome):  # type: ignore[arg-type]
                raise AssertionError("there was a second seat")
        except Full:
            pass
        with guests.seat(FakeLine(), "cleo", is_welcome):  # type: ignore[arg-type]
            pass
    with guests.seat(FakeLine(), "ada", is_welcome):  # type: ignore[arg-type]
        pass
