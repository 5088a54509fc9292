"""DBOS owns the workflow, Waitpoint the question.

Making the token is a step of the workflow and waiting for it another, so both are recorded by DBOS: after a crash the
workflow asks for the same token again, and has its answer once. A workflow that waits is a coroutine in the memory
of its process, as one is that waits in `DBOS.recv_async`.
"""

from __future__ import annotations

from typing import Any, TypeVar, Unpack, overload

import msgspec
from dbos import DBOS

from waitpoint._calls import CreateOptions
from waitpoint._errors import InvalidInput
from waitpoint._values import Token
from waitpoint.adapters._questions import Question, make
from waitpoint.adapters._questions import settled as settled_token

T = TypeVar("T")

TAG = "dbos"


@overload
async def ask(output_type: type[T], **options: Unpack[CreateOptions]) -> Question[T]: ...


@overload
async def ask(output_type: Any = None, **options: Unpack[CreateOptions]) -> Question[Any]: ...


async def ask(output_type: Any = None, **options: Unpack[CreateOptions]) -> Question[Any]:
    """Make a token from within a workflow. Tell somebody of its `id`, then await what this gives."""
    workflow = DBOS.workflow_id
    if workflow is None:
        raise InvalidInput("ask() is for the code of a DBOS workflow, and there is none here.")

    async def create() -> dict[str, str]:
        return await make(f"{TAG}/{workflow}/{DBOS.step_id}", TAG, **options)

    made = await DBOS.run_step_async({"name": "create a token"}, create)

    async def wait_for_it() -> dict[str, Any]:
        plain: dict[str, Any] = msgspec.to_builtins(await settled_token(made["id"]))
        return plain

    async def settled() -> Token:
        return msgspec.convert(await DBOS.run_step_async({"name": "wait for the token"}, wait_for_it), Token)

    return Question(made, output_type, settled)
