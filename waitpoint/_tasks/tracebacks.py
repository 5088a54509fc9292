"""Tracebacks that show the code of whoever wrote the task, and none of what carried it out."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from pathlib import Path

from waitpoint._errors import StepFailed

_OURS = f"{Path(__file__).parents[1]}{os.sep}"
_CARRIERS = ("/asyncio/", "/concurrent/futures/")  # a step that is a plain `def` runs in a thread


def readable(error: BaseException) -> str:
    """The traceback of an error. For a step that failed the task it begins with where the step failed."""
    told = traceback.TracebackException.from_exception(error)
    for each in _with_causes(told):
        each.stack = _of_the_user(each.stack)
    text = "".join(told.format())
    if isinstance(error, StepFailed) and error.traceback:
        return f"{error.traceback.rstrip()}\n\nThe step {error.step} was called here:\n\n{text}"
    return text


def _with_causes(told: traceback.TracebackException) -> Iterator[traceback.TracebackException]:
    yield told
    for other in (told.__cause__, told.__context__, *(told.exceptions or ())):
        if other is not None:
            yield from _with_causes(other)


def _of_the_user(stack: traceback.StackSummary) -> traceback.StackSummary:
    """Without our frames, and without those in front that only led to the user's. All, where none would be left."""
    theirs = [frame for frame in stack if not frame.filename.startswith(_OURS)]
    while theirs and any(carrier in theirs[0].filename.replace("\\", "/") for carrier in _CARRIERS):
        theirs.pop(0)
    return traceback.StackSummary.from_list(theirs) if theirs else stack
