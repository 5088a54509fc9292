"""Conversations carried out over httpx: once by blocking, once by awaiting. All decisions are made elsewhere."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from typing import Any, TypeVar, cast

import httpx

from waitpoint._conversations import Conversation, Outcome, Reply, Request, Silence
from waitpoint._settings import Settings

T = TypeVar("T")

CONNECT_WITHIN = 5.0  # seconds


class BlockingTransport:
    """Carries conversations out in the calling thread. Any number of threads may share it."""

    def __init__(self, settings: Settings, http: httpx.BaseTransport | None = None) -> None:
        self._url = settings.url
        self._http = httpx.Client(transport=http, **_manners(settings))

    def carry_out(self, conversation: Conversation[T]) -> T:
        """Send what the conversation asks for until it has come to its result."""
        try:
            request = next(conversation)
            while True:
                if request.after:
                    time.sleep(request.after)
                request = conversation.send(self._send(request))
        except StopIteration as end:
            return cast("T", end.value)

    def _send(self, request: Request) -> Outcome:
        url = self._url + request.call.path
        try:
            return _reply(url, self._http.request(url=url, **_message(request)))
        except httpx.RequestError as problem:
            return Silence(url=url, reason=_reason(problem))

    def close(self) -> None:
        self._http.close()


class AwaitingTransport:
    """Carries conversations out in an event loop, and belongs to that loop."""

    def __init__(self, settings: Settings, http: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = settings.url
        self._http = httpx.AsyncClient(transport=http, **_manners(settings))

    async def carry_out(self, conversation: Conversation[T]) -> T:
        """Send what the conversation asks for until it has come to its result."""
        try:
            request = next(conversation)
            while True:
                if request.after:
                    await asyncio.sleep(request.after)
                request = conversation.send(await self._send(request))
        except StopIteration as end:
            return cast("T", end.value)

    async def _send(self, request: Request) -> Outcome:
        url = self._url + request.call.path
        try:
            return _reply(url, await self._http.request(url=url, **_message(request)))
        except httpx.RequestError as problem:
            return Silence(url=url, reason=_reason(problem))

    async def close(self) -> None:
        await self._http.aclose()


def _manners(settings: Settings) -> dict[str, Any]:
    return {
        "headers": {"authorization": f"Bearer {settings.key}", "accept": "application/json"},
        # Every long poll holds a connection, and how many tokens are waited for is the caller's business.
        "limits": httpx.Limits(max_connections=None, max_keepalive_connections=20),
        # Loading the certificate authorities takes a while, for nothing where there is no TLS.
        "verify": settings.url.startswith("https:"),
    }


def _message(request: Request) -> dict[str, Any]:
    call = request.call
    body_type = {"content-type": "application/json"} if call.body is not None else {}
    return {
        "method": call.method,
        "params": dict(call.query) or None,
        "headers": {**body_type, **request.headers},
        "content": call.body,
        "timeout": httpx.Timeout(call.silence, connect=CONNECT_WITHIN, pool=None),
    }


def _reply(url: str, response: httpx.Response) -> Reply:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(url=url, status=response.status_code, headers=headers, body=response.content)


def _reason(problem: httpx.RequestError) -> str:
    """Low-level failures as short words; which of them it was is found among the causes."""
    causes = list(_causes(problem))
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return f"the TLS connection failed ({causes[-1]})"
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return "nothing listens there (connection refused)"
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return "there is no host of this name"
    if isinstance(problem, httpx.ConnectTimeout):
        return f"no connection within {CONNECT_WITHIN:.0f} s"
    if isinstance(problem, httpx.TimeoutException):
        return "no answer in time"
    return str(problem).rstrip(".") or type(problem).__name__


def _causes(problem: BaseException | None) -> list[BaseException]:
    causes = []
    while problem is not None:
        causes.append(problem)
        problem = problem.__cause__ or problem.__context__
    return causes
