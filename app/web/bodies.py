"""Reading a request's body: counted while it comes, and drained before it is refused."""

from typing import Any, cast

from litestar import Request

from .problems import Problem

_DRAIN_LIMIT = 32 * 1024 * 1024  # bytes read on after a refusal, so that the sender hears the answer


async def read_body(request: Request[Any, Any, Any], limit: int) -> bytes:
    """The whole body, at most `limit` bytes. Raises a Problem: 413 when it is larger, 415 when it is compressed."""
    encoding = request.headers.get("content-encoding", "identity")
    message = await request.receive()
    body = cast("bytes", message.get("body", b""))
    if message.get("more_body"):
        body = await _rest(request, bytearray(body), limit)
    if encoding != "identity":
        detail = f"The body must not be compressed (Content-Encoding: {encoding[:40]})."
        raise Problem(415, "encoded-body", detail)
    if len(body) > limit:
        raise _too_large(limit)
    return body


async def _rest(request: Request[Any, Any, Any], body: bytearray, limit: int) -> bytes:
    received = len(body)
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise Problem(400, "incomplete-body", "The connection was closed before the body was complete.")
        chunk = cast("bytes", message.get("body", b""))
        received += len(chunk)
        if received <= limit:
            body += chunk
        elif received > _DRAIN_LIMIT:
            raise _too_large(limit)
        if not message.get("more_body"):
            break
    if received > limit:
        raise _too_large(limit)
    return bytes(body)


def _too_large(limit: int) -> Problem:
    return Problem(413, "payload-too-large", f"The body is larger than {limit} bytes.", more={"limit": limit})
