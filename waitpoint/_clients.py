"""The two clients: the same words over a channel that blocks and over one that awaits.

httpx takes longer to import than everything else together, so it comes with the first client, not with the module.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, Unpack, overload

from waitpoint import _arguments as arguments
from waitpoint import _calls as calls
from waitpoint._arguments import Timeout, TokenOrId
from waitpoint._calls import Call, CreateOptions, ListFilters
from waitpoint._outputs import Expected
from waitpoint._requests import RequestLike
from waitpoint._settings import settings
from waitpoint._tasks import calls as runs
from waitpoint._tasks.calls import Run, TriggerOptions
from waitpoint._tasks.inputs import Input
from waitpoint._values import CreatedToken, Settlement, Token, TokenPage, WaitResult, result_of

if TYPE_CHECKING:
    import httpx

    from waitpoint._channels import BlockingChannel, Channel

T = TypeVar("T")


class Waitpoint:
    """A client that blocks. Threads may share one; close it, or use it as a context manager.

    What is not passed comes from `WAITPOINT_URL` (else http://127.0.0.1:8000) and `WAITPOINT_SECRET_KEY`.
    A public access token in place of the secret key may do what its scopes say. `transport` is an httpx
    transport, for certificates and proxies of your own.
    """

    def __init__(
        self,
        *,
        url: str | None = None,
        secret_key: str | None = None,
        public_access_token: str | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        from waitpoint._channels import BlockingChannel  # noqa: PLC0415 (see above)

        self._channel = BlockingChannel(settings(url, secret_key, public_access_token), transport)
        self.tokens = Tokens(self._channel)
        self.wait_for_token = self.tokens.wait
        self.runs = Runs(self._channel)
        self.auth = Auth(self._channel)

    def close(self) -> None:
        """Close all connections."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Tokens:
    """The tokens of one environment."""

    def __init__(self, channel: BlockingChannel) -> None:
        self._channel = channel

    def create(self, **options: Unpack[CreateOptions]) -> CreatedToken:
        """Create a token: `create(timeout="24h", tags=["moderation"])`. All options are in `CreateOptions`."""
        return self._channel.ask(calls.create_token(**options))

    def complete(self, token: TokenOrId, data: Any = None, *, if_waiting: bool = False) -> Settlement:
        """Complete a token with this output. A settled token keeps its first answer, and `already_completed` says so.

        With `if_waiting`, coming too late raises `AlreadySettled`.
        """
        return self._channel.ask(calls.complete_token(token, data, if_waiting=if_waiting))

    def amend(self, token: TokenOrId, request: RequestLike) -> Token:
        """Ask something else on a token that waits: what is given replaces what was asked, the rest stays.

        In a mapping None takes a field away. Whoever has the old question open is shown what changed.
        """
        return self._channel.ask(calls.amend_token(token, request))

    def cancel(self, token: TokenOrId, reason: str | None = None) -> Settlement:
        """End a token without an answer. Who waits for it gets a `WaitpointCancelledError`."""
        return self._channel.ask(calls.cancel_token(token, reason))

    def retrieve(self, token: TokenOrId) -> Token:
        """The token as it stands now, with its output."""
        return self._channel.ask(calls.retrieve_token(token))

    def list(self, **filters: Unpack[ListFilters]) -> TokenList:
        """The tokens that pass all filters, newest first. Pages are fetched while you iterate."""
        return TokenList(self._channel.ask, calls.list_tokens(**filters))

    @overload
    def wait(
        self, token: TokenOrId, output_type: type[T], *, timeout: float | timedelta | None = None
    ) -> WaitResult[T]: ...

    @overload
    def wait(
        self, token: TokenOrId, output_type: Any = None, *, timeout: float | timedelta | None = None
    ) -> WaitResult[Any]: ...

    def wait(
        self, token: TokenOrId, output_type: Any = None, *, timeout: float | timedelta | None = None
    ) -> WaitResult[Any]:
        """Wait until the token is settled, and go on waiting while the server restarts.

        The output is read into `output_type`: a Pydantic model, dataclass, TypedDict, Struct, or made of them.
        After `timeout` seconds this call raises `StillWaiting`; the token has a timeout of its own.
        """
        expected = Expected(output_type)
        token = self._channel.settled(arguments.token_id(token), arguments.seconds("timeout", timeout))
        return result_of(token, expected)


class Runs:
    """The runs of one environment, for programs that know tasks by their ids."""

    def __init__(self, channel: BlockingChannel) -> None:
        self._channel = channel

    def trigger(self, task: str, payload: Any = None, **options: Unpack[TriggerOptions]) -> str:
        """Begin a run and give its id. A JSON object becomes the keyword arguments of the task."""
        return self._channel.ask(runs.trigger_any(task, payload, options))

    def retrieve(self, run: str) -> Run:
        """The run as it stands now."""
        return self._channel.ask(runs.retrieve_run(run))

    def subscribe(self, run: str) -> Iterator[Run]:
        """The run as it stands, and again whenever that is another than before, until it is finished."""
        return self._channel.changes(run)

    def send(self, run: str, input: Input[T], value: T) -> None:
        """Give a run a value for one of its inputs."""
        self._channel.ask(input.sending(run, value))

    def cancel(self, run: str) -> None:
        """End the run. One that is finished stays as it is."""
        self._channel.ask(runs.cancel_run(run))

    def retry(self, run: str) -> None:
        """Have a failed or cancelled run tried once more. It keeps its journal, so only what failed runs again."""
        self._channel.ask(runs.retry_run(run))


class Auth:
    """Keys for others."""

    def __init__(self, channel: BlockingChannel) -> None:
        self._channel = channel

    def public_token(self, scopes: str | Sequence[str], expires_in: Timeout | None = None) -> str:
        """A public access token that may do what `scopes` say, such as `read:waitpoints:<token id>`."""
        return self._channel.ask(calls.public_token(scopes, expires_in))


class TokenList:
    """A list of tokens that fetches page after page: `for token in client.tokens.list(tags="eu")`."""

    def __init__(self, ask: Callable[[Call[TokenPage]], TokenPage], call: Call[TokenPage]) -> None:
        self._ask = ask
        self._call = call

    def page(self) -> TokenPage:
        """One page, and no more."""
        return self._ask(self._call)

    def pages(self) -> Iterator[TokenPage]:
        """Page after page."""
        call: Call[TokenPage] | None = self._call
        while call is not None:
            page = self._ask(call)
            yield page
            call = calls.next_page(call, page)

    def __iter__(self) -> Iterator[Token]:
        for page in self.pages():
            yield from page


class AsyncWaitpoint:
    """A client for asyncio. It belongs to one event loop; close it, or use it as an async context manager.

    What is not passed comes from `WAITPOINT_URL` (else http://127.0.0.1:8000) and `WAITPOINT_SECRET_KEY`.
    A public access token in place of the secret key may do what its scopes say. `transport` is an httpx
    transport, for certificates and proxies of your own.
    """

    def __init__(
        self,
        *,
        url: str | None = None,
        secret_key: str | None = None,
        public_access_token: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        from waitpoint._channels import AwaitingChannel  # noqa: PLC0415 (see above)

        self._channel = AwaitingChannel(settings(url, secret_key, public_access_token), transport)
        self.tokens = AsyncTokens(self._channel)
        self.wait_for_token = self.tokens.wait
        self.runs = AsyncRuns(self._channel)
        self.auth = AsyncAuth(self._channel)

    async def close(self) -> None:
        """Close all connections."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class AsyncTokens:
    """The tokens of one environment."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def create(self, **options: Unpack[CreateOptions]) -> Coroutine[Any, Any, CreatedToken]:
        """Create a token: `create(timeout="24h", tags=["moderation"])`. All options are in `CreateOptions`."""
        return self._channel.ask(calls.create_token(**options))

    def complete(
        self, token: TokenOrId, data: Any = None, *, if_waiting: bool = False
    ) -> Coroutine[Any, Any, Settlement]:
        """Complete a token with this output. A settled token keeps its first answer, and `already_completed` says so.

        With `if_waiting`, coming too late raises `AlreadySettled`.
        """
        return self._channel.ask(calls.complete_token(token, data, if_waiting=if_waiting))

    def amend(self, token: TokenOrId, request: RequestLike) -> Coroutine[Any, Any, Token]:
        """Ask something else on a token that waits: what is given replaces what was asked, the rest stays.

        In a mapping None takes a field away. Whoever has the old question open is shown what changed.
        """
        return self._channel.ask(calls.amend_token(token, request))

    def cancel(self, token: TokenOrId, reason: str | None = None) -> Coroutine[Any, Any, Settlement]:
        """End a token without an answer. Who waits for it gets a `WaitpointCancelledError`."""
        return self._channel.ask(calls.cancel_token(token, reason))

    def retrieve(self, token: TokenOrId) -> Coroutine[Any, Any, Token]:
        """The token as it stands now, with its output."""
        return self._channel.ask(calls.retrieve_token(token))

    def list(self, **filters: Unpack[ListFilters]) -> AsyncTokenList:
        """The tokens that pass all filters, newest first. Pages are fetched while you iterate."""
        return AsyncTokenList(self._channel.ask, calls.list_tokens(**filters))

    @overload
    def wait(
        self, token: TokenOrId, output_type: type[T], *, timeout: float | timedelta | None = None
    ) -> TokenWait[T]: ...

    @overload
    def wait(
        self, token: TokenOrId, output_type: Any = None, *, timeout: float | timedelta | None = None
    ) -> TokenWait[Any]: ...

    def wait(
        self, token: TokenOrId, output_type: Any = None, *, timeout: float | timedelta | None = None
    ) -> TokenWait[Any]:
        """Wait until the token is settled, and go on waiting while the server restarts.

        The output is read into `output_type`: a Pydantic model, dataclass, TypedDict, Struct, or made of them.
        After `timeout` seconds this call raises `StillWaiting`; the token has a timeout of its own.
        """
        return TokenWait(self._channel, token, output_type, timeout)


class AsyncRuns:
    """The runs of one environment, for programs that know tasks by their ids."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def trigger(self, task: str, payload: Any = None, **options: Unpack[TriggerOptions]) -> Coroutine[Any, Any, str]:
        """Begin a run and give its id. A JSON object becomes the keyword arguments of the task."""
        return self._channel.ask(runs.trigger_any(task, payload, options))

    def retrieve(self, run: str) -> Coroutine[Any, Any, Run]:
        """The run as it stands now."""
        return self._channel.ask(runs.retrieve_run(run))

    def subscribe(self, run: str) -> AsyncGenerator[Run]:
        """The run as it stands, and again whenever that is another than before, until it is finished."""
        return self._channel.changes(run)

    def send(self, run: str, input: Input[T], value: T) -> Coroutine[Any, Any, None]:
        """Give a run a value for one of its inputs."""
        return self._channel.ask(input.sending(run, value))

    async def cancel(self, run: str) -> None:
        """End the run. One that is finished stays as it is."""
        await self._channel.ask(runs.cancel_run(run))

    async def retry(self, run: str) -> None:
        """Have a failed or cancelled run tried once more. It keeps its journal, so only what failed runs again."""
        await self._channel.ask(runs.retry_run(run))


class AsyncAuth:
    """Keys for others."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def public_token(self, scopes: str | Sequence[str], expires_in: Timeout | None = None) -> str:
        """A public access token that may do what `scopes` say, such as `read:waitpoints:<token id>`."""
        return await self._channel.ask(calls.public_token(scopes, expires_in))


class AsyncTokenList:
    """A list of tokens that fetches page after page: `async for token in client.tokens.list(tags="eu")`."""

    def __init__(self, ask: Callable[[Call[TokenPage]], Coroutine[Any, Any, TokenPage]], call: Call[TokenPage]) -> None:
        self._ask = ask
        self._call = call

    async def page(self) -> TokenPage:
        """One page, and no more."""
        return await self._ask(self._call)

    async def pages(self) -> AsyncIterator[TokenPage]:
        """Page after page."""
        call: Call[TokenPage] | None = self._call
        while call is not None:
            page = await self._ask(call)
            yield page
            call = calls.next_page(call, page)

    async def __aiter__(self) -> AsyncIterator[Token]:
        async for page in self.pages():
            for token in page:
                yield token


class TokenWait(Generic[T]):
    """A wait that has not begun: await it for a result, or `unwrap()` it for the output itself."""

    def __init__(self, channel: Channel, token: TokenOrId, output_type: Any, timeout: float | timedelta | None) -> None:
        self._token_id = arguments.token_id(token)
        self._expected = Expected(output_type)
        self._timeout = arguments.seconds("timeout", timeout)
        self._channel = channel.begin()

    def __await__(self) -> Generator[Any, None, WaitResult[T]]:
        return self._wait().__await__()

    async def _wait(self) -> WaitResult[T]:
        token = await self._channel.settled(self._token_id, self._timeout)
        return result_of(token, self._expected)

    async def unwrap(self) -> T:
        """The output. Raises `WaitpointTimeoutError` or `WaitpointCancelledError` when there is none."""
        return (await self).unwrap()

    def __repr__(self) -> str:
        # `create_task` takes coroutines only, and shows this in its message.
        return f"<wait for {self._token_id}: await it, or give .unwrap() to create_task>"
