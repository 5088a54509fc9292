"""A LangGraph graph that asks a moderator: python langgraph_moderation.py THREAD CONTENT.

Run it again with the same thread after a crash, and it goes on where it was.
"""

import asyncio
import os
import sys
from dataclasses import dataclass
from typing import TypedDict

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph

from waitpoint.adapters.langgraph import ask, run


@dataclass
class Approval:
    approved: bool


class Post(TypedDict, total=False):
    content: str
    outcome: str


async def moderate(state: Post) -> Post:
    question = await ask("moderation", Approval, timeout="24h", tags=["moderation"])
    print(f"please look at {question.id}: {state['content']}", flush=True)  # again when the node is resumed
    approval = await question.unwrap()
    return {"outcome": "published" if approval.approved else "held"}


async def publish(state: Post) -> Post:
    print(f"{state['outcome']} {state['content']}", flush=True)
    return {}


graph = StateGraph(Post)
graph.add_node("moderate", moderate)
graph.add_node("publish", publish)
graph.add_edge(START, "moderate")
graph.add_edge("moderate", "publish")
graph.add_edge("publish", END)


async def main(thread: str, content: str) -> None:
    async with AsyncSqliteSaver.from_conn_string(os.environ.get("CHECKPOINTS", "moderation.sqlite")) as saver:
        state = await run(graph.compile(checkpointer=saver), {"content": content}, thread)
    print(f"outcome: {state['outcome']}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
