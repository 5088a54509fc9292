"""An empty JSON handler: what Litestar and uvicorn cost before anybody does any work.

It takes the same bodies on the same paths as the real server and gives answers of the same size,
with headers of the same size. Sizes come from a real answer, handed over in the environment.
Run by `python -m benchmarks.empty PORT`.
"""

import os
import sys
from typing import Any

import msgspec
import uvicorn
from litestar import Litestar, post
from litestar.params import FromPath, JSONBody

from app.commands.serve import UVICORN

SAMPLES = "BENCHMARK_SAMPLES"  # JSON of Samples


class Sample(msgspec.Struct):
    """A real answer: its JSON body, and the headers that uvicorn and Litestar would not add by themselves."""

    body: dict[str, Any]
    headers: dict[str, str]


class Samples(msgspec.Struct):
    """A real answer to each of the two requests."""

    create: Sample
    complete: Sample


class CreateToken(msgspec.Struct, rename="camel"):
    timeout: str | None = None
    tags: list[str] | str | None = None
    idempotency_key: str | None = None


class CompleteToken(msgspec.Struct):
    data: Any = None


class CreatedToken(msgspec.Struct, rename="camel"):
    id: str
    is_cached: bool
    url: str
    public_access_token: str


class CompletedToken(msgspec.Struct):
    success: bool


def create_app() -> Litestar:
    """The two empty handlers."""
    samples = msgspec.json.decode(os.environ[SAMPLES], type=Samples)
    created = msgspec.convert(samples.create.body, CreatedToken)
    completed = msgspec.convert(samples.complete.body, CompletedToken)

    @post("/api/v1/waitpoints/tokens", status_code=200, response_headers=samples.create.headers)
    async def create(data: JSONBody[CreateToken]) -> CreatedToken:
        return created

    @post(
        "/api/v1/waitpoints/tokens/{token_id:str}/complete",
        status_code=200,
        response_headers=samples.complete.headers,
    )
    async def complete(token_id: FromPath[str], data: JSONBody[CompleteToken]) -> CompletedToken:
        return completed

    return Litestar([create, complete], openapi_config=None)


if __name__ == "__main__":
    uvicorn.run(create_app(), host="127.0.0.1", port=int(sys.argv[1]), **UVICORN)  # type: ignore[arg-type]  # its own options
