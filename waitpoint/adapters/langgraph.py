"""LangGraph owns the graph and its state, Waitpoint the question.

A node asks, and is interrupted: LangGraph records that, and nothing runs. `run` waits for the token outside of the
graph and resumes the node with the answer. After a crash it is called again with the same thread, and goes on.

LangGraph runs a node from its top when it resumes it, so what stands before a question runs again; the token stays
the same.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

import msgspec
from langgraph.config import get_config
from langgraph.types import Command, Interrupt, interrupt

from waitpoint._calls import CreateOptions
from waitpoint._values import Token
from waitpoint.adapters._questions import Question, make
from waitpoint.adapters._questions import settled as settled_token

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.graph.state import CompiledStateGraph

T = TypeVar("T")

TAG = "langgraph"
_TOKEN = "waitpoint"  # the member of an interrupt's value that names its token


@overload
async def ask(name: str, output_type: type[T], **options: Unpack[CreateOptions]) -> Question[T]: ...


@overload
async def ask(name: str, output_type: Any = None, **options: Unpack[CreateOptions]) -> Question[Any]: ...


async def ask(name: str, output_type: Any = None, **options: Unpack[CreateOptions]) -> Question[Any]:
    """Make a token from within a node. Tell somebody of its `id`, then await what this gives.

    `name` tells the questions of one node apart, and is the same whenever the node runs again.
    """
    here = get_config()["configurable"]
    made = await make(f"{TAG}/{here['thread_id']}/{here['checkpoint_ns']}/{name}", TAG, **options)

    async def settled() -> Token:
        return msgspec.convert(interrupt({_TOKEN: made["id"]}), Token)

    return Question(made, output_type, settled)


async def run(graph: CompiledStateGraph[Any, Any, Any, Any], start: Any, thread_id: str) -> Any:
    """Run a thread of the graph to its end, through every question; gives the state in which it ended.

    A thread that has begun goes on where it is, and `start` is left aside: so call this again after a crash.
    """
    config: RunnableConfig = {"configurable": {"thread_id": thread_id}}
    state = await graph.aget_state(config)
    given: Any = start if state.created_at is None else None
    if not state.interrupts and (given is not None or state.next):
        await graph.ainvoke(given, config, durability="sync")
    while questions := _questions_in((await graph.aget_state(config)).interrupts):
        answered = await _first_answer(questions)
        await graph.ainvoke(Command(resume=answered), config, durability="sync")
    return (await graph.aget_state(config)).values


def _questions_in(interrupts: tuple[Interrupt, ...]) -> dict[str, str]:
    """The tokens that are waited for, by the interrupts that wait. Interrupts of somebody else are left alone."""
    return {each.id: each.value[_TOKEN] for each in interrupts if isinstance(each.value, dict) and _TOKEN in each.value}


async def _first_answer(questions: dict[str, str]) -> dict[str, Any]:
    """What is known soonest: other questions of the thread may take longer, and their nodes wait on."""
    waits = {asyncio.ensure_future(settled_token(token)): asking for asking, token in questions.items()}
    try:
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        return {waits[each]: msgspec.to_builtins(each.result()) for each in done}
    finally:
        for each in waits:
            each.cancel()
