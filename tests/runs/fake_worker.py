"""A worker that says exactly what a test wants it to say."""

import json
from collections import deque
from contextlib import ExitStack
from typing import Any, Self
from uuid import uuid4

from websockets.sync.client import connect

from tests.makers import House, Program

PATIENCE = 60.0  # seconds


class FakeWorker:
    """One connection; `ask` gives the reply to a call, `hears` the next thing that the server says by itself."""

    def __init__(self, house: House, program: Program, name: str | None = None) -> None:
        self.name = name or f"worker-{uuid4().hex[:8]}"
        headers = {"authorization": f"Bearer {program.credential}"}
        url = f"ws://127.0.0.1:{house.port}/api/v1/workers"
        self._open = ExitStack()
        self.socket = self._open.enter_context(connect(url, additional_headers=headers, proxy=None, max_size=None))
        self._number = 0
        self._replies: dict[int, dict[str, Any]] = {}
        self._heard: deque[dict[str, Any]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """The connection ends, and this is all that the server hears of it."""
        self._open.close()

    def hello(self, *tasks: str, slots: int = 5, parked: list[Any] | None = None, **more: Any) -> dict[str, Any]:
        return self.ask("hello", worker=self.name, tasks=[*tasks], slots=slots, parked=parked or [], **more)

    def ask(self, kind: str, run: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
        number = self.send(kind, run, **fields)
        while number not in self._replies:
            self._read(PATIENCE)
        return {name: value for name, value in self._replies.pop(number).items() if name != "reply"}

    def send(self, kind: str, run: dict[str, Any] | None = None, **fields: Any) -> int:
        """Say something and do not wait for the reply."""
        self._number += 1
        of = {} if run is None else {"run": run["run"], "generation": run["generation"]}
        self.socket.send(json.dumps([{"id": self._number, "type": kind, **of, **fields}]))
        return self._number

    def hears(self, kind: str, within: float = PATIENCE) -> dict[str, Any]:
        """The next thing that the server says by itself; it must be of this kind."""
        while not self._heard:
            self._read(within)
        message = self._heard.popleft()
        assert kind == message["type"], message
        return message

    def hears_first(self, kind: str, *, leaving_aside: str) -> dict[str, Any]:
        """The next thing of this kind; another may come before it, or not."""
        while not self._heard:
            self._read(PATIENCE)
        if self._heard[0]["type"] == leaving_aside:
            self._heard.popleft()
        return self.hears(kind)

    def hears_nothing(self, within: float = 0.3) -> None:
        try:
            while True:
                self._read(within)
        except TimeoutError:
            assert [] == [*self._heard]

    def _read(self, within: float) -> None:
        for message in json.loads(self.socket.recv(timeout=within)):
            if "reply" in message:
                self._replies[message["reply"]] = message
            else:
                self._heard.append(message)
