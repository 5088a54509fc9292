"""`waitpoint serve`: run the server until it is told to stop."""

import argparse
import socket
import sys
from types import FrameType

import uvicorn

from .. import logs
from ..asgi import create_app
from ..opening import open_database
from ..people import sign_in
from ..service import Service
from ..settings import BadSettings, load

_GRACE = 8  # seconds for open requests when the server is told to stop
UVICORN = {
    "loop": "uvloop",
    "http": "httptools",
    "ws": "websockets-sansio",
    "ws_per_message_deflate": False,
    "ws_max_size": 1_048_576,
    "ws_ping_interval": 20.0,
    "ws_ping_timeout": 20.0,
    "access_log": False,  # it would print the secrets in URLs
    "server_header": False,
    "log_config": None,
    "timeout_graceful_shutdown": _GRACE,
    "proxy_headers": False,
}
"""How uvicorn is run; the benchmark's empty handler runs with the same."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="waitpoint serve", description="Run the server.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on (default 8000; 0 for any free one)")
    parser.add_argument("--show-key", action="store_true", help="print WAITPOINT_SECRET_KEY, even where it may be logged")
    options = parser.parse_args(arguments)
    settings = load()
    logs.configure(settings)
    listener = _listen(options.host, options.port)
    public_url = settings.public_url or _address(options.host, listener.getsockname()[1])
    database = open_database(settings)
    server = _Server()
    shows_key = options.show_key or sys.stdout.isatty()

    async def started(service: Service) -> None:
        server.service = service
        await _greet(service, shows_key=shows_key)

    app = create_app(settings, database, public_url, started=started)
    server.run_on(uvicorn.Config(app, **UVICORN), listener)  # type: ignore[arg-type]  # an ASGI app, and uvicorn's own options
    return 0 if server.has_served else 1


class _Server:
    """uvicorn, with a word to the long polls before it stops: they answer at once instead of holding it up."""

    def __init__(self) -> None:
        self.service: Service | None = None
        self.has_served = False

    def run_on(self, config: uvicorn.Config, listener: socket.socket) -> None:
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
            pass  # uvicorn raises the signal again after a clean stop
        finally:
            self.has_served = server.started


async def _greet(service: Service, *, shows_key: bool) -> None:
    """Say where the server is, and let the first owner in."""
    say = _say_to_people if sys.stdout.isatty() or service.settings.log_format != "json" else _say_nothing
    say(f"Waitpoint is running at {service.public_url}")
    secret = await service.database.write(sign_in.first_link)
    if secret is not None:
        _say_to_people(
            f"Nobody has signed in yet. The first owner opens, once:\n  {service.public_url}/sign-in/{secret}"
        )
    if service.settings.secret_key:
        say(_example(service.public_url, service.settings.secret_key if shows_key else "$WAITPOINT_SECRET_KEY"))


def _example(public_url: str, key: str) -> str:
    """A request that works when it is pasted. The key is the operator's own, from their environment."""
    return (
        "Create a token:\n"
        f"  curl -s {public_url}/api/v1/waitpoints/tokens \\\n"
        f'    -H "Authorization: Bearer {key}" \\\n'
        '    -d \'{"timeout": "1h", "tags": ["hello"]}\''
    )


def _say_to_people(text: str) -> None:
    print(text, flush=True)


def _say_nothing(_text: str) -> None:
    return


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
        raise BadSettings(f"--host {host} --port {port} cannot be used: {error.strerror or error}") from None
    listener.setblocking(False)
    return listener


def _address(host: str, port: int) -> str:
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - compared, not bound
    return f"http://{name}:{port}"
