"""Waitpoint: a program asks, somebody answers, the program goes on.

::

    from waitpoint import wait

    token = await wait.create_token(timeout="24h")
    approval = await wait.for_token(token, Approval).unwrap()

`wait` is for asyncio and finds the server in `WAITPOINT_URL` and `WAITPOINT_SECRET_KEY`. `Waitpoint` and
`AsyncWaitpoint` are clients with settings of their own. `task` and `step` make functions durable, and
`waitpoint.testing` rehearses them in memory. All exceptions are `WaitpointError`s.
"""

from waitpoint import wait
from waitpoint._calls import CreateOptions, ListFilters
from waitpoint._clients import AsyncTokenList, AsyncWaitpoint, TokenList, TokenWait, Waitpoint
from waitpoint._errors import (
    AlreadySettled,
    Forbidden,
    InvalidInput,
    InvalidKey,
    NotDurable,
    RateLimited,
    RunCancelled,
    RunEvicted,
    RunFailed,
    RunHasEnded,
    RunNotFound,
    ServerUnavailable,
    StepFailed,
    StillWaiting,
    TimeLimitExceeded,
    TokenNotFound,
    TryAgainLater,
    UnexpectedOutput,
    WaitpointCancelledError,
    WaitpointError,
    WaitpointTimeoutError,
)
from waitpoint._requests import Decision, Diff, Request
from waitpoint._requests import Step as JourneyStep
from waitpoint._tasks.calls import Run, TriggerOptions
from waitpoint._tasks.handles import RunHandle
from waitpoint._tasks.steps import Step, StepInfo, current_step, step
from waitpoint._tasks.tasks import RunInfo, Task, current_run, task
from waitpoint._values import Answered, CreatedToken, Settlement, Token, TokenPage, Unanswered, WaitResult

__all__ = [
    "AlreadySettled",
    "Answered",
    "AsyncTokenList",
    "AsyncWaitpoint",
    "CreateOptions",
    "CreatedToken",
    "Decision",
    "Diff",
    "Forbidden",
    "InvalidInput",
    "InvalidKey",
    "JourneyStep",
    "ListFilters",
    "NotDurable",
    "RateLimited",
    "Request",
    "Run",
    "RunCancelled",
    "RunEvicted",
    "RunFailed",
    "RunHandle",
    "RunHasEnded",
    "RunInfo",
    "RunNotFound",
    "ServerUnavailable",
    "Settlement",
    "Step",
    "StepFailed",
    "StepInfo",
    "StillWaiting",
    "Task",
    "TimeLimitExceeded",
    "Token",
    "TokenList",
    "TokenNotFound",
    "TokenPage",
    "TokenWait",
    "TriggerOptions",
    "TryAgainLater",
    "Unanswered",
    "UnexpectedOutput",
    "WaitResult",
    "Waitpoint",
    "WaitpointCancelledError",
    "WaitpointError",
    "WaitpointTimeoutError",
    "current_run",
    "current_step",
    "step",
    "task",
    "wait",
]
