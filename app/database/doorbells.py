"""Between processes: telling the others that there is something new.

The doorbell may be lost at any time without loss of truth: whoever hears it reads the log from where
they stopped, and reads it now and then without having heard anything.
"""

import threading
import time
from collections.abc import Callable

import psycopg
import structlog
from sqlalchemy.engine import URL

from .engines import postgresql_arguments

_CHANNEL = "waitpoint"
_PATIENCE = 5.0  # seconds without a doorbell until the listener looks by itself
_GLANCE = 0.5  # seconds between looks at whether to stop
_RETRY = 1.0  # seconds between attempts to reach a lost database

log = structlog.get_logger(__name__)


class Doorbell:
    """On SQLite there is one process, and nobody else to tell."""

    def start(self, heard: Callable[[], None]) -> None:
        """Call `heard`, from any thread, when another process has written."""

    def ring(self) -> None:
        """Tell the other processes. Called by the writer thread after a commit, so it returns at once."""

    def stop(self) -> None:
        """Hear and tell nothing any more."""


class PostgresqlDoorbell(Doorbell):
    """NOTIFY after the commit on a connection kept for that; LISTEN on another.

    A NOTIFY inside the writing transaction would serialise all commits of the cluster, and one sent by
    the writer thread would make a doorbell that hangs hang every write.
    """

    def __init__(self, url: URL) -> None:
        self._address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._rung = threading.Event()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, heard: Callable[[], None]) -> None:
        self._threads = [
            threading.Thread(target=self._listen, args=(heard,), name="waitpoint-listener", daemon=True),
            threading.Thread(target=self._speak, name="waitpoint-speaker", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def ring(self) -> None:
        self._rung.set()

    def stop(self) -> None:
        self._stopping.set()
        self._rung.set()
        for thread in self._threads:
            thread.join(2 * _GLANCE)

    def _speak(self) -> None:
        while not self._stopping.is_set():
            self._rung.wait()
            try:
                with self._connected() as connection:
                    self._notify(connection)
            except psycopg.Error:
                self._rung.set()  # told when the database is back
                self._stopping.wait(_RETRY)

    def _notify(self, connection: psycopg.Connection) -> None:
        while self._rung.wait():
            self._rung.clear()  # first, so that a commit meanwhile rings again
            connection.execute(f"NOTIFY {_CHANNEL}")  # when stopping, too: it wakes our own listener
            if self._stopping.is_set():
                return

    def _listen(self, heard: Callable[[], None]) -> None:
        while not self._stopping.is_set():
            try:
                with self._connected() as connection:
                    connection.execute(f"LISTEN {_CHANNEL}")
                    self._relay(connection, heard)
            except psycopg.Error as error:
                log.warning("the doorbell's connection was lost", reason=type(error).__name__)
                self._stopping.wait(_RETRY)

    def _relay(self, connection: psycopg.Connection, heard: Callable[[], None]) -> None:
        while not self._stopping.is_set():
            heard()  # also after a reconnection and after a silence: something may have been missed
            self._wait(connection)

    def _wait(self, connection: psycopg.Connection) -> None:
        """Return at a notification, after a long silence, or when it is time to stop."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until and not self._stopping.is_set():
            if list(connection.notifies(timeout=_GLANCE, stop_after=1)):
                return
        connection.execute("SELECT 1")  # a connection that died in silence is found out here

    def _connected(self) -> psycopg.Connection:
        return psycopg.connect(self._address, autocommit=True, **postgresql_arguments(read_only=False))
