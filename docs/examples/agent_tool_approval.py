"""An agent that asks before it acts: a person approves a tool call, changes it, or refuses with a reason.

What the model said and what the tools gave is recorded, so a crash costs no tokens of either kind, and a person may
take days. The model is a script here; put yours into `think`.

    waitpoint worker agent_tool_approval
    python agent_tool_approval.py "Order 8812 arrived broken, please give the money back"
"""

import asyncio
import sys
from typing import Any

from msgspec import Struct

from waitpoint import Decision, Request, step, task, wait

MOST_TURNS = 8

Message = dict[str, Any]


class ToolCall(Struct):
    name: str
    arguments: dict[str, Any]


class Thought(Struct):
    """What the model wants: a tool called, or its last words."""

    call: ToolCall | None = None
    words: str = ""


class Refund(Struct):
    """The arguments of a refund, as the form that a person approves or changes."""

    order: int
    amount: float


#: What only a person may permit, and the form of its arguments.
NEEDS_A_PERSON: dict[str, type[Struct]] = {"refund": Refund}


def question(call: ToolCall) -> Request:
    """May it? The form is filled with what the model wants, and what is sent is what will be done."""
    return Request(
        title=f"May the agent {call.name.replace('_', ' ')}?",
        form=NEEDS_A_PERSON[call.name],
        proposed=call.arguments,
        decisions=[
            Decision(
                value="approve",
                label="Do it",
                effect="It is done at once, as the form says.",
                output={"approved": True},
            ),
            Decision(
                value="refuse",
                label="Refuse",
                effect="The agent reads your comment.",
                output={"approved": False},
                form=False,
                require=["comment"],
            ),
        ],
    )


@step(retries=3, backoff="1s", time_limit="2m")
async def think(messages: list[Message]) -> Thought:
    """Ask the model. This one looks the order up, wants to refund it whole, and takes no for an answer."""
    said = {message["tool"]: message["content"] for message in messages if message["role"] == "tool"}
    if "look_up" not in said:
        return Thought(ToolCall("look_up", {"order": 8812}))
    if "refund" not in said:
        return Thought(ToolCall("refund", {"order": 8812, "amount": said["look_up"]["paid"]}))
    return Thought(words=f"I have dealt with it: {said['refund']}.")


@step
async def call_tool(call: ToolCall) -> Any:
    """Do it. Only what was approved comes here, in the words that were approved."""
    if call.name == "look_up":
        return {"order": call.arguments["order"], "paid": 120}
    return f"refunded {call.arguments['amount']} EUR"


@step
async def show(call: ToolCall, link: str) -> None:
    """Tell whoever may decide."""
    print(f"May I {call.name} {call.arguments}?\n  {link}", flush=True)


async def permitted(call: ToolCall) -> ToolCall | str:
    """The call as it may be made, or why not."""
    if call.name not in NEEDS_A_PERSON:
        return call
    token = await wait.create_token(timeout="3d", tags=["agent", f"tool:{call.name}"], request=question(call))
    await show(call, str(token.approval_url))
    result = await wait.for_token(token, dict[str, Any])
    if not result.ok:
        return "refused: nobody answered"
    answer = dict(result.output)
    approved, comment = answer.pop("approved"), answer.pop("comment", "")
    return ToolCall(call.name, answer) if approved else f"refused: {comment}"


@task(id="agent")
async def work_on(request: str) -> str:
    messages: list[Message] = [{"role": "user", "content": request}]
    for _ in range(MOST_TURNS):
        thought = await think(messages)
        if thought.call is None:
            return thought.words
        call = await permitted(thought.call)
        result = call if isinstance(call, str) else await call_tool(call)
        messages.append({"role": "tool", "tool": thought.call.name, "content": result})
    return "I could not come to an end."


async def main(request: str) -> None:
    print(await (await work_on.trigger(request)).result())


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:]) or "Order 8812 arrived broken, please give the money back"))
