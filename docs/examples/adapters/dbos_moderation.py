"""A DBOS workflow that asks a moderator: python dbos_moderation.py ID CONTENT.

Run it again with the same id after a crash, and it goes on where it was.
"""

import asyncio
import os
import sys
from dataclasses import dataclass

from dbos import DBOS, DBOSConfig, SetWorkflowID

from waitpoint.adapters.dbos import ask

CONFIG: DBOSConfig = {
    "name": "moderation",
    "system_database_url": os.environ.get("DBOS_SYSTEM_DATABASE_URL", "sqlite:///moderation.sqlite"),
}


@dataclass
class Approval:
    approved: bool


@DBOS.step()
async def tell_a_moderator(token_id: str, content: str) -> None:
    print(f"please look at {token_id}: {content}", flush=True)


@DBOS.step()
async def publish(outcome: str, content: str) -> None:
    print(f"{outcome} {content}", flush=True)


@DBOS.workflow()
async def moderate(content: str) -> str:
    question = await ask(Approval, timeout="24h", tags=["moderation"])
    await tell_a_moderator(question.id, content)
    approval = await question.unwrap()
    outcome = "published" if approval.approved else "held"
    await publish(outcome, content)
    return outcome


async def main(workflow_id: str, content: str) -> None:
    DBOS(config=CONFIG)
    DBOS.launch()
    with SetWorkflowID(workflow_id):
        handle = await DBOS.start_workflow_async(moderate, content)
    print(f"outcome: {await handle.get_result()}", flush=True)
    DBOS.destroy()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
