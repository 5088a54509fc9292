"""`waitpoint worker`: run the tasks of a module for a server."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from waitpoint._errors import InvalidInput
from waitpoint._settings import Settings, settings
from waitpoint._tasks.tasks import Task

DESCRIPTION = """\
Run the tasks of MODULE, or those that MODULE:ATTRIBUTE holds, for a server.

The server is found in WAITPOINT_URL, the key in WAITPOINT_SECRET_KEY. Any number of workers may run the same tasks.
SIGTERM lets what is at work end or come to its next wait."""


def main(argv: Sequence[str]) -> int:
    """Work until told to stop."""
    options = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    for loud in ("httpx", "websockets"):
        logging.getLogger(loud).setLevel(logging.WARNING)
    tasks = tasks_of(options.module)
    where = settings(options.url)
    asyncio.run(_work(tasks, where, options))
    return 0


def tasks_of(place: str) -> list[Task[Any, Any]]:
    """The tasks that a module, or one attribute of it, holds."""
    name, _, attribute = place.partition(":")
    if os.getcwd() not in sys.path:  # noqa: PTH109 (as it is spelled in sys.path)
        sys.path.insert(0, os.getcwd())  # noqa: PTH109 (the same)
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name is not None and (name == missing.name or name.startswith(f"{missing.name}.")):
            raise InvalidInput(f"There is no module {name} here. Name it as in an import: orders.tasks") from None
        raise
    if attribute and not hasattr(module, attribute):
        raise InvalidInput(f"The module {name} has no {attribute}.")
    found = list(dict.fromkeys(_tasks_in(getattr(module, attribute) if attribute else vars(module))))
    if not found:
        raise InvalidInput(f"There is no task in {place}. Tasks are functions with @task.")
    if len({task.id for task in found}) < len(found):
        raise InvalidInput(f"Two tasks in {place} have the same id. Give one of them another: @task(id=…).")
    return found


def _tasks_in(value: Any) -> Iterable[Task[Any, Any]]:
    if isinstance(value, Task):
        return [value]
    members = value.values() if isinstance(value, dict) else value
    return [each for each in members if isinstance(each, Task)] if isinstance(members, Iterable) else []


async def _work(tasks: list[Task[Any, Any]], where: Settings, options: argparse.Namespace) -> None:
    from waitpoint._tasks.worker import Worker  # noqa: PLC0415 (websockets is slow to import)

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    worker = Worker(tasks, where, slots=options.slots, max_parked=0 if options.always_replay else options.max_parked)
    logging.getLogger("waitpoint").info("Working on %s", ", ".join(sorted(task.id for task in tasks)))
    await worker.work(stop)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "waitpoint worker", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("module", metavar="MODULE[:ATTRIBUTE]", help="where the tasks are: orders.tasks")
    parser.add_argument("--slots", type=_at_least_one, default=10, help="runs executed at once (default: 10)")
    parser.add_argument(
        "--max-parked", type=int, default=1000, help="waiting runs kept in memory; others are replayed (default: 1000)"
    )
    parser.add_argument("--always-replay", action="store_true", help="keep no waiting run in memory: for tests")
    parser.add_argument("--url", help="the server, instead of WAITPOINT_URL")
    return parser


def _at_least_one(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError(text)
    return number
