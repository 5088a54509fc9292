"""Structured logs on standard error. They never hold a secret, a body or a URL that is a capability.

What somebody sent can hide in places that logs usually show: in the text of an exception, in the local
variables of a traceback, in the parameters of a statement, in the path of a request. None of these is written.
"""

import logging
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from types import TracebackType
from typing import Any

import structlog

from .settings import Settings

Line = MutableMapping[str, Any]
_LONGEST_TEXT = 500  # characters of an exception's own words


def configure(settings: Settings) -> None:
    """Send structlog's lines, and those of the libraries, to standard error in one form."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    as_text = settings.log_format == "text" or (settings.log_format == "auto" and sys.stderr.isatty())
    renderer: Any = (
        structlog.dev.ConsoleRenderer(repr_native_str=True) if as_text else structlog.processors.JSONRenderer()
    )
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        Discretion(quotes=level <= logging.DEBUG),
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    # Libraries are heard from warnings on: below, uvicorn prints the paths of websockets, and some are secret.
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


class Discretion:
    """Says of an exception what it is and where it happened, not in its own words: they may quote a request.

    With `quotes` (the level debug) its words are there, too, for a developer with data of their own.
    """

    def __init__(self, *, quotes: bool) -> None:
        self._quotes = quotes

    def __call__(self, _logger: object, _method: str, line: Line) -> Line:
        error = _exception_of(line.pop("exc_info", None))
        if error is not None:
            line["exception"] = described(error, quotes=self._quotes)
        return line


def described(error: BaseException, *, quotes: bool = False) -> str:
    """An exception and its causes: what they are and where they happened; with `quotes` in their own words."""
    lines: list[str] = []
    for each in _chain(error):
        words = f": {each}"[:_LONGEST_TEXT] if quotes else ""
        lines += [*_places(each.__traceback__), f"{type(each).__module__}.{type(each).__qualname__}{words}"]
    return "\n".join(lines)


def _exception_of(value: Any) -> BaseException | None:
    match value:
        case BaseException():
            return value
        case (_, BaseException() as error, _):
            return error
        case True:
            return sys.exc_info()[1]
        case _:
            return None


def _chain(error: BaseException) -> list[BaseException]:
    """The exception and what led to it, the first cause first."""
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in found:
        found.append(current)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return found[::-1]


def _places(trace: TracebackType | None) -> Iterator[str]:
    for frame in traceback.extract_tb(trace):
        yield f"  {frame.filename}:{frame.lineno} in {frame.name}"
