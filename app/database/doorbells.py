"""Between processes: telling the others that there is something new.

The doorbell may be lost at any time without loss of truth: whoever hears it reads the log from where
they stopped, and reads it now and then without having heard anything.
"""

import threading
from collections.abc import Callable

import psycopg
import structlog
from sqlalchemy.engine import URL

_CHANNEL = "waitpoint"
_PATIENCE = 5.0  # seconds without a doorbell until the listener looks by itself
_RETRY = 1.0  # seconds between attempts to reach a lost database

log = structlog.get_logger(__name__)


class Doorbell:
    """On SQLite there is one process, and nobody else to tell."""

    def start(self, heard: Callable[[], None]) -> None:
        """Call `heard`, from any thread, when another process has written."""

    def ring(self) -> None:
        """Tell the other processes. Called by the writer thread after a commit."""

    def stop(self) -> None:
        """Hear and tell nothing any more."""


class PostgresqlDoorbell(Doorbell):
    """NOTIFY after the commit on a connection kept for that; LISTEN on another.

    A NOTIFY inside the writing transaction would serialise all commits of the cluster.
    """

    def __init__(self, url: URL) -> None:
        self._address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._speaker: psycopg.Connection | None = None
        self._stopping = threading.Event()

    def start(self, heard: Callable[[], None]) -> None:
        threading.Thread(target=self._listen, args=(heard,), name="waitpoint-doorbell", daemon=True).start()

    def ring(self) -> None:
        try:
            if self._speaker is None:
                self._speaker = psycopg.connect(self._address, autocommit=True, connect_timeout=3)
            self._speaker.execute(f"NOTIFY {_CHANNEL}")
        except psycopg.Error:
            self._speaker = None  # the others look by themselves within seconds

    def stop(self) -> None:
        self._stopping.set()
        if self._speaker is not None:
            self._speaker.close()

    def _listen(self, heard: Callable[[], None]) -> None:
        while not self._stopping.is_set():
            try:
                with psycopg.connect(self._address, autocommit=True, connect_timeout=3) as connection:
                    connection.execute(f"LISTEN {_CHANNEL}")
                    self._relay(connection, heard)
            except psycopg.Error as error:
                log.warning("the doorbell's connection was lost", reason=type(error).__name__)
                self._stopping.wait(_RETRY)

    def _relay(self, connection: psycopg.Connection, heard: Callable[[], None]) -> None:
        while not self._stopping.is_set():
            heard()  # also after a reconnection and after a silence: something may have been missed
            for _ in connection.notifies(timeout=_PATIENCE, stop_after=1):
                pass
