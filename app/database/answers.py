"""Answers on their way from a thread of the database to whoever waits on an event loop."""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog

from .failures import DatabaseUnavailable

log = structlog.get_logger(__name__)


def call(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *arguments: Any) -> None:
    """Have `function` called on the loop, from any thread."""
    try:
        loop.call_soon_threadsafe(function, *arguments)
    except RuntimeError:  # the loop has closed
        log.debug("nobody waits for this answer any more")


def give(future: asyncio.Future[Any], result: object) -> None:
    """Answer with a result. On the loop; whoever has gone, or was answered, is left alone."""
    if not future.done():
        future.set_result(result)


def refuse(future: asyncio.Future[Any], error: BaseException) -> None:
    """Answer with an exception. On the loop; whoever has gone, or was answered, is left alone."""
    if not future.done():
        future.set_exception(_own(error))


def _own(error: BaseException) -> BaseException:
    """An exception for one caller: one that is raised in many places grows with each of them."""
    if isinstance(error, DatabaseUnavailable):
        return type(error)(*error.args)
    if isinstance(error, StopIteration):  # the one exception that a future refuses to carry
        return RuntimeError("the function raised StopIteration")
    return error
