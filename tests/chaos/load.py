"""Clients that go on whatever happens, and note how each request was answered."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.chaos.clients import TOKENS, Answer, RawClient
from tests.chaos.journal import Journal

ANSWER_LIMIT = 5.0  # seconds: the longest that a request may wait for any answer
_REFUSALS = {503: "unavailable", 507: "storage-full"}


class Load:
    """Creates and completes through several connections, until told to stop."""

    def __init__(self, url: str, journal: Journal, clients: int = 8, size: int = 100) -> None:
        self.statuses: Counter[int] = Counter()
        self.slowest = 0.0
        self._url = url
        self._journal = journal
        self._size = size
        self._clients = clients
        self._stopping = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self._stopping = False
        tasks = [asyncio.create_task(self._run(number)) for number in range(self._clients)]
        try:
            yield
        finally:
            self._stopping = True
            await asyncio.gather(*tasks)

    def forget(self) -> None:
        """Count from here on."""
        self.statuses.clear()
        self.slowest = 0.0

    @property
    def stored(self) -> int:
        return self.statuses[200]

    @property
    def refused(self) -> int:
        return self.statuses[503] + self.statuses[507]

    async def _run(self, number: int) -> None:
        client = RawClient(self._url)
        dice = random.Random(number)
        while not self._stopping:
            if not await self._create_and_complete(client, dice):
                await asyncio.sleep(0.02)
        client.close()

    async def _create_and_complete(self, client: RawClient, dice: random.Random) -> bool:
        made = self._note(await client.post(TOKENS, {"timeout": "1d"}, limit=2 * ANSWER_LIMIT))
        if made.status != 200:
            self._journal.create_lost_its_answer()
            return False
        token_id = made.json["id"]
        self._journal.was_created(token_id, [])
        output = dice.randbytes(self._size // 2).hex()
        self._journal.about_to_complete(token_id, output)
        done = self._note(await client.post(f"{TOKENS}/{token_id}/complete", {"data": output}, limit=2 * ANSWER_LIMIT))
        if done.status == 200:
            self._journal.was_completed(token_id, output)
        return done.status == 200

    def _note(self, answer: Answer) -> Answer:
        """Every answer is the truth, in time, and in the words of the contract."""
        self.statuses[answer.status] += 1
        self.slowest = max(self.slowest, answer.seconds)
        if answer.status != 200:
            assert answer.status in _REFUSALS, answer.body
            assert "application/problem+json" == answer.headers["content-type"]
            assert isinstance(answer.json["error"], str)
            assert _REFUSALS[answer.status] == answer.json["code"]
            assert "retry-after" in answer.headers
        return answer
