"""`waitpoint serve`: run the server until it is told to stop."""

import argparse
import errno
import gc
import resource
import signal
import socket
import sys
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

import structlog
import uvicorn

from .. import logs
from ..asgi import create_app
from ..database import Unit
from ..opening import open_database
from ..people import people, sign_in
from ..people.models import OWNER
from ..realtime.protocol import ImpatientProtocol
from ..service import Service
from ..settings import BadSettings, load
from ..web.edge import App, Message, Receive, Scope, Send
from .output import parser_of

_GRACE = 6  # seconds for open requests when the server is told to stop
log = structlog.get_logger(__name__)
UVICORN = {
    "loop": "uvloop",
    "http": "httptools",
    "ws": ImpatientProtocol,
    "ws_per_message_deflate": False,
    "ws_max_size": 1_048_576,
    "ws_ping_interval": 15.0,
    "ws_ping_timeout": 14.0,  # who has not answered by then is cut off, within half a minute
    "access_log": False,  # it would print the secrets in URLs
    "server_header": False,
    "log_config": None,
    "timeout_graceful_shutdown": _GRACE,
    "proxy_headers": False,
}
"""How uvicorn is run; the benchmark's empty handler runs with the same."""


def main(arguments: list[str]) -> int:
    parser = parser_of("serve", "Run the server until it is told to stop (Ctrl-C, or the signal TERM).")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=_port, default=8000, help="port to listen on (default: %(default)s; 0 for any free one)"
    )
    parser.add_argument(
        "--show-key",
        action="store_true",
        help="print the API key of WAITPOINT_SECRET_KEY and a sign-in link, even where output is kept: for development",
    )
    options = parser.parse_args(arguments)
    settings = load()
    signal.signal(signal.SIGTERM, _leave)
    logs.configure(settings)
    _allow_many_sockets()
    listener = _listen(options.host, options.port)
    public_url = settings.public_url or _address(options.host, listener.getsockname()[1])
    database = open_database(settings)
    greeting = Greeting(is_development=options.show_key, is_read=sys.stdout.isatty())
    server = _Server()

    async def started(service: Service) -> None:
        server.service = service
        await greeting.say(service)

    app = create_app(settings, database, public_url, started=started)
    _collect_less_garbage()
    server.run(app, listener)
    return 0


def _collect_less_garbage() -> None:
    """What is here by now stays, so it is never looked at again; what requests leave behind has few cycles."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)  # objects, and collections of the younger generation


def _allow_many_sockets() -> None:
    """Every open page is a socket; the usual limit of 1,024 open files is meant for other programs."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class _Server:
    """uvicorn, with a word to the long polls before it stops: they answer at once instead of holding it up."""

    def __init__(self) -> None:
        self.service: Service | None = None
        self._failure: BaseException | None = None

    def run(self, app: App, listener: socket.socket) -> None:
        """Serve until a signal comes. Raises what kept the server from starting."""
        config = uvicorn.Config(self._watched(app), **UVICORN)  # type: ignore[arg-type]  # uvicorn's own options
        server = uvicorn.Server(config)
        handle_exit = server.handle_exit

        def stop(sig: int, frame: FrameType | None) -> None:
            if self.service is not None:
                self.service.database.loop.call_soon_threadsafe(self.service.stopping.set)
            handle_exit(sig, frame)

        server.handle_exit = stop  # type: ignore[method-assign]  # uvicorn has no hook of its own
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:
            return  # uvicorn raises the signal again after a clean stop
        except SystemExit:
            if self._failure is None:
                raise
        if self._failure is not None:
            raise self._failure

    def _watched(self, app: App) -> App:
        """Keep what goes wrong while starting, for one sentence; uvicorn would log a traceback."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "lifespan":
                await app(scope, receive, send)
                return
            try:
                await app(scope, receive, _without_traceback(send))
            except Exception as error:  # noqa: BLE001 - raised again by `run`
                self._failure = _first_of(error)

        return watched


def _first_of(error: Exception) -> Exception:
    """What went wrong first, where several parts of the server broke off together."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _without_traceback(send: Send) -> Send:
    async def brief(message: Message) -> None:
        await send(message | {"message": ""} if message["type"].endswith(".failed") else message)

    return brief


@dataclass(frozen=True)
class Greeting:
    """What a server says when it is ready. Where nobody reads along and logs are for machines, it is a log line."""

    is_development: bool
    is_read: bool

    async def say(self, service: Service) -> None:
        """Say where the server is, and let somebody in."""
        if service.settings.log_format == "json" and not self.is_read and not self.is_development:
            await self._log(service)
            return
        print(f"Waitpoint is running at {service.public_url}")
        link = await service.database.write(self._link)
        if link is not None:
            print(f"\nSign in, once and within a day:\n  {service.public_url}/sign-in/{link}")
        key = service.settings.secret_key
        if key is not None:
            may_show = self.is_development or self.is_read
            if may_show:
                print(f"\nAPI key of the environment dev:\n  {key}")
            print(_first_question(service.public_url, key if may_show else "$WAITPOINT_SECRET_KEY"))
        sys.stdout.flush()

    async def _log(self, service: Service) -> None:
        log.info("the server is running", url=service.public_url)
        if not await service.database.read(people.are_there_any):
            log.warning("nobody has signed in yet: `waitpoint people link` lets the first owner in")

    def _link(self, db: Unit) -> str | None:
        """The first owner's link; on a development server also one for an owner who has been here before."""
        first = sign_in.first_link(db)
        if first is not None or not self.is_development:
            return first
        owner = next((person for person in people.every(db) if person.role == OWNER), None)
        return None if owner is None else sign_in.make_link(db, owner.id)


def _first_question(public_url: str, key: str) -> str:
    """Requests that work when they are pasted. The key is the operator's own, from their environment."""
    return (
        "\nAsk a question, and open the approvalUrl of the answer:\n"
        f"  curl -s {public_url}/api/v1/waitpoints/tokens \\\n"
        f'    -H "Authorization: Bearer {key}" \\\n'
        '    -d \'{"timeout": "1h", "tags": ["hello"], "request": {"title": "Publish the autumn sale?",\n'
        '         "body": "It starts on **Monday**. Please check the prices.", "requester": "ada@example.com",\n'
        '         "context": {"products": [{"name": "Boots", "price": 89.9}, {"name": "Scarf", "price": 19}]}}}\'\n'
        "\nThen ask, with its id, what came of it:\n"
        f'  curl -s {public_url}/api/v1/waitpoints/tokens/waitpoint_… -H "Authorization: Bearer {key}"'
    )


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Told to stop before the server runs, or when it has stopped already: a clean end either way."""
    raise SystemExit(0)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: use a number from 0 to 65535")
    return int(text)


def _listen(host: str, port: int) -> socket.socket:
    """Bind before anything else is touched. Raises BadSettings."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise BadSettings(_why_not(error, host, port)) from None
    listener.setblocking(False)
    return listener


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use by another program: choose another with --port"
    if error.errno == errno.EACCES:
        return f"port {port} is for the system's own programs: choose one above 1023 with --port"
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return f"{host} is no address of this machine: name one with --host, or 0.0.0.0 for all"
    return f"--host {host} --port {port} cannot be used: {error.strerror or error}"


def _address(host: str, port: int) -> str:
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - compared, not bound
    return f"http://{name}:{port}"
