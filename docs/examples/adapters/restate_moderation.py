"""A Restate service that asks a moderator.

uvicorn restate_moderation:app --port 9080                            serves it
restate deployments register http://127.0.0.1:9080 --use-http1.1      tells Restate of it
python -m waitpoint.adapters.restate --ingress http://127.0.0.1:8080  takes the answers to Restate
"""

from dataclasses import dataclass

import restate

from waitpoint.adapters.restate import ask

moderation = restate.Service("Moderation")


@dataclass
class Approval:
    approved: bool


@moderation.handler()
async def moderate(ctx: restate.Context, content: str) -> str:
    question = await ask(ctx, Approval, timeout="24h", tags=["moderation"])
    await ctx.run_typed("tell a moderator", lambda: print(f"please look at {question.id}: {content}", flush=True))
    approval = await question.unwrap()
    outcome = "published" if approval.approved else "held"
    await ctx.run_typed("publish", lambda: print(f"{outcome} {content}", flush=True))
    return outcome


app = restate.app([moderation])
